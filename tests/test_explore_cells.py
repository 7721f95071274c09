"""The forward passes in JavaScript are PyTorch's."""

import json
import shutil

import numpy as np
import pytest
import torch
from explorables import ROOT, node
from torch import nn

ALLOWED = 1e-5  # what the pages promise; the differences are far smaller
LAYERS = {"rnn": nn.RNN, "relu": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
SIZES = [(3, 5, 17), (1, 1, 30), (8, 2, 40), (20, 48, 15)]  # input, units, steps
RUN = """
const { cell, run } = await import("explore/lib/cells.js");
return given.map(({ kind, x, h, c, ...weights }) => run(cell(kind, weights), x.flat(), { h, c }));
"""


def layer(name, size, hidden, dtype, seed):
    torch.manual_seed(seed)
    more = {"nonlinearity": "relu"} if name == "relu" else {}
    made = LAYERS[name](size, hidden, dtype=dtype, **more)
    with torch.no_grad():
        for one in made.parameters():
            one.mul_(1 if name == "relu" else 1.5)  # beyond that a relu's states grow without end
    return made


def case(name, made, x, h, c):
    names = ("W_ih", "W_hh", "b_ih", "b_hh")
    weights = {key: one.tolist() for key, one in zip(names, made.parameters(), strict=True)}
    kind = {"kind": "rnn", "relu": True} if name == "relu" else {"kind": name}
    return weights | kind | {"x": x.tolist(), "h": h.tolist()} | ({"c": c.tolist()} if name == "lstm" else {})


def gates(name, made, x, h, c):
    """Every gate of every step, from torch's functional pieces, the states from its layer."""
    weights = list(made.parameters())
    found = {}
    states = (h, c) if name == "lstm" else h
    for one in x:
        before = states[0] if name == "lstm" else states
        ax = nn.functional.linear(one, weights[0], weights[2])
        ah = nn.functional.linear(before, weights[1], weights[3])
        step = {"ax": ax, "ah": ah}
        if name == "lstm":
            i, f, g, o = (ax + ah).chunk(4)
            step |= {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}
        elif name == "gru":
            r, z = (ax + ah).chunk(3)[:2]
            step |= {"r": r.sigmoid(), "z": z.sigmoid()}
            step["n"] = (ax.chunk(3)[2] + step["r"] * ah.chunk(3)[2]).tanh()
        start = tuple(one[None] for one in states) if name == "lstm" else states[None]
        end = made(one[None], start)[1]
        states = tuple(one[0] for one in end) if name == "lstm" else end[0]
        step |= {"h": states[0], "c": states[1]} if name == "lstm" else {"h": states}
        for key, value in step.items():
            found.setdefault(key, []).append(value)
    return {key: torch.stack(rows) for key, rows in found.items()}


def worst(seed, dtype, explore=ROOT / "docs/explore", sizes=SIZES):
    """The largest difference of any gate or state, over all layers and sizes."""
    cases, right = [], []
    for name in LAYERS:
        for size, hidden, steps in sizes:
            made = layer(name, size, hidden, dtype, seed)
            x = torch.randn(steps, size, dtype=dtype)
            h, c = torch.rand(2, hidden, dtype=dtype)
            cases.append(case(name, made, x, h, c))
            with torch.no_grad():
                right.append(gates(name, made, x, h, c) | {"layer": made(x, layer_start(name, h, c))[0]})
    differences = [0.0]
    for ours, theirs in zip(node(RUN, cases, explore), right, strict=True):
        for key, value in theirs.items():
            mine = np.array(ours["h" if key == "layer" else key], dtype=float).reshape(value.shape)
            differences.append(float(np.abs(mine - value.numpy()).max()))
    return float(np.max(differences))


def layer_start(name, h, c):
    return (h[None], c[None]) if name == "lstm" else h[None]


@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float64, 1e-12), (torch.float32, ALLOWED)])
@pytest.mark.parametrize("seed", range(5))
def test_every_gate_and_state_is_torchs(seed, dtype, allowed):
    difference = worst(seed, dtype)
    print(f"largest difference, {dtype}: {difference:.1e}")
    assert difference < allowed


def test_the_vectors_of_the_build_are_met_too():
    file = next((ROOT / "site" / "images" / "about" / "vectors").glob("cells.json"))
    vectors = json.loads(file.read_text())
    cases = [
        one
        | {"kind": one["name"].split(",")[0].lower(), "relu": "relu" in one["name"]}
        | {"h": one["h0"], "c": one.get("c0")}
        for one in vectors
    ]
    for made, one in zip(node(RUN, cases), vectors, strict=True):
        assert np.abs(np.array(made["h"]) - np.ravel(one["output"])).max() < 1e-10
        if "c" in one:
            assert np.abs(np.array(made["c"][-one["H"] :]) - one["c"]).max() < 1e-10


BREAKS = {
    "tanh -> sin, RNN": ("relu ? Math.max(0, sum) : Math.tanh(sum)", "relu ? Math.max(0, sum) : Math.sin(sum)"),
    "relu -> abs": ("Math.max(0, sum)", "Math.abs(sum)"),
    "tanh -> sin, g": ("= Math.tanh(ax[a + 2 * H] + ah[a + 2 * H])", "= Math.sin(ax[a + 2 * H] + ah[a + 2 * H])"),
    "tanh -> sin, h": ("o * Math.tanh(kept)", "o * Math.sin(kept)"),
    "1 - z -> z": ("(1 - z) * n + z * h", "z * n + (1 - z) * h"),
    "i and f swapped": ("f * c[at + k] + i * g", "i * c[at + k] + f * g"),
    "g and o swapped": ("sigmoid(ax[a + 3 * H] + ah[a + 3 * H])", "sigmoid(ax[a + 2 * H] + ah[a + 2 * H])"),
    "r and z swapped": ("(1 - z) * n + z * h", "(1 - r) * n + r * h"),
    "reset before the product": ("+ r * ah[a + 2 * H])", "+ ah[a + 2 * H])"),
    "b_hh dropped": ("H, cell.b_hh, ah, p", "H, new Float64Array(cell.b_hh.length), ah, p"),
    "the state of two steps ago": ("(t - 1) * cell.H)", "Math.max(0, t - 2) * cell.H)"),
    "the first state forgotten": ("h ?? zero", "zero"),
    "W transposed": ("W[w] * v[from + j]", "W[j * b.length + k] * v[from + j]"),
}


@pytest.mark.parametrize("slip", BREAKS)
def test_a_slip_is_noticed(slip, tmp_path):
    old, new = BREAKS[slip]
    broken = shutil.copytree(ROOT / "docs/explore" / "lib", tmp_path / "lib") / "cells.js"
    text = broken.read_text()
    assert text.count(old) == 1
    broken.write_text(text.replace(old, new))
    assert not worst(0, torch.float64, tmp_path, SIZES[:1]) < ALLOWED  # NaN is no agreement either


def test_a_step_is_a_run_of_one():
    body = """
      const { cell, run, step } = await import("explore/lib/cells.js");
      const wave = (n, k) => Array.from({ length: n }, (_, j) => Math.sin(j * k + 1));
      const lstm = cell("lstm", { W_ih: wave(24, 3), W_hh: wave(36, 5) });
      const x = wave(10, 7);
      let now = step(lstm, x.slice(0, 2));
      for (let t = 1; t < 5; t++) now = step(lstm, x.slice(2 * t, 2 * t + 2), now);
      const all = run(lstm, x);
      return [now.h, now.c, all.h.slice(-3), all.c.slice(-3)];
    """
    h, c, last_h, last_c = node(body)
    assert (h, c) == (last_h, last_c) and h[0] != 0


@pytest.mark.parametrize("sizes", [(3, 4, 4, 4), (4, 4, 5, 4), (4, 3, 4, 4), (0, 0, 0, 0)])
def test_weights_that_fit_no_cell(sizes):
    body = """
      const { cell } = await import("explore/lib/cells.js");
      const [W_ih, W_hh, b_ih, b_hh] = given.map((n) => Array(n).fill(0));
      try { return cell("lstm", { W_ih, W_hh, b_ih, b_hh }).H; } catch (error) { return error.name; }
    """
    assert node(body, sizes) == "RangeError"


def test_a_large_cell_is_quick_and_keeps_nothing():
    """128 units: a step in well under a millisecond on an idle machine; here only that it is no catastrophe."""
    body = """
      const { cell, room, run } = await import("explore/lib/cells.js");
      const zeros = (n) => new Float64Array(n).fill(0.01);
      const [I, H, T] = [64, 128, 1000];
      const lstm = cell("lstm", { W_ih: zeros(4 * H * I), W_hh: zeros(4 * H * H) });
      const to = room(lstm, T);
      const x = zeros(T * I);
      run(lstm, x, { to });
      const begun = performance.now();
      run(lstm, x, { to });
      return (performance.now() - begun) / T;
    """
    milliseconds = node(body)
    print(f"{milliseconds:.3f} ms a step")
    assert milliseconds < 10
