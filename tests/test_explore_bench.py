"""The cell bench computes what torch computes: numbers, derivatives, formulas, verdicts."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from explorables import ROOT, node
from torch import nn

ALLOWED = 1e-5  # what the pages promise; the differences are far smaller
STEPS = 12
SIZES = {"rnn": 3, "lstm": 12, "gru": 10}  # weights of one unit
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
ASK = """
const { influence, numbersAt, unit } = await import("explore/bench/unit.js");
const { run } = await import("explore/lib/cells.js");
return given.map(({ kind, w, x }) => {
  const cell = unit(kind, w);
  const trace = run(cell, x);
  return { ...influence(cell, trace), numbers: x.map((_, t) => numbersAt(cell, trace, x, t)) };
});
"""


def start(kind):
    file = ROOT / "site/images/playground/cells" / f"{kind}.json"
    return json.loads(file.read_text())


def layer(kind, w):
    """torch's own, from the bench's list of weights."""
    made = LAYERS[kind](1, 1, dtype=torch.float64)
    w = torch.tensor(w, dtype=torch.float64)
    inside = None
    if kind == "gru":
        w, inside = w[:9], w[9]
    flat = [*w.chunk(3), torch.zeros(len(w) // 3, dtype=torch.float64)]
    if inside is not None:
        flat[3][2] = inside
    for to, values in zip(made.parameters(), flat, strict=True):
        to.data = values.reshape(to.shape)
    return made


def states(kind, w, x):
    """h and c of every step, each a tensor that can be derived."""
    made, before, found = layer(kind, w), None, []
    for one in x:
        before = made(one.reshape(1, 1), before)[1]
        found.append([part.squeeze() for part in (before if kind == "lstm" else [before])])
    return found


def slopes(kind, w, x):
    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    rows = [torch.autograd.grad(one[-1], x, retain_graph=True)[0] for one in states(kind, w, x)]
    return torch.stack(rows).numpy()


def drawn(seed, count=5):
    chance = np.random.default_rng(seed)
    return [
        {"kind": kind, "w": chance.normal(0, 2, size).tolist(), "x": chance.uniform(-2, 2, STEPS).tolist()}
        for kind, size in SIZES.items()
        for _ in range(count)
    ]


def worst(seed, explore=ROOT / "docs/explore"):
    """The largest difference of any derivative and any state."""
    cases, found = drawn(seed), [0.0]
    for case, made in zip(cases, node(ASK, cases, explore), strict=True):
        right = slopes(**case)
        found.append(np.abs(np.reshape(made["slope"], right.shape) - right).max())
        with torch.no_grad():
            ends = states(case["kind"], case["w"], torch.tensor(case["x"], dtype=torch.float64))
        for numbers, end in zip(made["numbers"], ends, strict=True):
            for name, one in zip(["h′", "c′"], end, strict=False):
                found.append(abs(numbers[name] - one.item()))
    return float(np.max(found))


@pytest.mark.claim("playground_equals_torch")
@pytest.mark.parametrize("seed", range(5))
def test_every_derivative_is_autograds(seed):
    difference = worst(seed)
    print(f"largest difference: {difference:.1e}")
    assert difference < ALLOWED


BREAKS = {
    "no way through h": ("W_hh[k] * moved.h", "W_hh[k] * 0"),
    "f's slope lost": ("df * before", "0"),
    "i's slope lost": ("di * g", "0"),
    "o's slope lost": ("dO * shown", "0"),
    "c's slope lost": ("f * moved.c", "0"),
    "tanh's slope lost": ("o * (1 - shown * shown)", "o"),
    "r's slope lost": ("dr * trace.ah[3 * t + 2]", "0"),
    "z's slope lost": ("dz * (before - n)", "0"),
    "1 - z -> z": ("(1 - z) * dn", "z * dn"),
    "a step off": ("t === s ? 1 : 0", "t === s + 1 ? 1 : 0"),
    "RNN's tanh": ("(1 - trace.h[t] ** 2) * (W_ih", "(W_ih"),
    "b_hn outside": ("[0, 0, w[9]]", "undefined"),
}


@pytest.mark.parametrize("slip", BREAKS)
def test_a_slip_is_noticed(slip, tmp_path):
    old, new = BREAKS[slip]
    shutil.copytree(ROOT / "docs/explore", tmp_path / "explore")
    broken = tmp_path / "explore/bench/unit.js"
    text = broken.read_text()
    assert text.count(old) == 1
    broken.write_text(text.replace(old, new))
    assert not worst(0, tmp_path / "explore") < ALLOWED


def test_the_road_is_the_product_of_the_gates_that_keep():
    """f from torch's sums; for the RNN the road is the derivative of one state by another."""
    for case, made in zip(cases := drawn(7), node(ASK, cases), strict=True):
        kind, road = case["kind"], np.reshape(made["road"], (STEPS, STEPS))
        keeps = [numbers.get({"lstm": "f", "gru": "z"}.get(kind), 0) for numbers in made["numbers"]]
        if kind == "rnn":
            x = torch.tensor(case["x"], dtype=torch.float64)
            early = states(kind, case["w"], x)[4][0].detach().requires_grad_()
            late = layer(kind, case["w"])(x[5:10, None], early.reshape(1, 1))[0][-1]
            (right,) = torch.autograd.grad(late, early)
            assert road[9, 4] == pytest.approx(right.item(), abs=1e-12)
        else:
            assert road[9, 4] == pytest.approx(np.prod(keeps[5:10]), abs=1e-12)
        assert np.allclose(np.diag(road), 1)


@pytest.mark.parametrize("kind", SIZES)
def test_the_gates_are_torchs(kind):
    """From torch's functional pieces."""
    for case, made in zip(cases := [one for one in drawn(11) if one["kind"] == kind], node(ASK, cases), strict=True):
        W_ih, W_hh, b_ih, b_hh = [one.detach().flatten() for one in layer(kind, case["w"]).parameters()]
        for numbers in made["numbers"]:
            ax, ah = W_ih * numbers["x"] + b_ih, W_hh * numbers["h"] + b_hh
            if kind == "lstm":
                right = dict(zip("ifo", (ax + ah)[[0, 1, 3]].sigmoid(), strict=True)) | {"g": (ax + ah)[2].tanh()}
                right |= {"kept": right["f"] * numbers["c"], "new": right["i"] * right["g"]}
            elif kind == "gru":
                right = dict(zip("rz", (ax + ah)[:2].sigmoid(), strict=True)) | {"Wh": ah[2], "Wx": ax[2]}
                right |= {"n": torch.tanh(ax[2] + right["r"] * ah[2]), "1 − z": 1 - right["z"]}
                right |= {"kept": right["z"] * numbers["h"]}
            else:
                right = {"Wh": ah[0], "Wx": ax[0], "sum": ax[0] + ah[0]}
            assert set(numbers) == {*right, "x", "h", "h′"} | ({"c", "c′"} if kind == "lstm" else set())
            for name, value in right.items():
                assert numbers[name] == pytest.approx(value.item(), abs=1e-12)


# The formulas

EXPLAIN = """
const { explain } = await import("explore/bench/formulas.js");
const { numbersAt, unit } = await import("explore/bench/unit.js");
const { run } = await import("explore/lib/cells.js");
return given.map(({ kind, w, x }) => {
  const cell = unit(kind, w);
  const trace = run(cell, x);
  return x.flatMap((_, t) => {
    const at = numbersAt(cell, trace, x, t);
    return Object.keys(at).map((name) => ({ ...explain(kind, name, t + 1, at, w), value: at[name] }));
  });
});
"""


def evaluated(text):
    """A filled-in side of a formula as a number."""
    text = text.replace("·", "*").replace("−", "-").replace("σ", "sigmoid")
    names = {"tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
    return eval(re.sub(r"tanh (?=\S)", "tanh", text), names)


def test_every_formula_comes_out_as_its_number():
    """Each side of each filled-in formula, but for what the rounding to two digits moves."""
    for made in node(EXPLAIN, drawn(3, 2)):
        for told in made:
            assert told["says"] and told["formula"]
            *sides, result = told["filled"].rsplit(":", 1)[-1].split(" = ")
            assert float(result.replace("−", "-")) == pytest.approx(told["value"], abs=0.0051)
            for side in sides:
                assert evaluated(side) == pytest.approx(told["value"], abs=0.06), told


# The challenges

VERDICT = """
const { inputs, verdict } = await import("explore/bench/tasks.js");
const { unit } = await import("explore/bench/unit.js");
return given.map(({ kind, task, w }) => ({ ...verdict(task, unit(kind, w)), x: inputs(task, 1) }));
"""
PASSES = {
    ("lstm", "remember"): {"b_f": 6, "b_i": 4, "W_ig": 2, "b_o": 4},
    ("lstm", "forget"): {"W_if": -6, "b_f": 6, "W_ii": -5, "b_i": 6, "W_ig": 2, "b_o": 4},
    ("gru", "remember"): {"W_in": 5, "W_hn": 3},
    ("gru", "forget"): {"W_ir": -7, "b_r": 9, "W_in": 4, "b_in": -8, "b_hn": 8, "W_hn": 1.2, "b_z": -4},
    ("rnn", "remember"): {"W_ih": 2, "W_hh": 2},
}


def listed(kind, weights):
    names = node("return (await import('explore/bench/unit.js')).WEIGHTS".replace("'", '"'))[kind]
    return [weights.get(name, 0) for name in names]


def passes(kind, task, w):
    """The task as the page words it, with torch: on the bit's side by one half, then within a fifth of 0."""
    for bit in (1, -1):
        x = torch.zeros(STEPS, dtype=torch.float64)
        x[1] = bit
        if task == "forget":
            x[6] = 2
        with torch.no_grad():
            h = [one[0].item() for one in states(kind, w, x)]
        if task == "remember" and bit * h[11] < 0.5:
            return False
        if task == "forget" and (bit * h[5] < 0.5 or max(map(abs, h[7:])) > 0.2):
            return False
    return True


@pytest.mark.claim("lstm_bench_tasks", "gru_bench_tasks")
@pytest.mark.parametrize(("kind", "task"), PASSES)
def test_a_unit_can_pass(kind, task):
    w = listed(kind, PASSES[kind, task])
    (found,) = node(VERDICT, [{"kind": kind, "task": task, "w": w}])
    assert found["passed"] and passes(kind, task, w)


def test_the_verdict_is_torchs():
    """On random weights, and around those that pass."""
    chance, cases = np.random.default_rng(5), []
    for (kind, task), weights in PASSES.items():
        w = np.array(listed(kind, weights), dtype=float)
        cases += [{"kind": kind, "task": task, "w": (w + chance.normal(0, 0.4, w.shape)).tolist()} for _ in range(25)]
    found = [one["passed"] for one in node(VERDICT, cases)]
    assert found == [passes(**one) for one in cases]
    assert 20 < sum(found) < len(found) - 20


@pytest.mark.parametrize(("h", "fits"), [(0.4996, True), (0.4994, False)])
def test_a_verdict_never_contradicts_the_number_beside_it(h, fits):
    """What is written as 0.500 is not below 0.5."""
    weights, low, high = PASSES["lstm", "remember"], -9, 9
    for _ in range(40):  # the output gate that shows just so much
        middle = (low + high) / 2
        w = listed("lstm", weights | {"b_o": middle})
        x = torch.zeros(STEPS, dtype=torch.float64).index_fill(0, torch.tensor([1]), 1)
        with torch.no_grad():
            low, high = (middle, high) if states("lstm", w, x)[11][0] < h else (low, middle)
    (found,) = node(VERDICT, [{"kind": "lstm", "task": "remember", "w": w}])
    assert found["passed"] == fits and [one["h"] for one in found["checks"]] == [round(h, 3), -round(h, 3)]


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("task", ["remember", "forget"])
def test_a_challenge_begins_unsolved(kind, task):
    assert not passes(kind, task, start(kind)["poor"])


# The pages' sentences


def reach(kind, **changed):
    """d state / d x of the first input at the end, from the start of the drawing, by autograd."""
    given = start(kind)
    names = node('return (await import("explore/bench/unit.js")).WEIGHTS')[kind]
    w = [changed.get(name, value) for name, value in zip(names, given["w"], strict=True)]
    return slopes(kind, w, given["x"])[given["t"] - 1, given["s"] - 1]


@pytest.mark.claim("lstm_bench_half")
def test_at_one_half_next_to_nothing_is_left():
    assert abs(reach("lstm", b_f=0)) < 1e-3 < 0.1 < reach("lstm")
    given = start("lstm")
    w = [0 if k == 9 else one for k, one in enumerate(given["w"])]
    with torch.no_grad():
        found = states("lstm", w, torch.tensor(given["x"], dtype=torch.float64))
    assert abs(found[11][1] / found[1][1]) < 1e-3


@pytest.mark.claim("gru_bench_half")
def test_a_gru_at_one_half_keeps_little():
    given = start("gru")
    for b_z, fits in ((4, lambda left: left > 0.8), (0, lambda left: left < 0.1)):
        w = [b_z if k == 7 else one for k, one in enumerate(given["w"])]
        with torch.no_grad():
            h = [one[0].item() for one in states("gru", w, torch.tensor(given["x"], dtype=torch.float64))]
        assert fits(h[11] / h[1]), h


@pytest.mark.claim("rnn_bench_latch")
def test_an_rnn_that_holds_no_longer_listens():
    given = start("rnn")
    with torch.no_grad():
        x = torch.tensor(given["x"], dtype=torch.float64)
        fades, holds = [
            [one[0].item() for one in states("rnn", [given["w"][0], W_hh, 0], x)] for W_hh in (given["w"][1], 2)
        ]
    assert min(holds[1:]) > 0.5 and fades[7] < 0  # step 8 throws the one over, not the other
    assert abs(reach("rnn", W_hh=2)) < 1e-4


@pytest.mark.claim("rnn_bench_forget")
def test_no_rnn_forgets_when_told():
    """Weights of other seeds and another spread than the snippet's, with torch's own layer: many units at once."""
    torch.manual_seed(1)
    w, u, b = torch.randn(3, 100_000, dtype=torch.float64) * torch.tensor([[3.0], [1.5], [1.5]])
    fits = torch.ones(100_000, dtype=torch.bool)
    for bit in (1, -1):
        h = torch.zeros(100_000, dtype=torch.float64)
        for t in range(1, 13):
            one = {2: bit, 7: 2}.get(t, 0)
            h = (w * one + u * h + b).tanh()
            if t == 6:
                fits &= bit * h >= 0.5
            if t > 7:
                fits &= h.abs() <= 0.2
    assert not fits.any()
