"""The mutation tester itself: which slips it makes, and what it says of a tiny project."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from mutate import mutants, without_asserts
from press_project import write

ROOT = Path(__file__).parents[1]


def changes(text):
    """Of every mutant of a text, all lines shown."""
    found = mutants(text, set(range(1, text.count("\n") + 2)))
    assert all(ast.dump(ast.parse(m.source)) != ast.dump(ast.parse(text)) for m in found)
    assert len({m.source for m in found}) == len(found)
    return [m.change for m in found]


SLIPS = {  # a program: what must be among its mutants
    "y = a * b + c": {"a * b + c → a * b", "a * b + c → c", "a * b → a + b", "a * b → b", "a * b + c → (a * b) - c"},
    "y = (1 - z) * n": {"1 - z → z", "1 - z → 1", "1 - z → 1 + z", "1 → 0", "1 → 2", "(1 - z) * n → 1 - z"},
    "y = x @ W.T": {"W.T → W", "x @ W.T → x * W.T"},
    "y = d @ W": {"d @ W → d @ W.T"},
    "i, f = a.chunk(2, dim=1)\ny = f": {"i, f → f, i", "f → i", "1 → 0", "1 → 2", "2 → 3"},
    "y = torch.tanh(a)": {"torch.tanh(a) → torch.sigmoid(a)", "torch.tanh(a) → torch.sin(a)"},
    "def f(a):\n    return np.tanh(a)": {"np.tanh(a) → np.sin(a)", "np.tanh(a) → -np.tanh(a)"},
    "for t in reversed(range(T)):\n    y = x[t]": {
        "reversed(range(T)) → range(T)", "range(T) → range(T - 1)", "range(T) → range(1, T)",
        "x[t] → x[t - 1]", "x[t] → x[t + 1]",
    },
    "y = -a": {"-a → a"},
    "y = x[:, -1]": {"-1 → -2", "-1 → 0"},
    "y = x[H:]": {"x[H:] → x[:H]"},
    "y = x[::-1]": {"x[::-1] → x[:]"},
    "y += a": {"y += a → y -= a", "y += a → y = a", "y += a → pass"},
    "xs = []\nxs.append(h)": {"xs.append(h) → pass"},
    "h, c = f(x, h, W)": {"f(x, h, W) → f(h, x, W)", "f(x, h, W) → f(x, W, h)"},
    "def f(a):\n    a = g(a)\n    return a": {"a = g(a) → pass"},
    "def f(b_ih, b_hh):\n    return b_ih": {"b_ih → b_hh"},
    "ok = a < b": {"a < b → a <= b", "a < b → a >= b"},
    "ok = a < 1e-12": {"a < 1e-12 → a >= 1e-12"},
    "y = a if c else b": {"a if c else b → b if c else a"},
    "if c and d:\n    y = 1": {"c and d → c or d"},
    'order = "ifgo"': {'"ifgo" → "figo"', '"ifgo" → "igfo"', '"ifgo" → "ifog"'},
    "rows = torch.cat([a, b, c])": {"[a, b, c] → [b, a, c]", "[a, b, c] → [a, c, b]"},
    "order = [0, 3, 1, 2]": {"[0, 3, 1, 2] → [3, 0, 1, 2]", "[0, 3, 1, 2] → [0, 1, 3, 2]"},
}  # fmt: skip


@pytest.mark.parametrize("text", SLIPS, ids=lambda text: text.splitlines()[-1].strip())
def test_slips_are_made(text):
    assert set(changes(text)) >= SLIPS[text]


@pytest.mark.parametrize("text", [
    "import torch", "torch.manual_seed(0)", "def f(seed=1):\n    pass", "T = 3", "T, H = 3, 4", "print('1 + 1')",
    "print(f'{a - 1}')", "assert a < b", "x = torch.randn(3, 7)", "sizes = [(1, 2), (3, 4)]", "x = f(a, atol=1.5)",
    "h_0, c_0 = torch.randn(2, 3)", "pairs = [(a, b) for k in ks]", "options.intra_op_num_threads = 1",
])  # fmt: skip
def test_what_cannot_be_wrong_is_left_alone(text):
    assert changes(text) == []


def test_only_the_place_changes_and_only_on_shown_lines():
    text = "# σ(a) before\ny = (a  # the σ term\n     + b)\nz = a + b\n"
    first, *_ = mutants(text, {2})
    assert first.line == 2 and first.source == "# σ(a) before\ny = ((a - b))\nz = a + b\n"
    assert {m.line for m in mutants(text, {1, 2, 3})} == {2}


def test_asserts_are_taken_out():
    text = "x = 1\nassert x == 1, (\n    'σ')\nfor a in b:\n    assert a\n"
    assert without_asserts(text) == "x = 1\npass\nfor a in b:\n    pass\n"


STEP = '''\
"""Shows something."""

# %% step
def step(x, h, steps=()):
    while steps:
        steps.clear()
    return x - h


# %% unused
def other(x):
    return x + x


assert other(2) == 4
# %% drawing tags=["hidden"]
hidden = 1 + 1
'''
TEST = """\
import runpy

def test_step():
    step = runpy.run_path("snippets/tiny/step.py")["step"]
    assert step(3, 1) == step(3, 1, [1]) == 2
"""
REASON = '[[survivor]]\nsnippet = "snippets/tiny/step.py"\nline = "{}"\nchange = "{}"\nreason = "Because."\n'


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    files = {"snippets/tiny/step.py": STEP, "tests/test_tiny.py": TEST}
    return write(tmp_path_factory.mktemp("tiny"), files)


def run(root, *names):
    command = [sys.executable, ROOT / "tests" / "mutants.py", "--root", root, *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_tiny_project(tiny):
    """Killed, endless, found by the own check alone, survived; nothing written but what is kept."""
    done = run(tiny)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "x - h → " not in done.stdout  # the test sees these
    assert "hidden" not in done.stdout
    assert "      x + x → x: no reason given" in lines
    assert "(and 3 by the snippet's own check alone)" in done.stdout
    assert (tiny / "snippets/tiny/step.py").read_text() == STEP
    assert "1 of them by not ending" in done.stdout and "less than 95%" in done.stdout

    write(tiny, {"tests/survivors.toml": REASON.format("return x + x", "x + …") + REASON.format("…", "y → z")})
    again = run(tiny)
    assert "      x + x → x: Because." in again.stdout.splitlines()
    assert "fits no survivor: snippets/tiny/step.py: y → z" in again.stdout
    assert "survives without a reason: x + x" not in again.stdout


def test_tests_that_fail_anyway_are_a_fault(tiny):
    write(tiny, {"tests/test_tiny.py": TEST.replace("== 2", "== 7")})
    done = run(tiny, "snippets/tiny")
    assert done.returncode == 1 and "the tests of snippets/tiny/step.py fail as it is" in done.stderr
    assert "no such snippet: snippets/nothing" in run(tiny, "snippets/nothing").stderr
