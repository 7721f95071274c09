"""The from-scratch steps against torch's cells, ONNX Runtime, and closed forms."""

import inspect
import math
import runpy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn as nn
from onnx import TensorProto, helper

from hooks.snippet import read_snippet

ROOT = Path(__file__).parent.parent
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}
STATES = {"rnn": 1, "lstm": 2, "gru": 1}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
SHAPES = [(1, 1, 1), (2, 3, 5), (4, 7, 2), (3, 10, 20)]  # B, I, H
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-13}


def load_step(name):
    """The function in the shown cell `step`, and nothing else of the snippet."""
    snippet = read_snippet(ROOT, f"snippets/{name}/step.py")
    (source,) = (cell.source for cell in snippet.code if cell.name == "step")
    names = {}
    exec(source, names)
    return names[f"{name}_step"]


STEP = {name: load_step(name) for name in CELLS}


def draw(name, B, I, H, dtype=torch.float64, seed=0):  # noqa: E741
    """A step's arguments: x, the states, W_ih, W_hh, b_ih, b_hh; every one its own."""
    generator = torch.Generator().manual_seed(seed)
    rows = GATES[name] * H
    shapes = [(B, I), *[(B, H)] * STATES[name], (rows, I), (rows, H), (rows,), (rows,)]
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def run_step(name, arguments):
    """New states, as a tuple."""
    out = STEP[name](*arguments)
    return out if isinstance(out, tuple) else (out,)


def run_torch(name, arguments):
    x, *states = arguments[:-4]
    H, inputs = states[0].shape[1], x.shape[1]
    cell = CELLS[name](inputs, H, dtype=x.dtype)
    weights = dict(zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), arguments[-4:], strict=True))
    state = tuple(states) if name == "lstm" else states[0]
    out = torch.func.functional_call(cell, weights, (x, state))
    return out if isinstance(out, tuple) else (out,)


@pytest.mark.parametrize("name", CELLS)
def test_signature(name):
    states = ["h", "c"][: STATES[name]]
    assert list(inspect.signature(STEP[name]).parameters) == ["x", *states, "W_ih", "W_hh", "b_ih", "b_hh"]
    assert isinstance(STEP[name](*draw(name, 2, 3, 5)), tuple) == (name == "lstm")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CELLS)
def test_forward_equals_torch(name, shape, dtype):
    arguments = draw(name, *shape, dtype)
    before = [a.clone() for a in arguments]
    for ours, theirs in zip(run_step(name, arguments), run_torch(name, arguments), strict=True):
        assert ours.dtype == dtype and ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=0, atol=TOLERANCE[dtype])
    assert all(torch.equal(a, b) for a, b in zip(arguments, before, strict=True))  # nothing overwritten


@pytest.mark.parametrize("name", CELLS)
def test_gradients_equal_torch(name):
    arguments = [a.requires_grad_() for a in draw(name, 2, 3, 5)]

    def gradients(states):
        total = sum((k + 1) * state.sin().sum() for k, state in enumerate(states))
        return torch.autograd.grad(total, arguments)

    ours, theirs = gradients(run_step(name, arguments)), gradients(run_torch(name, arguments))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_equal_finite_differences(name):
    arguments = [a.requires_grad_() for a in draw(name, 2, 2, 3)]
    assert torch.autograd.gradcheck(STEP[name], arguments)


# ONNX orders the gates otherwise: LSTM i, o, f, g and GRU z, r, n
ONNX = {"rnn": ("RNN", [0], {}), "lstm": ("LSTM", [0, 3, 1, 2], {}), "gru": ("GRU", [1, 0, 2], {})}
ONNX["gru"][2]["linear_before_reset"] = 1


def run_onnx(name, xs, states, weights):
    """ONNX Runtime over xs (T, B, I): (h of every step, last states)."""
    kind, order, options = ONNX[name]
    H = states[0].shape[1]

    def reorder(tensor):
        rows = np.split(tensor.numpy(), len(order))
        return np.concatenate([rows[k] for k in order])

    W_ih, W_hh, b_ih, b_hh = (reorder(weight) for weight in weights)
    feed = {"X": xs.numpy(), "W": W_ih[None], "R": W_hh[None], "B": np.concatenate([b_ih, b_hh])[None]}
    feed |= {f"initial_{s}": state.numpy()[None] for s, state in zip("hc", states, strict=False)}
    inputs = ["X", "W", "R", "B", "", "initial_h", "initial_c"][: 5 + len(states)]
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    node = helper.make_node(kind, inputs, outputs, hidden_size=H, **options)
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, value.shape) for key, value in feed.items()],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    Y, *last = session.run(None, feed)
    return Y[:, 0], [state[0] for state in last]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CELLS)
def test_sequence_equals_onnx_runtime(name, shape):
    B, inputs, _ = shape
    _, *states = draw(name, *shape, torch.float32, seed=1)
    states, weights = states[:-4], [weight / 2 for weight in states[-4:]]
    xs = torch.randn(6, B, inputs, generator=torch.Generator().manual_seed(2))  # (T, B, I)
    Y, last = run_onnx(name, xs, states, weights)
    for x, y in zip(xs, Y, strict=True):
        states = run_step(name, [x, *states, *weights])
        np.testing.assert_allclose(states[0].numpy(), y, rtol=0, atol=2e-6)
    for ours, theirs in zip(states, last, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=2e-6)


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


def by_hand(name, x, states, W_ih, W_hh, b_ih, b_hh):
    """One unit, one input, in plain Python, after the equations."""
    h = states[0]
    a = [W_ih[k] * x + b_ih[k] for k in range(GATES[name])]
    u = [W_hh[k] * h + b_hh[k] for k in range(GATES[name])]
    if name == "rnn":
        return [math.tanh(a[0] + u[0])]
    if name == "gru":
        r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
        n = math.tanh(a[2] + r * u[2])
        return [(1 - z) * n + z * h]
    i, f, o = (sigmoid(a[k] + u[k]) for k in (0, 1, 3))
    c = f * states[1] + i * math.tanh(a[2] + u[2])
    return [o * math.tanh(c), c]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CELLS)
def test_one_unit_by_hand(name, seed):
    arguments = draw(name, 1, 1, 1, seed=seed)
    x, *states = (a.item() for a in arguments[:-4])
    hand = by_hand(name, x, states, *(a.flatten().tolist() for a in arguments[-4:]))
    ours = [state.item() for state in run_step(name, arguments)]
    assert ours == pytest.approx(hand, abs=1e-14)


SHUT, OPEN = -60.0, 60.0


def gated(name, biases, seed=3):
    """A step's arguments with whole gates forced open or shut by b_ih."""
    arguments = draw(name, 2, 3, 5, seed=seed)
    for gate, bias in biases.items():
        rows = slice(5 * gate, 5 * gate + 5)
        arguments[-2][rows] = bias
    return arguments


def test_lstm_gates_do_what_they_are_called():
    i, f, o = 0, 1, 3
    arguments = gated("lstm", {i: SHUT, f: OPEN, o: OPEN})
    c_old = arguments[2]
    h, c = run_step("lstm", arguments)
    torch.testing.assert_close(c, c_old)  # kept
    torch.testing.assert_close(h, torch.tanh(c_old))  # read
    h, c = run_step("lstm", gated("lstm", {i: SHUT, f: SHUT}))
    assert c.abs().max() < 1e-20 and h.abs().max() < 1e-20  # forgotten
    h, _ = run_step("lstm", gated("lstm", {o: SHUT}))
    assert h.abs().max() < 1e-20  # not read


def test_gru_gates_do_what_they_are_called():
    r, z = 0, 1
    arguments = gated("gru", {z: OPEN})
    torch.testing.assert_close(run_step("gru", arguments)[0], arguments[1])  # kept
    x, _, W_ih, _, b_ih, _ = arguments = gated("gru", {r: SHUT, z: SHUT})
    fresh = torch.tanh(x @ W_ih[10:].T + b_ih[10:])  # reset: as if there were no past
    torch.testing.assert_close(run_step("gru", arguments)[0], fresh)


def test_gru_resets_after_the_product():
    """The older form, r * h before the product, gives something else."""
    x, h, W_ih, W_hh, b_ih, b_hh = arguments = draw("gru", 2, 3, 5)
    r, z, n_x = (x @ W_ih.T + b_ih).chunk(3, 1)
    u = (h @ W_hh.T + b_hh).chunk(3, 1)
    r, z = torch.sigmoid(r + u[0]), torch.sigmoid(z + u[1])
    before = (1 - z) * torch.tanh(n_x + (r * h) @ W_hh[10:].T + b_hh[10:]) + z * h
    assert (before - run_step("gru", arguments)[0]).abs().max() > 0.01


@pytest.mark.parametrize("name", CELLS)
def test_the_check_that_the_page_shows(name, capsys):
    values = runpy.run_path(str(ROOT / f"snippets/{name}/step.py"))
    assert 0 < values["difference"] < 1e-12
    assert capsys.readouterr().out.endswith("True\n")


@pytest.mark.parametrize("name", CELLS)
def test_shapes_that_the_page_shows(name, capsys):
    values = runpy.run_path(str(ROOT / f"snippets/{name}/pytorch.py"))
    printed = capsys.readouterr().out
    gates, layer, x = GATES[name], values[name], values["x"]
    assert values["parameters"] == gates * (20 * 10 + 20 * 20 + 2 * 20)
    assert f"in all: {values['parameters']}\n" in printed
    shapes = {"x": (3, 7, 10), "h_0": (1, 3, 20), "output": (3, 7, 20), "h_n": (1, 3, 20)}
    shapes |= {"c_0": (1, 3, 20), "c_n": (1, 3, 20)} if name == "lstm" else {}
    shapes |= {"weight_ih_l0": (gates * 20, 10), "weight_hh_l0": (gates * 20, 20)}
    shapes |= {"bias_ih_l0": (gates * 20,), "bias_hh_l0": (gates * 20,)}
    rows = [line.split(maxsplit=1) for line in printed.splitlines() if "(" in line and ":" not in line.split()[0]]
    assert {row[0]: eval(row[1][: row[1].index(")") + 1]) for row in rows if row[0] in shapes} == shapes
    torch.testing.assert_close(layer(x)[0], values["output"])  # zeros if left out
    assert values["last"] is True
