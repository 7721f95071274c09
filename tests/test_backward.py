"""The hand-written backward passes against torch, finite differences, and a NumPy forward of the tests' own."""

import ast
import inspect
import json
import re
import runpy
from functools import cache
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.patches import FancyArrowPatch
from torch import nn

from hooks.snippet import read_snippet

ROOT = Path(__file__).parents[1]
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
STATES = {"rnn": "h", "lstm": "hc", "gru": "h"}
MADE = {  # what a step makes, and how many H wide
    "rnn": {"a": 1, "h": 1},
    "lstm": {"a": 4, "i": 1, "f": 1, "g": 1, "o": 1, "c": 1, "h": 1},
    "gru": {"v": 3, "u": 3, "r": 1, "z": 1, "n": 1, "h": 1},
}
SHAPES = [(2, 6, 3, 5), (1, 9, 2, 4), (5, 2, 1, 7), (3, 1, 4, 2), (2, 30, 6, 1)]  # B, T, I, H
SMALL = (2, 4, 2, 3)


@cache
def load(name):
    """Forward and backward as the page shows them, and nothing else of the snippet."""
    names = {}
    for cell in read_snippet(ROOT, f"snippets/backward/{name}.py").code:
        if cell.name in ("forward", "backward"):
            exec(cell.source, names)
    return names[f"{name}_forward"], names[f"{name}_backward"]


def draw(name, B, T, I, H, dtype=torch.float64, seed=0):  # noqa: E741
    """The forward's arguments, with larger weights than torch's; d_output; one derivative for each last state."""
    generator = torch.Generator().manual_seed(seed + 100)
    rows, states = GATES[name] * H, len(STATES[name])
    shapes = [(B, T, I), *[(B, H)] * states, (rows, I), (rows, H), (rows,), (rows,), (B, T, H), *[(B, H)] * states]
    drawn = [0.8 * torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    return drawn[: 5 + states], drawn[5 + states], drawn[6 + states :]


def by_hand(name, arguments, d_output, d_states):
    """Gradients, deltas, steps."""
    forward, backward = load(name)
    steps = forward(*arguments)
    states = len(STATES[name])
    gradients, deltas = backward(d_output, *d_states, arguments[0], steps, *arguments[1 + states : 3 + states])
    return gradients, deltas, steps


def run_torch(name, arguments):
    """torch's own layer: output, and the last states, (B, H) each."""
    x, *states = arguments[:-4]
    layer = LAYERS[name](x.shape[2], states[0].shape[1], batch_first=True, dtype=x.dtype)
    weights = dict(zip(dict(layer.named_parameters()), arguments[-4:], strict=True))
    given = tuple(s[None] for s in states) if name == "lstm" else states[0][None]
    output, last = torch.func.functional_call(layer, weights, (x, given))
    return [output, *(s[0] for s in (last if name == "lstm" else (last,)))]


def torch_gradients(name, arguments, d_output, d_states):
    leaves = [a.clone().requires_grad_() for a in arguments]
    return torch.autograd.grad(run_torch(name, leaves), leaves, [d_output, *d_states])


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def in_numpy(name, arguments, nudges=None):
    """A forward of the tests' own: output, last states; nudges: (quantity, t) -> what to add when it is made."""
    x, *states, W_ih, W_hh, b_ih, b_hh = arguments
    nudged = lambda key, t, value: value + (nudges or {}).get((key, t), 0)  # noqa: E731
    state = {key: nudged(key, 0, s) for key, s in zip(STATES[name], states, strict=True)}
    outputs = []
    for t in range(1, x.shape[1] + 1):
        v = x[:, t - 1] @ W_ih.T + b_ih
        u = state["h"] @ W_hh.T + b_hh
        if name == "rnn":
            state = {"h": np.tanh(nudged("a", t, v + u))}
        elif name == "lstm":
            i, f, g, o = np.split(nudged("a", t, v + u), 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            i, f, g, o = (nudged(key, t, value) for key, value in zip("ifgo", (i, f, g, o), strict=True))
            c = nudged("c", t, f * state["c"] + i * g)
            state = {"h": o * np.tanh(c), "c": c}
        else:
            v, u = nudged("v", t, v), nudged("u", t, u)
            (v_r, v_z, v_n), (u_r, u_z, u_n) = np.split(v, 3, axis=1), np.split(u, 3, axis=1)
            r, z = nudged("r", t, sigmoid(v_r + u_r)), nudged("z", t, sigmoid(v_z + u_z))
            n = nudged("n", t, np.tanh(v_n + r * u_n))
            state = {"h": n + z * (state["h"] - n)}
        state["h"] = nudged("h", t, state["h"])
        outputs.append(state["h"])
    return [np.stack(outputs, axis=1), *state.values()]


def numpy_loss(name, arguments, d_output, d_states, nudges=None):
    made = in_numpy(name, arguments, nudges)
    return sum((a * b).sum() for a, b in zip(made, [d_output, *d_states], strict=True))


def as_numpy(*tensors):
    return [tensor.numpy() for tensor in tensors]


def assert_close(ours, theirs, tolerance=1e-12):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=tolerance, atol=tolerance)


@pytest.mark.claim("backward_rnn", "backward_lstm", "backward_gru")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_equal_those_of_torch(name, shape, seed):
    case = draw(name, *shape, seed=seed)
    assert_close(by_hand(name, *case)[0], torch_gradients(name, *case))
    case = draw(name, *shape, torch.float32, seed)
    assert_close(by_hand(name, *case)[0], torch_gradients(name, *case), 1e-4)


@pytest.mark.claim("backward_rnn", "backward_lstm", "backward_gru")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", LAYERS)
def test_every_delta_equals_autograd(name, seed):
    """Of every quantity at every step; the loss is another than that of the snippet: not linear."""
    arguments, *_ = draw(name, 3, 7, 4, 5, seed=seed)
    leaves = [a.requires_grad_() for a in arguments]
    steps = load(name)[0](*leaves)
    names = [(t, key) for t, step in enumerate(steps) for key in step]
    assert names == [(0, key) for key in STATES[name]] + [(t, key) for t in range(1, 8) for key in MADE[name]]
    output = torch.stack([step["h"] for step in steps[1:]], dim=1)
    ends = [steps[-1][key] for key in STATES[name]]
    loss = output.sin().sum() + sum(((k + 2) * end).cos().sum() for k, end in enumerate(ends))
    truth = torch.autograd.grad(loss, [steps[t][key] for t, key in names])
    with torch.no_grad():
        d_states = [-(k + 2) * ((k + 2) * end).sin() for k, end in enumerate(ends)]
        _, deltas, _ = by_hand(name, leaves, output.cos(), d_states)
    assert [set(delta) for delta in deltas] == [set(step) for step in steps]
    assert_close([deltas[t][key] for t, key in names], truth)


@pytest.mark.parametrize("name", LAYERS)
def test_forward_equals_torch(name):
    arguments, *_ = draw(name, 2, 8, 3, 5)
    steps = load(name)[0](*arguments)
    ours = [torch.stack([step["h"] for step in steps[1:]], dim=1), *(steps[-1][key] for key in STATES[name])]
    assert_close(ours, run_torch(name, arguments))
    assert_close(in_numpy(name, as_numpy(*arguments)), ours)


def each_number(arrays):
    """Each number of each array: (array's place, index)."""
    return [(k, index) for k, array in enumerate(arrays) for index in np.ndindex(array.shape)]


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_equal_central_differences(name):
    arguments, d_output, d_states = draw(name, *SMALL, seed=1)
    gradients = as_numpy(*by_hand(name, arguments, d_output, d_states)[0])
    arrays, d_output, *d_states = as_numpy(*arguments), d_output.numpy(), *as_numpy(*d_states)
    step = 1e-5
    for k, index in each_number(arrays):
        around = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[k][index] += sign * step
            around.append(numpy_loss(name, moved, d_output, d_states))
        slope = (around[0] - around[1]) / (2 * step)
        assert gradients[k][index] == pytest.approx(slope, rel=1e-6, abs=1e-7), (k, index)


@pytest.mark.parametrize("name", LAYERS)
def test_a_delta_is_what_the_loss_does_when_its_quantity_is_nudged(name):
    """The definition, by a complex step: exact to rounding, and no autograd in it."""
    B, T, _, H = SMALL
    arguments, d_output, d_states = draw(name, *SMALL, seed=2)
    _, deltas, _ = by_hand(name, arguments, d_output, d_states)
    arrays, d_output, d_states = as_numpy(*arguments), d_output.numpy(), as_numpy(*d_states)
    quantities = [(t, key, wide * H) for t in range(1, T + 1) for key, wide in MADE[name].items()]
    quantities += [(0, key, H) for key in STATES[name]]
    for t, key, wide in quantities:
        for index in np.ndindex(B, wide):
            nudge = np.zeros((B, wide), complex)
            nudge[index] = 1e-30j
            slope = numpy_loss(name, arrays, d_output, d_states, {(key, t): nudge}).imag / 1e-30
            assert deltas[t][key][index].item() == pytest.approx(slope, rel=1e-11, abs=1e-12), (t, key, index)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", LAYERS)
def test_backward_is_the_adjoint_of_the_forward_derivative(name, seed):
    """<J v, u> = <v, J^T u>: J v from a complex step forward, J^T u from our backward."""
    arguments, d_output, d_states = draw(name, 3, 12, 4, 6, seed=seed)
    directions, *_ = draw(name, 3, 12, 4, 6, seed=seed + 50)
    moved = [a.numpy() + 1e-30j * v.numpy() for a, v in zip(arguments, directions, strict=True)]
    pushed = [made.imag / 1e-30 for made in in_numpy(name, moved)]
    forwards = sum((a * u.numpy()).sum() for a, u in zip(pushed, [d_output, *d_states], strict=True))
    gradients = by_hand(name, arguments, d_output, d_states)[0]
    backwards = sum((v * g).sum().item() for v, g in zip(directions, gradients, strict=True))
    assert backwards == pytest.approx(forwards, rel=1e-11)


@pytest.mark.parametrize("step", [1, 3, 6])
@pytest.mark.parametrize("name", LAYERS)
def test_a_mistake_at_one_step_is_heard_there_and_before_only(name, step):
    arguments, d_output, d_states = draw(name, 2, 6, 3, 5, seed=3)
    alone = torch.zeros_like(d_output)
    alone[:, step - 1] = d_output[:, step - 1]
    nothing = [torch.zeros_like(d) for d in d_states]
    gradients, deltas, _ = by_hand(name, arguments, alone, nothing)
    assert_close(gradients, torch_gradients(name, arguments, alone, nothing))
    for t in range(1, 7):
        heard = [d.abs().max() > 0 for d in deltas[t].values()]
        assert all(heard) if t < step else not any(heard) if t > step else deltas[t]["h"].abs().max() > 0
    assert not gradients[0][:, step:].any() and gradients[0][:, :step].abs().amax((0, 2)).all()
    assert_close(by_hand(name, arguments, alone, [0] * len(d_states))[0], gradients)  # 0 stands for zeros


@pytest.mark.parametrize("key", "hc")
@pytest.mark.parametrize("name", LAYERS)
def test_a_loss_of_one_last_state_alone(name, key):
    if key not in STATES[name]:
        return
    arguments, d_output, d_states = draw(name, 2, 5, 3, 4, seed=4)
    silent = torch.zeros_like(d_output)
    alone = [d if k == key else torch.zeros_like(d) for k, d in zip(STATES[name], d_states, strict=True)]
    gradients, deltas, _ = by_hand(name, arguments, silent, alone)
    assert_close(gradients, torch_gradients(name, arguments, silent, alone))
    assert all(gradient.abs().max() > 0 for gradient in gradients)
    if key == "c":
        assert not deltas[-1]["h"].any() and torch.equal(deltas[-1]["c"], d_states[1])


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_order_and_what_is_left_alone(name):
    forward, backward = load(name)
    states = [f"{key}_0" for key in STATES[name]]
    assert list(inspect.signature(forward).parameters) == ["x", *states, "W_ih", "W_hh", "b_ih", "b_hh"]
    d_last = [f"d_{key}_n" for key in STATES[name]]
    assert list(inspect.signature(backward).parameters) == ["d_output", *d_last, "x", "steps", "W_ih", "W_hh"]
    arguments, d_output, d_states = draw(name, 2, 6, 3, 5, torch.float32)
    given = [*arguments, d_output, *d_states]
    before = [a.clone() for a in given]
    gradients, deltas, steps = by_hand(name, arguments, d_output, d_states)
    assert [g.shape for g in gradients] == [a.shape for a in arguments]
    assert all(g.dtype == torch.float32 for g in gradients)
    assert len(deltas) == len(steps) == 7
    for t, (delta, step) in enumerate(zip(deltas, steps, strict=True)):
        assert {key: d.shape for key, d in delta.items()} == {key: s.shape for key, s in step.items()}, t
    assert all(torch.equal(a, b) for a, b in zip(given, before, strict=True))


@pytest.mark.claim("backward_biases")
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", LAYERS)
def test_the_two_biases_differ_in_the_gru_only(name, seed):
    case = draw(name, 2, 6, 3, 5, seed=seed + 10)
    for gradients in (by_hand(name, *case)[0], torch_gradients(name, *case)):
        *_, b_ih, b_hh = gradients
        new = slice(10, 15) if name == "gru" else slice(0, 0)  # the rows of n
        same = torch.ones(len(b_ih), dtype=torch.bool)
        same[new] = False
        torch.testing.assert_close(b_ih[same], b_hh[same], rtol=0, atol=1e-13)
        assert ((b_ih - b_hh)[new].abs() > 1e-6).all()


@pytest.mark.parametrize("name", LAYERS)
def test_the_check_that_the_page_shows(name, capsys):
    matplotlib.use("Agg")
    values = runpy.run_path(str(ROOT / f"snippets/backward/{name}.py"))
    printed = capsys.readouterr().out
    assert "1e-12: True\n" in printed and "False" not in printed
    assert 0 < values["off"] < 1e-12 and values["passed"] is True
    assert values["settings"] >= 25 and values["SEEDS"] >= 5
    for dtype, tolerance in values["TOLERANCE"].items():
        assert 0 < max(values["largest_off"][dtype].values()) < tolerance
    starts = [[values[f"{key}_0"] for key in STATES[name]], [values[f"d_{key}_n"] for key in STATES[name]]]
    if name != "lstm":
        starts = [starts[0][0], starts[1][0]]
    example = [values[name], values["x"], starts[0], values["d_output"], starts[1]]
    assert values["off"] == max(values["differences"](*example)) > min(values["differences"](*example))
    if name == "rnn":
        assert_close(values["part"], [values["x"][:2, :4], values["h_0"][:2]])


@pytest.mark.parametrize("name", LAYERS)
def test_the_check_that_the_page_shows_notices_each_fault(name):
    """One number wrong, too large or too small, in one delta or one gradient; or one of them missing."""
    globals_ = {}
    for cell in read_snippet(ROOT, f"snippets/backward/{name}.py").code:
        if cell.name in ("forward", "backward", "check"):
            exec(cell.source.split("torch.manual_seed")[0], globals_)
    forward, backward, differences = (globals_[key] for key in (f"{name}_forward", f"{name}_backward", "differences"))
    (x, *states, _, _, _, _), d_output, d_states = draw(name, 2, 5, 3, 4)
    layer = LAYERS[name](3, 4, batch_first=True, dtype=torch.float64)
    given = [layer, x, states, d_output, d_states]
    if name != "lstm":
        given = [layer, x, states[0], d_output, d_states[0]]
    seen = []
    globals_[f"{name}_forward"] = lambda *arguments: seen.extend(arguments) or forward(*arguments)
    assert max(differences(*given)) < 1e-13
    assert_close(seen, [x, *states, *layer.parameters()], 0)

    def broken(where, amount, *arguments):
        gradients, deltas = backward(*arguments)
        if amount is None:
            return (gradients, deltas[1:]) if where == "h" else (gradients[:-1], deltas)
        one = lambda like: amount * (torch.arange(like.numel()) == 1).reshape(like.shape)  # noqa: E731
        gradients = [g + one(g) * (k == where) for k, g in enumerate(gradients)]
        deltas[3] = {key: d + one(d) * (key == where) for key, d in deltas[3].items()}
        return gradients, deltas

    places = [*range(5 + len(STATES[name])), *MADE[name]]
    for where, amount in [(place, sign * 1e-3) for place in places for sign in (1, -1)]:
        globals_[f"{name}_backward"] = lambda *given, w=where, a=amount: broken(w, a, *given)
        of_deltas, of_gradients = differences(*given)
        assert (of_deltas > 5e-4, of_gradients > 5e-4) == (where in MADE[name], where not in MADE[name])
    for where in ("h", 0):
        globals_[f"{name}_backward"] = lambda *given, w=where: broken(w, None, *given)
        with pytest.raises(ValueError, match="zip"):
            differences(*given)


@pytest.mark.claim("backward_rnn", "backward_lstm", "backward_gru")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LAYERS)
def test_beyond_the_tolerance_the_snippet_fails(name, dtype):
    """A gradient a little wrong, by more than the page's tolerance: an assert stops the build. By less: none does."""
    code = {cell.name: cell.source for cell in read_snippet(ROOT, f"snippets/backward/{name}.py").code}
    names = {}
    exec(code["forward"] + "\n" + code["backward"] + "\n" + code["check"].split("torch.manual_seed")[0], names)
    backward, tolerance = names[f"{name}_backward"], {"float64": 1e-12, "float32": 1e-4}[dtype]

    def broken(*arguments):
        gradients, deltas = backward(*arguments)
        wrong = amount * (gradients[0].dtype == getattr(torch, dtype))
        return (gradients[0] + wrong, *gradients[1:]), deltas

    names[f"{name}_backward"] = broken
    amount = 2 * tolerance
    with pytest.raises(AssertionError):
        exec(code["grid"], names)
    assert names["TOLERANCE"][dtype] == tolerance
    amount = tolerance / 4
    exec(code["grid"], names)
    assert names["settings"] == 25


def test_the_rules_of_the_table():
    p, q = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    W = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    ds = torch.randn(4, dtype=torch.float64)
    rules = [
        (p + q, {p: ds, q: ds}),
        (p * q, {p: q * ds, q: p * ds}),
        (W @ p, {p: W.T @ ds, W: ds[:, None] * p}),
        (torch.tanh(p), {p: (1 - torch.tanh(p) ** 2) * ds}),
        (torch.sigmoid(p), {p: torch.sigmoid(p) * (1 - torch.sigmoid(p)) * ds}),
    ]
    for s, deltas in rules:
        assert_close(torch.autograd.grad(s, list(deltas), ds), list(deltas.values()))


# Truncation


@pytest.mark.claim("backward_detach")
@pytest.mark.parametrize("name", LAYERS)
def test_a_detached_state_cuts_the_way_back(name, capsys):
    for seed in range(5):
        torch.manual_seed(seed + 20)
        layer = LAYERS[name](3, 6, batch_first=True, dtype=torch.float64)
        x = torch.randn(2, 24, 3, dtype=torch.float64, requires_grad=True)
        _, state = layer(x[:, :16])
        cut = tuple(s.detach() for s in state) if name == "lstm" else state.detach()
        output, _ = layer(x[:, 16:], cut)
        (gradient,) = torch.autograd.grad(output.square().sum(), x)
        assert (gradient != 0).any(2).any(0).sum() == 8
        (whole,) = torch.autograd.grad(layer(x)[0][:, 16:].square().sum(), x)
        assert (whole != 0).any(2).all()
        with torch.no_grad():  # our loop, over the steps since the cut
            starts = [s[0] for s in cut] if name == "lstm" else [cut[0]]
            ours = by_hand(name, [x[:, 16:], *starts, *layer.parameters()], 2 * output, [0] * len(starts))[0]
        assert_close([ours[0]], [gradient[:, 16:]])
    values = runpy.run_path(str(ROOT / "snippets/backward/detach.py"))
    assert values["hear"] == values["chunk"] == 10 and values["T"] == 50
    assert capsys.readouterr().out == "of 50 steps, 10 hear of it\n"
    rnn, x = values["rnn"], values["x"]
    _, state = rnn(x[:, :40].detach(), torch.zeros(1, 1, 8))
    last = x[:, 40:].detach().requires_grad_()
    loss = rnn(last, state.detach())[0].square().sum()
    assert_close([values["loss"]], [loss], 1e-5)
    assert_close([x.grad[:, 40:]], torch.autograd.grad(loss, last), 1e-5)
    assert not x.grad[:, :40].any()


@pytest.mark.claim("backward_second")
@pytest.mark.parametrize("name", LAYERS)
def test_a_state_with_its_history_stops_the_second_backward(name):
    layer, state = LAYERS[name](3, 4, batch_first=True), None
    for batch in range(2):
        output, state = layer(torch.randn(2, 5, 3), state)
        if batch:
            with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
                output.sum().backward()
        else:
            output.sum().backward()


# The figures


@cache
def pictures():
    matplotlib.use("Agg")
    plt.close("all")
    names = runpy.run_path(str(ROOT / "snippets/backward/paths.py"))
    return {key.lower(): (names[key], names[f"{key}_WIRES"], names[f"{key}_FACTORS"]) for key in ("RNN", "LSTM", "GRU")}


def meaning(text, names):
    """A factor or slope of a figure as numbers: '× o (1 − tanh² c′)' -> o * (1 - tanh(c′)**2)."""
    text = text.removeprefix("× ").replace("−", "-").replace("tanh² c′", "tanh(c_)**2").replace("tanh c′", "tanh(c_)")
    text = re.sub(r"(\w) \(", r"\1 * (", text.replace("²", "**2"))
    return eval(text.replace("****", "**"), {"tanh": torch.tanh}, names)


def walk(name, start, names, weights):
    """Follow the wires of a figure from what is known on the right; what each node then holds."""
    nodes, wires, factors = pictures()[name]
    assert {way for way in factors if factors[way][0] == "× Wᵀ"} <= set(weights)
    held = dict(start)

    def arrives(source, target):
        value, text = hold(source), factors.get((source, target), ("× Wᵀ",))[0]
        if text != "× Wᵀ":
            value = value * meaning(text, names(source))
        return value @ weights[source, target] if (source, target) in weights else value

    def hold(key):
        if key not in held:
            total, text = sum(arrives(s, t) for s, t, *_ in wires if t == key), nodes[key][0]
            held[key] = total if text in ("", "+") or "δ" in text else total * meaning(text, names(key))
        return held[key]

    return {key: hold(key) for key in nodes}


@pytest.mark.parametrize("seed", range(3))
def test_the_wires_of_the_rnn_figure_carry_the_deltas(seed):
    case = draw("rnn", 2, 3, 3, 5, seed=seed)
    arguments, d_output, (d_h_n,) = case
    gradients, _, steps = by_hand("rnn", *case)
    start = {"later": d_h_n} | {f"δy{k}": d_output[:, k] for k in range(3)}
    weights = {(f"fork{k}", f"δx{k}"): arguments[2] for k in range(3)}
    weights |= {(f"fork{k}", f"+{k - 1}" if k else "δh"): arguments[3] for k in range(3)}
    held = walk("rnn", start, lambda key: steps[int(key[-1]) + 1], weights)
    assert_close([held[f"δx{k}"] for k in range(3)], gradients[0].unbind(1))
    assert_close([held["δh"]], [gradients[1]])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_wires_of_the_cell_figures_carry_the_deltas(name, seed):
    """One step: δh′ and δc′ of the figure come from the loss, δh and δc go to h_0 and c_0."""
    case = draw(name, 2, 1, 3, 5, seed=seed)
    arguments, d_output, d_states = case
    gradients = torch_gradients(name, *case)
    before, step = load(name)[0](*arguments)
    W_ih, W_hh = (W.chunk(GATES[name]) for W in arguments[-4:-2])
    start = {"δh′": d_output[:, 0] + d_states[0]}
    if name == "lstm":
        start["δc′"] = d_states[1]
        names = {**step, "c": before["c"], "c_": step["c"]}
        to_x = to_h = dict(zip("ifgo", "ifgo", strict=True))
        end = "δh"
    else:
        names = {**step, "h": before["h"], "u": step["u"][:, 10:]}
        to_x, to_h = {"r": "r", "z": "z", "v": "n"}, {"r": "r", "z": "z", "looked at": "n"}
        end = "both"
    weights = {(source, "δx"): W for source, W in zip(to_x, W_ih, strict=True)}
    weights |= {(source, end): W for source, W in zip(to_h, W_hh, strict=True)}
    held = walk(name, start, lambda _: names, weights)
    assert_close([held["δx"], held["δh"]], [gradients[0][:, 0], gradients[1]])
    if name == "lstm":
        assert_close([held["δc"]], [gradients[2]])


def test_the_figures_draw_their_wires_in_the_colours_of_their_quantities():
    palette = json.loads((ROOT / "hooks/palette.json").read_text())
    roles = {"h": "hidden", "y": "hidden", "c": "cell", "x": "input", "f": "keep", "z": "keep", "i": "write"}
    roles |= {"o": "read", "r": "read", "g": "candidate", "n": "candidate"}
    drawn = [figure.axes[0] for figure in map(plt.figure, plt.get_fignums()) if pictures()]
    for (nodes, wires, factors), ax in zip(pictures().values(), drawn[-3:], strict=True):
        assert sum(isinstance(patch, FancyArrowPatch) for patch in ax.patches) == len(wires)
        texts = {text.get_text() for text in ax.texts}
        assert texts == {text for text, *_ in [*nodes.values(), *factors.values()]} - {""}
        assert sum(len(text.get_text().split()) for text in ax.texts) <= 60
        for key, (text, *_, colour) in nodes.items():
            letter = text[1:2] if "δ" in text else key if key in roles else "h"
            assert colour == palette[roles[letter]][0] or text in ("", "+") or key.startswith("slope"), key
        for text, *_, colour, _ in factors.values():
            named = re.findall(r"[a-zδ]+", text.replace("tanh", ""))
            if text.startswith("× ") and len(set(named)) == 1 and named[0] in roles:
                assert colour == palette[roles["c" if "tanh" in text else named[0]]][0] or "1 − z" in text, text


def test_nothing_of_the_hand_written_passes_calls_autograd():
    for name in LAYERS:
        for cell in read_snippet(ROOT, f"snippets/backward/{name}.py").code:
            if cell.name in ("forward", "backward"):
                called = {node.attr for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Attribute)}
                assert not called & {"autograd", "grad", "backward", "requires_grad_", "vjp"}, name
