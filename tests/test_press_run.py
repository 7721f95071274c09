"""Running snippets: what a run captures, and every way in which one can fail."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from press_project import snippet, tree, write

from hooks import cache, run

HEAD = '"""Shows something."""\n# time limit: 1 s'
DRAW = "import matplotlib.pyplot as plt\n"
LINE = 'plt.figure(figsize=(4.8, 2))\nplt.plot([1, 2], color="#2072d5")\n'
GOOD = {
    "prints": snippet(
        'import os\nprint("größer")',
        'import sys\nsys.stdout.write("one\\n")\nos.write(1, b"two\\n")',
        "x = 1",
        'os.system("echo three")\nprint("four")',
    ),
    "draws": snippet(
        DRAW + LINE + "plt.title('So hₜ')\nplt.show()",
        LINE + "plt.show()\n" + LINE.replace("4.8, 2", "4.8, 4") + "plt.show()\nprint('drawn')",
        LINE + LINE + "plt.show()",
    ),
    "shows": snippet("from matplotlib.pyplot import show\n" + DRAW + LINE + "show()", LINE + "show()"),
    "values": snippet(
        "import math\nimport numpy as np\nimport torch\ndef f(): pass\nclass C: pass\n_hidden = 1\n",
        'd = {"a": {1: 0.5}, "t": torch.ones(1)}\nn = np.float32(0.5)\ni = np.int64(3)\ntrue = n < 1',
        's = "é"\nnan = math.nan\narray = np.ones(2)\nt = torch.tensor(1.0)\nnothing = None\nd["later"] = 2',
    ),
    "reader": snippet(
        "import os, sys\nprint(__name__, os.listdir(), sys.argv == [__file__])\nopen('x', 'w').close()",
        "import importlib.util\nprint(sys.path[0] == os.path.dirname(__file__), importlib.util.find_spec('tests'))",
    ),
    "leaves": snippet("import subprocess\nimport threading\nimport time\npid = subprocess.Popen(['sleep', '1000']).pid")
    + "threading.Thread(target=time.sleep, args=(1000,)).start()\n",
    "deep/er/user": snippet("from helper import twice\nprint(twice(4))"),
    "deep/er/helper": snippet("def twice(x):\n    return x + x"),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The results of all good snippets, run in one go."""
    root = write(tmp_path_factory.mktemp("good"), {f"snippets/{name}.py": text for name, text in GOOD.items()})
    snippets, results, faults = run.results(root, say=lambda line: None)
    assert faults == [] and set(results) == set(snippets) == set(GOOD)
    return results


def test_output_goes_to_the_cell_that_wrote_it(good):
    assert [cell["stdout"] for cell in good["prints"]["cells"].values()] == [
        "größer\n", "one\ntwo\n", "", "three\nfour\n"
    ]


def test_a_snippet_runs_as_a_program_in_an_empty_folder(good):
    assert good["reader"]["cells"]["a"]["stdout"] == "__main__ [] True\n"
    assert good["reader"]["cells"]["b"]["stdout"] == "True None\n"
    assert good["deep/er/user"]["cells"]["a"]["stdout"] == "8\n"


def test_figures_in_two_themes(good):
    cells, folder = good["draws"]["cells"], good["draws"]["folder"]
    assert cells["a"]["figures"] == [{"file": "a", "width": 346, "height": 144}]
    assert [figure["file"] for figure in cells["b"]["figures"]] == ["b", "b.narrow"]
    assert [figure["file"] for figure in cells["c"]["figures"]] == ["c", "c.narrow"]
    assert cells["b"]["figures"][1]["height"] == 288 and cells["b"]["stdout"] == "drawn\n"
    light, dark = (folder / name for name in ("a.svg", "a.dark.svg"))
    assert "#2072d5" in light.read_text() and "#b8c1fb" not in light.read_text()
    assert dark.read_text() == light.read_text().replace("#2072d5", "#b8c1fb").replace("#1f2328", "#e2e4e9").replace(
        "#5c6370", "#a9adb8"
    )
    assert ">So hₜ</text>" in light.read_text() and "system-ui" in light.read_text()
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_belongs_to_the_cell_that_shows_it(good):
    figures = {cell: [figure["file"] for figure in made["figures"]] for cell, made in good["shows"]["cells"].items()}
    assert figures == {"a": ["a"], "b": ["b"]}


def test_values(good):
    tensor = {"!": "is a Tensor, not a number (make it one in the snippet, say with .item())"}
    assert good["values"]["values"] == {
        "d": {"a": {"1": 0.5}, "t": tensor, "later": 2},
        "n": 0.5,
        "i": 3,
        "true": True,
        "s": "é",
        "nan": {"!": "is nan (a page shows finite numbers only)"},
        "array": {"!": tensor["!"].replace("Tensor", "ndarray")},
        "t": tensor,
        "nothing": {"!": tensor["!"].replace("Tensor", "NoneType")},
    }


LOOP = "def forever():\n    while True: pass\n\nforever()"
SPAWN = """\
import subprocess
child = subprocess.Popen(['sleep', '1000'])
with open(__file__ + '.pid', 'w') as file:
    file.write(str(child.pid))
child.wait()"""
BAD = {
    # what is wrong: (snippet, line, part of the message)
    "exception": (snippet("x = 1\nx / 0"), 4, "ZeroDivisionError: division by zero (run it: python"),
    "in_a_function": (snippet("def f(x):\n    return x / 0", "f(1)"), 4, "ZeroDivisionError: division by zero"),
    "in_a_library": (snippet("import torch", "torch.ones(2) @ torch.ones(3)"), 6, "RuntimeError: inconsistent tensor"),
    "in_a_helper": (snippet("from deep.broken import f", "f()"), "snippets/deep/broken.py:4", "KeyError: 'lost'"),
    "bad_helper": (snippet("import deep.bad"), 3, "SyntaxError: invalid syntax (bad.py, line 2)"),
    "no_helper": (snippet("import deep.lost"), 3, "ModuleNotFoundError: No module named 'deep.lost'"),
    "long_message": (snippet("raise ValueError('a\\n   b')"), 3, "ValueError: a b (run it"),
    "exits": (snippet("import sys", "sys.exit(0)"), 6, "calls sys.exit (let it run to its end)"),
    "quits": (snippet("raise SystemExit"), 3, "calls sys.exit"),
    "interrupts": (snippet("raise KeyboardInterrupt"), 3, "KeyboardInterrupt"),
    "ends": (snippet("import os", "os._exit(0)"), 1, "ended early with exit status 0 (let it run to its last line)"),
    "ends_with": (snippet("import os\nos._exit(3)"), 1, "ended early with exit status 3"),
    "crashes": (snippet("import ctypes", "x = 1\nctypes.string_at(0)"), 7, "was ended by signal 11"),
    "aborts": (snippet("import os\n\n\ndef f():\n    os.abort()\n\n\nf()"), 7, "was ended by signal 6"),
    "killed": (snippet("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), 1, "was ended by signal 9"),
    "loops": (snippet(LOOP, head=HEAD), 5, "still running after 1 s (an endless loop? else write `# time limit: 3 s`"),
    "sleeps": (snippet("import time", "time.sleep(1000)", head=HEAD), 7, "still running after 1 s"),
    "stops": (snippet("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", head=HEAD), 1, "still running after"),
    "spawns": (snippet(SPAWN, head=HEAD), 8, "still running after 1 s"),
    "floods": (snippet("while True:\n    print('x' * 2**20)"), 4, "more than 64 MiB"),
    "floods_from_c": (snippet("import os\nwhile True:\n    os.write(1, b'x' * 2**20)"), 5, "more than 64 MiB"),
    "warns": (snippet("import warnings", "x = 1\nwarnings.warn('old')"), 7, "writes to stderr: UserWarning: old ("),
    "complains": (snippet("import sys\nprint('oh', file=sys.stderr)"), 1, "writes to stderr: oh (a reader would"),
    "complains_from_c": (snippet("import os\nos.write(2, b'oh')"), 1, "writes to stderr: oh"),
    "no_text": (snippet("import os\nos.write(1, b'\\xff')"), 1, "UnicodeDecodeError"),
    "never_shows": (snippet("x = 1", DRAW + LINE), 1, "cell 'b' draws a figure it never shows (call plt.show())"),
    "shows_three": (snippet(DRAW + 3 * (LINE + "plt.show()\n")), 12, "draws a third figure (start a new cell)"),
    "shows_three_at_once": (snippet(DRAW + 3 * LINE + "plt.show()\n"), 10, "cell 'a' draws a third figure"),
    "colours": (snippet(DRAW + "plt.plot([1])\nplt.show()\n"), 5, "colour #1f77b4 has no dark twin (use the light"),
    "writes_in_black": (snippet(DRAW + LINE + "plt.title('x', color='k')\nplt.show()"), 7, "colour #000000 has"),
    "writes_black_maths": (snippet(DRAW + LINE + "plt.title('$x$', color='k')\nplt.show()"), 7, "colour #000000 has"),
    "fills_in_black": (snippet(DRAW + LINE + "plt.bar([1], [1], color='k')\nplt.show()"), 7, "colour #000000 has"),
    "draws_black_dots": (snippet(DRAW + LINE + "plt.plot([1], 'ko')\nplt.show()"), 7, "colour #000000 has"),
    "paints_pixels": (snippet(DRAW + "plt.imshow([[0, 1]])\nplt.show()"), 5, "a raster image has no dark twin"),
    "reads_input": (snippet("input()"), 3, "EOFError"),
    "grows": (snippet("d = {}\nd['d'] = d"), 1, "RecursionError"),
}
HELPERS = {
    "deep/broken": snippet("def f():\n    return {}['lost']"),
    "deep/bad": snippet("x = ("),
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """The faults of all bad snippets, run in one go, and what is left on disk."""
    root = tmp_path_factory.mktemp("bad")
    write(root, {f"snippets/{name}.py": text for name, (text, _, _) in BAD.items()})
    write(root, {f"snippets/{name}.py": text for name, text in HELPERS.items()})
    write(root, {"snippets/fine.py": snippet("x = 1"), "snippets/deep/bad.py": "x = 1\nx = = 2\n"})
    _, results, faults = run.results(root, say=lambda line: None)
    return root, results, faults


@pytest.mark.parametrize("name", BAD)
def test_bad_snippets(bad, name):
    _, line, message = BAD[name]
    where = line if isinstance(line, str) else f"snippets/{name}.py:{line}"
    found = [fault for fault in bad[2] if fault.startswith(f"{where}: ")]
    assert len(found) == 1, bad[2]
    assert message in found[0]


def test_the_others_are_unharmed(bad):
    root, results, faults = bad
    assert set(results) == {"fine", "deep/broken"}
    assert len(faults) == len(BAD) + 1  # and deep/bad, which is no snippet
    assert sorted(path.name[:-16] for path in (root / ".cache/press").iterdir()) == ["deep.broken-", "fine-"]


def is_gone(pid: int) -> bool:
    """No such process, or one that nobody has reaped yet."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(not run.CAN_FORK, reason="only the fork host ends what a snippet started")
def test_what_a_snippet_starts_ends_with_it(good, bad):
    in_time = int((bad[0] / "snippets/spawns.py.pid").read_text())
    for pid in (in_time, good["leaves"]["values"]["pid"]):
        for _ in range(100):
            if is_gone(pid):
                break
            time.sleep(0.05)
        assert is_gone(pid)


def test_without_fork_all_is_the_same(tmp_path, monkeypatch, good, bad):
    """Nor do the folder, a module that lies in it, or a user's matplotlibrc matter."""
    fine = ["prints", "draws", "deep/er/user", "deep/er/helper"]
    failing = ["exits", "crashes", "loops"]
    root = write(tmp_path / "other", {f"snippets/{name}.py": GOOD[name] for name in fine})
    write(root, {f"snippets/{name}.py": BAD[name][0] for name in failing})
    write(root, {"matplotlib.py": "1 / 0", "matplotlibrc": "lines.linewidth: 9\nlines.linestyle: --\n"})
    monkeypatch.chdir(root)
    monkeypatch.setattr(run, "CAN_FORK", False)
    _, results, faults = run.results(Path(), say=lambda line: None)
    assert set(results) == set(fine)
    for name in fine:
        assert results[name] | {"folder": ""} == good[name] | {"folder": ""}
        assert tree(results[name]["folder"]) == tree(good[name]["folder"])
    ours = tuple(f"snippets/{name}.py:" for name in failing)
    assert sorted(faults) == sorted(fault for fault in bad[2] if fault.startswith(ours))


@pytest.mark.parametrize("blocked", [".cache", ".cache/press"])
def test_an_unwritable_cache(tmp_path, blocked):
    write(tmp_path, {"snippets/a.py": snippet("x = 1"), "snippets/b.py": "", blocked: "a file"})
    _, results, faults = run.results(tmp_path, say=lambda line: None)
    assert results == {} and faults[0].startswith("snippets/b.py:1: has no cell")
    assert faults[1].startswith(".cache/press:1: cannot be written: ")
    assert faults[1].endswith("(free it or remove .cache)")


@pytest.mark.parametrize("number", ["0", "-1", "3", ""])
def test_there_is_always_a_worker(monkeypatch, number):
    monkeypatch.setenv("PRESS_WORKERS", number)
    assert run.workers() == (3 if number == "3" else run.workers()) >= 1


def test_the_key_covers_all_that_runs_a_snippet():
    """Every module of the press that a run imports."""
    code = "import hooks.host, sys; print(*(name for name in sys.modules if name.startswith('hooks.')))"
    names = subprocess.run([sys.executable, "-c", code], cwd=run.HERE, stdout=-1, text=True).stdout.split()
    assert {name.removeprefix("hooks.") + ".py" for name in names} < set(cache.RUNNERS)
