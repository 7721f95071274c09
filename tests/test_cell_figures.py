"""The cell figures, read as circuits: their wires compute what torch's own cells compute."""

import itertools
import json
import math
import re
import runpy
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import FancyArrowPatch
from torch import nn

ROOT = Path(__file__).parents[1]
PALETTE = json.loads((ROOT / "hooks/palette.json").read_text())
COMPARISON = "rnn_vs_lstm_vs_gru_comparison"
PICTURES = [
    ("lstm_cell_explained", "ax", "LSTM"),
    ("gru_cell_explained", "ax", "GRU"),
    *itertools.product([COMPARISON], ["wide", "narrow"], ["RNN", "LSTM", "GRU"]),
]
OPERATIONS = {
    **dict.fromkeys(["", "+", "W h", "W x", "W h + b", "W x + b"], sum),
    "×": math.prod,
    "σ": lambda inputs: torch.sigmoid(sum(inputs)),
    "tanh": lambda inputs: torch.tanh(sum(inputs)),
    "1−": lambda inputs: 1 - sum(inputs),
}
MAPS = {  # what reads x and what reads h, in the order in which torch stacks the weights
    "RNN": (["map"], ["map"]),
    "LSTM": (["i", "f", "g", "o"], ["i", "f", "g", "o"]),
    "GRU": (["r", "z", "in"], ["r", "z", "hn"]),
}
LETTERS = {"RNN": {*"xh", "h′"}, "LSTM": {*"xhcifgo", "h′", "c′"}, "GRU": {*"xhrzn", "h′"}}
ROLES = {
    "input": ["x"],
    "hidden": ["h", "h′"],
    "cell": ["c", "c′"],
    "keep": ["f", "z"],
    "write": ["i", "1 − z"],
    "read": ["o", "r"],
    "candidate": ["g", "n"],
}


@cache
def load(figure):
    matplotlib.use("Agg")
    plt.close("all")
    return runpy.run_path(str(ROOT / "snippets" / f"{figure}.py"))


def wiring(figure, kind):
    snippet = load(figure)
    return snippet["CELLS"][kind] if figure == COMPARISON else (snippet["NODES"], snippet["WIRES"])


def axes(figure, drawing, kind):
    drawn = load(figure)[drawing]
    return drawn.axes[list(MAPS).index(kind)] if figure == COMPARISON else drawn


@cache
def torch_step(kind):
    """A random cell of torch: its inputs, its maps by wire, and what it makes of them."""
    torch.manual_seed(27)
    cell = getattr(nn, f"{kind}Cell")(3, 5).double()
    inputs = {name: torch.randn(2, width).double() for name, width in (("x", 3), ("h", 5), ("c", 5))}  # (B, I or H)
    maps = {}
    for source, W, b, targets in zip("xh", cell.parameters(), list(cell.parameters())[2:], MAPS[kind], strict=False):
        for target, W_k, b_k in zip(targets, W.chunk(len(targets)), b.chunk(len(targets)), strict=True):
            maps[source, target] = partial(nn.functional.linear, weight=W_k, bias=b_k)
    if kind == "LSTM":
        return inputs, maps, dict(zip(["h′", "c′"], cell(inputs["x"], (inputs["h"], inputs["c"])), strict=True))
    return inputs, maps, {"h′": cell(inputs["x"], inputs["h"])}


def evaluate(nodes, wires, kind):
    """What every node holds after one step along the wires."""
    inputs, maps, _ = torch_step(kind)
    held = dict(inputs)

    def value(name):
        if name not in held:
            arriving = [maps.get((s, t), lambda v: v)(value(s)) for s, t, *_ in wires if t == name]
            held[name] = OPERATIONS[nodes[name][0]](arriving)
        return held[name]

    return {name: value(name) for name in nodes}


def agrees(nodes, wires, kind):
    held, truth = evaluate(nodes, wires, kind), torch_step(kind)[2]
    return all(held[name].shape == v.shape and torch.allclose(held[name], v, atol=1e-12) for name, v in truth.items())


@pytest.mark.parametrize("figure, drawing, kind", PICTURES)
def test_the_wires_compute_what_torch_computes(figure, drawing, kind):
    nodes, wires = wiring(figure, kind)
    assert agrees(nodes, wires, kind)
    learned = {wire[:2] for wire in wires if len(nodes[wire[1]]) > 4}  # into a rectangle
    assert learned == set(torch_step(kind)[1])
    assert all(s == nodes[t][0][2] for s, t in learned if nodes[t][0].startswith("W "))


@pytest.mark.parametrize("figure, kind", sorted({(figure, kind) for figure, _, kind in PICTURES}))
def test_any_wire_from_another_source_is_noticed(figure, kind):
    nodes, wires = wiring(figure, kind)
    sources = {source for source, *_ in wires}
    for k, (source, target, *_) in enumerate(wires):
        for other in sources - {source}:
            with suppress(RecursionError, RuntimeError):  # a loop, or shapes that do not fit
                assert not agrees(nodes, [*wires[:k], (other, target), *wires[k + 1 :]], kind), (other, target)


@pytest.mark.parametrize("figure, drawing, kind", PICTURES)
def test_the_drawing_shows_the_wiring(figure, drawing, kind):
    (nodes, wires), ax, route = wiring(figure, kind), axes(figure, drawing, kind), load(figure)["route"]
    assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == len(wires)
    texts = [(text.get_text(), *text.get_position()) for text in ax.texts]
    for operation, x, y, *_ in nodes.values():
        assert not operation or any(t == operation and u == x and abs(v - y) < 5 for t, u, v in texts), operation
    letters = {text: place for text, *place in texts if text in nodes}
    assert set(letters) - {"1 − z"} == LETTERS[kind]
    for letter, place in letters.items():  # stands beside a wire that carries it, or where one ends
        near = [(distance(place, points), wire) for wire in wires for points in itertools.pairwise(route(nodes, *wire))]
        assert letter in min(near)[1][:2], letter
    for role, names in ROLES.items():
        assert {nodes[name][3] for name in names if name in nodes} <= {PALETTE[role][0]}, role


def distance(place, points):
    low, high = np.min(points, 0), np.max(points, 0)
    return round(float(np.hypot(*(place - np.clip(place, low, high)))), 3)


@pytest.mark.parametrize("figure, kind", sorted({(figure, kind) for figure, _, kind in PICTURES}))
def test_no_wire_can_be_misread(figure, kind):
    """Wires turn at right angles, touch only their own two nodes, and cross only where x passes under h."""
    (nodes, wires), size, route = wiring(figure, kind), load(figure)["size"], load(figure)["route"]
    boxes = {name: (np.subtract(n[1:3], size(n)), np.add(n[1:3], size(n))) for name, n in nodes.items()}
    segments = []
    for wire in wires:
        points = route(nodes, *wire)
        for name, point in zip(wire[:2], (points[0], points[-1]), strict=True):
            reach = np.abs(point - nodes[name][1:3]) / size(nodes[name])
            assert np.isclose(reach.max(), 1), (wire, "does not end at", name)
        for a, b in itertools.pairwise(points):
            assert np.isclose(a, b).sum() == 1, (wire, "slants")
            low, high = np.minimum(a, b), np.maximum(a, b)
            segments.append((wire[0], low, high))
            for name in set(nodes) - set(wire[:2]):
                assert apart((low, high), boxes[name], 1), (wire, "touches", name)
    for (s, *one), (t, *other) in itertools.combinations(segments, 2):
        upright = [high[1] > low[1] for low, high in (one, other)]
        if s != t and not apart(one, other, 3):
            assert (s, t) == ("x", "h") and upright[0] != upright[1], (s, "meets", t)


def apart(one, other, gap):
    return ((one[0] > other[1] + gap) | (other[0] > one[1] + gap)).any()


@pytest.mark.parametrize("figure, drawing, kind", PICTURES[:2])
def test_the_equations_of_the_figures_hold(figure, drawing, kind):
    held = evaluate(*wiring(figure, kind), kind)
    names = {name.replace("′", "_"): value for name, value in held.items()}
    equations = [text.get_text() for text in axes(figure, drawing, kind).texts if " = " in text.get_text()]
    assert equations
    for equation in equations:
        python = equation.translate(str.maketrans("×−′", "*-_"))
        left, right = re.sub(r"tanh (\w+)", r"tanh(\1)", python).split(" = ")
        assert torch.allclose(names[left], eval(right, {"tanh": torch.tanh}, names)), equation


def test_the_comparison_counts_what_the_formula_counts():
    maps, one = {"rnn": 1, "lstm": 4, "gru": 3}, 20 * 10 + 20 * 20 + 2 * 20  # W_ih, W_hh, two biases
    counts = load(COMPARISON)["parameters"]
    assert counts == {kind: number * one for kind, number in maps.items()}
    for drawing, kind in itertools.product(["wide", "narrow"], MAPS):
        shown = " ".join(text.get_text() for text in axes(COMPARISON, drawing, kind).texts)
        assert f"{counts[kind.lower()]:,} parameters" in shown


def test_the_three_snippets_draw_with_the_same_helpers():
    figures = sorted({figure for figure, *_ in PICTURES})
    cells = [(ROOT / "snippets" / f"{figure}.py").read_text().split("# %% ") for figure in figures]
    helpers = {part.rstrip() for parts in cells for part in parts if part.startswith("helpers")}
    assert len(helpers) == 1
