"""The from-scratch steps, sequences and layers against torch, ONNX Runtime, NumPy and closed forms."""

import contextlib
import inspect
import io
import math
import re
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


def load(name):
    """The functions that the page shows, without the checks between and after them."""
    names = {}
    for cell in read_snippet(ROOT, f"snippets/{name}/step.py").code:
        if cell.name in ("step", "sequence", "layers"):
            exec(cell.source, names)
    return names


SOURCES = {name: read_snippet(ROOT, f"snippets/{name}/step.py").code for name in CELLS}
SHOWN = {name: load(name) for name in CELLS}
STEP = {name: SHOWN[name][f"{name}_step"] for name in CELLS}


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
    """ONNX Runtime over xs (T, B, I), states (D, B, H), weights of each direction: (Y (T, D, B, H), last states)."""
    kind, order, options = ONNX[name]
    D, _, H = states[0].shape

    def reorder(tensor):
        rows = np.split(tensor.numpy(), len(order))
        return np.concatenate([rows[k] for k in order])

    weights = [[reorder(weight) for weight in weights[4 * d : 4 * d + 4]] for d in range(D)]
    W, R, *biases = (np.stack(each) for each in zip(*weights, strict=True))
    feed = {"X": xs.numpy(), "W": W, "R": R, "B": np.concatenate(biases, axis=1)}
    feed |= {f"initial_{s}": state.numpy() for s, state in zip("hc", states, strict=False)}
    inputs = ["X", "W", "R", "B", "", "initial_h", "initial_c"][: 5 + len(states)]
    outputs = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    direction = ["forward", "bidirectional"][D - 1]
    node = helper.make_node(kind, inputs, outputs, hidden_size=H, direction=direction, **options)
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
    return session.run(None, feed)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CELLS)
def test_sequence_equals_onnx_runtime(name, shape):
    B, inputs, _ = shape
    _, *states = draw(name, *shape, torch.float32, seed=1)
    states, weights = states[:-4], [weight / 2 for weight in states[-4:]]
    xs = torch.randn(6, B, inputs, generator=torch.Generator().manual_seed(2))  # (T, B, I)
    Y, *last = run_onnx(name, xs, [state[None] for state in states], weights)
    for x, y in zip(xs, Y[:, 0], strict=True):
        states = run_step(name, [x, *states, *weights])
        np.testing.assert_allclose(states[0].numpy(), y, rtol=0, atol=2e-6)
    for ours, theirs in zip(states, last, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs[0], rtol=0, atol=2e-6)


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


@pytest.mark.parametrize("seed", range(60, 65))
def test_gru_resets_after_the_product(seed):
    """The older form, r * h before the product, gives something else with the same weights."""
    torch.manual_seed(seed)
    gru = nn.GRU(10, 20, batch_first=True).double()
    W_ih, W_hh, b_ih, b_hh = weights = [weight.detach() for weight in gru.parameters()]
    xs = torch.randn(3, 6, 10, dtype=torch.float64)
    before = after = torch.zeros(3, 20, dtype=torch.float64)
    for x in xs.unbind(1):
        a, u = (x @ W_ih.T + b_ih).chunk(3, 1), (before @ W_hh.T + b_hh).chunk(3, 1)
        r, z = torch.sigmoid(a[0] + u[0]), torch.sigmoid(a[1] + u[1])
        n = torch.tanh(a[2] + (r * before) @ W_hh[40:].T + b_hh[40:])
        before = (1 - z) * n + z * before
        (after,) = run_step("gru", [x, after, *weights])
    expected = gru(xs)[1][0]
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-14)
    assert expected.abs().max() < 1 and (before - expected).abs().max() > 0.05


def test_the_step_with_the_reset_before_equals_onnx_runtime(monkeypatch, capsys):
    monkeypatch.setitem(ONNX["gru"][2], "linear_before_reset", 0)
    (source,) = (cell.source for cell in read_snippet(ROOT, "snippets/gru/reset.py").code if cell.name == "before")
    names = {}
    exec(source, names)
    x, h, *weights = draw("gru", 3, 4, 5, torch.float32, seed=8)
    _, expected = run_onnx("gru", x[None], [h[None]], weights)
    np.testing.assert_allclose(names["reset_before_step"](x, h, *weights).numpy(), expected[0], rtol=0, atol=2e-6)
    gru, x = names["gru"], names["x"].float()
    weights = [weight.detach().float() for weight in gru.parameters()]
    _, expected = run_onnx("gru", x.transpose(0, 1), [torch.zeros(1, 3, 20)], weights)
    off = np.abs(expected[0] - gru(names["x"])[1][0].detach().numpy()).max()
    assert names["off"] == pytest.approx(off, abs=1e-5)
    assert capsys.readouterr().out.endswith(f"off by {off:.2f}\n")


# ---- whole sequences, several layers, both directions

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
NETS = [  # B, T, I, H, layers, directions: none of them in the snippets' grid
    (4, 5, 3, 6, 1, 1),
    (2, 9, 1, 3, 2, 1),
    (3, 1, 2, 5, 2, 2),
    (1, 6, 7, 1, 3, 2),
    (2, 4, 5, 4, 4, 2),
]


def net(name, B, T, I, H, layers, D, dtype=torch.float64, seed=0):  # noqa: E741
    """x, the initial states, and the weights in PyTorch's order, larger than PyTorch draws them."""
    generator = torch.Generator().manual_seed(seed)
    rows = GATES[name] * H
    shapes = [(B, T, I), *[(layers * D, B, H)] * STATES[name]]
    for k in range(layers * D):
        shapes += [(rows, I if k < D else D * H), (rows, H), (rows,), (rows,)]
    tensors = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    states, weights = tensors[1 : -4 * layers * D], tensors[-4 * layers * D :]
    return tensors[0], states, [weight * 0.6 for weight in weights]


def run_layers(name, x, states, weights, *options):
    """Ours: [output, h_n] or [output, h_n, c_n]; zeros to start with where states is empty."""
    start = (tuple(states) if name == "lstm" else states[0]) if states else None
    output, last = SHOWN[name][f"{name}_layers"](x, weights, start, *options)
    return [output, *(last if name == "lstm" else [last])]


def run_sequence(name, x, states, weights, *options):
    """Ours: [states of every step, last h] or [states of every step, last h, last c]."""
    return list(SHOWN[name][f"{name}_sequence"](x, *states, weights, *options))


def run_torch_layers(name, x, states, weights, layers, D):
    H = weights[1].shape[1]
    layer = LAYERS[name](x.shape[2], H, layers, batch_first=True, bidirectional=D == 2, dtype=x.dtype)
    named = dict(zip(dict(layer.named_parameters()), weights, strict=True))
    start = (tuple(states) if name == "lstm" else states[0]) if states else None
    output, last = torch.func.functional_call(layer, named, (x, start))
    return [output, *(last if name == "lstm" else [last])]


def close(ours, theirs, atol):
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("name", CELLS)
def test_signatures_of_the_longer_functions(name):
    start = "start" if name == "lstm" else "h_0"
    states = ["h", "c"][: STATES[name]]
    sequence, layers = (inspect.signature(SHOWN[name][f"{name}_{what}"]) for what in ("sequence", "layers"))
    assert list(sequence.parameters) == ["x", *states, "weights", "direction"]
    assert list(layers.parameters) == ["x", "weights", start, "bidirectional"]
    x, states, weights = net(name, 2, 4, 3, 5, 1, 1)
    first = [state[0] for state in states]
    close(run_sequence(name, x, first, weights), run_sequence(name, x, first, weights, 1), 0)  # forwards, if not told
    close(run_layers(name, x, [], weights), run_layers(name, x, [], weights, False), 0)


@pytest.mark.claim("rnn_equals_torch", "lstm_equals_torch", "gru_equals_torch")
@pytest.mark.parametrize("given", [True, False], ids=["given", "zeros"])
@pytest.mark.parametrize("setting", NETS, ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_layers_equal_torch(name, setting, given):
    """Outputs, final states and every gradient, in both precisions."""
    *_, layers, D = setting
    for seed, (dtype, atol) in enumerate({torch.float64: 1e-13, torch.float32: 2e-5}.items()):
        x, states, weights = net(name, *setting, dtype, seed=10 + seed)
        states = states if given else []
        leaves = [leaf.requires_grad_() for leaf in (x, *states, *weights)]
        ours = run_layers(name, x, states, weights, D == 2)
        theirs = run_torch_layers(name, x, states, weights, layers, D)
        close(ours, theirs, atol)
        generator = torch.Generator().manual_seed(seed)
        pull = [torch.rand(result.shape, generator=generator, dtype=dtype) for result in theirs]
        gradients = [torch.autograd.grad(results, leaves, pull) for results in (ours, theirs)]
        largest = max(gradient.abs().max().item() for gradient in gradients[1])
        close(*gradients, atol * max(1, largest))


@pytest.mark.claim("rnn_equals_torch", "lstm_equals_torch", "gru_equals_torch")
@pytest.mark.parametrize("name", CELLS)
def test_both_directions_equal_onnx_runtime(name):
    for setting in [(3, 6, 4, 5, 1, 2), (1, 1, 2, 3, 1, 2), (2, 11, 1, 2, 1, 2)]:
        B, T, _, H, _, D = setting
        x, states, weights = net(name, *setting, torch.float32, seed=20)
        Y, *last = run_onnx(name, x.transpose(0, 1).contiguous(), states, weights)
        output = torch.from_numpy(Y).permute(2, 0, 1, 3).reshape(B, T, D * H)  # directions side by side
        close(run_layers(name, x, states, weights, True), [output, *map(torch.from_numpy, last)], 3e-6)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_layers_equal_finite_differences(name):
    x, states, weights = net(name, 1, 2, 1, 1, 2, 2, seed=30)
    arguments = [leaf.requires_grad_() for leaf in (x, *states, *weights)]
    count = len(states)

    def run(x, *rest):
        return tuple(run_layers(name, x, rest[:count], rest[count:], True))

    assert torch.autograd.gradcheck(run, arguments)


def numpy_step(name, x, states, W_ih, W_hh, b_ih, b_hh):
    """One sequence, one step: x (I), states (H) each -> new states, after the equations."""
    a, u = np.split(W_ih @ x + b_ih, GATES[name]), np.split(W_hh @ states[0] + b_hh, GATES[name])
    gate = [1 / (1 + np.exp(-(one + other))) for one, other in zip(a, u, strict=True)]
    if name == "rnn":
        return [np.tanh(a[0] + u[0])]
    if name == "gru":
        r, z = gate[:2]
        return [(1 - z) * np.tanh(a[2] + r * u[2]) + z * states[0]]
    i, f, _, o = gate
    c = f * states[1] + i * np.tanh(a[2] + u[2])
    return [o * np.tanh(c), c]


@pytest.mark.parametrize("name", CELLS)
def test_layers_equal_a_loop_in_numpy(name):
    """Two layers, both directions, one sequence after the other, by the index of time."""
    B, T, H = 2, 4, 3
    x, states, weights = net(name, B, T, 2, H, 2, 2, seed=40)
    ours = [tensor.numpy() for tensor in run_layers(name, x, states, weights, True)]
    weights = [weight.numpy() for weight in weights]
    for b in range(B):
        below = x[b].numpy()  # (T, I)
        for layer in range(2):
            out = np.zeros((T, 2 * H))
            for direction in range(2):
                row = 2 * layer + direction
                now = [state[row, b].numpy() for state in states]
                for t in range(T) if direction == 0 else range(T - 1, -1, -1):
                    now = numpy_step(name, below[t], now, *weights[4 * row : 4 * row + 4])
                    out[t, direction * H : direction * H + H] = now[0]
                for mine, state in zip(ours[1:], now, strict=True):
                    np.testing.assert_allclose(mine[row, b], state, rtol=0, atol=1e-13)
            below = out
        np.testing.assert_allclose(ours[0][b], below, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_reading_backwards_is_reading_the_reversed_sequence(name):
    x, states, weights = net(name, 3, 5, 2, 4, 1, 1, seed=50)
    states = [state[0] for state in states]
    output, *last = run_sequence(name, x.flip(1), states, weights)
    close(run_sequence(name, x, states, weights, -1), [output.flip(1), *last], 0)


@pytest.mark.parametrize("name", CELLS)
def test_reversing_the_input_swaps_the_directions(name):
    B, T, H = 3, 5, 4
    x, states, weights = net(name, B, T, 2, H, 1, 2, seed=51)
    output, *last = run_layers(name, x, states, weights, True)
    swapped = run_layers(name, x.flip(1), [state.flip(0) for state in states], weights[4:] + weights[:4], True)
    close(swapped, [output.flip(1).roll(H, 2), *(state.flip(0) for state in last)], 0)


@pytest.mark.parametrize("cut", [1, 3])
@pytest.mark.parametrize("name", CELLS)
def test_a_sequence_can_be_cut_in_two(name, cut):
    """The second part goes on where the first ended."""
    x, states, weights = net(name, 2, 5, 3, 4, 2, 1, seed=52)
    output, *last = run_layers(name, x, states, weights)
    first, *middle = run_layers(name, x[:, :cut], states, weights)
    second, *end = run_layers(name, x[:, cut:], middle, weights)
    close([torch.cat([first, second], dim=1), *end], [output, *last], 1e-14)


@pytest.mark.parametrize("D", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_a_second_layer_is_one_layer_fed_with_the_output_of_the_first(name, D):
    x, states, weights = net(name, 2, 5, 3, 4, 2, D, seed=53)
    cut = 4 * D
    first, *low = run_layers(name, x, [state[:D] for state in states], weights[:cut], D == 2)
    second, *high = run_layers(name, first, [state[D:] for state in states], weights[cut:], D == 2)
    last = [torch.cat(pair) for pair in zip(low, high, strict=True)]
    close([second, *last], run_layers(name, x, states, weights, D == 2), 1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_nothing_is_read_from_the_future_or_from_other_sequences(name):
    x, states, weights = net(name, 3, 5, 2, 4, 2, 1, seed=54)
    before = run_layers(name, x, states, weights)[0]
    x[1, 3] += 1
    changed = (run_layers(name, x, states, weights)[0] - before).abs().amax(dim=2) > 0
    assert changed.tolist() == [[False] * 5, [False] * 3 + [True] * 2, [False] * 5]


# ---- what the pages say of torch's own layers


@pytest.mark.claim("rnn_second_layer")
@pytest.mark.parametrize("seed", range(100, 107))
def test_the_second_layer_reads_the_first_at_the_same_step(seed):
    """Two of torch's layers on top of each other, and the same one step late."""
    torch.manual_seed(seed)
    both = nn.RNN(10, 20, 2, batch_first=True)
    low, high = nn.RNN(10, 20, batch_first=True), nn.RNN(20, 20, batch_first=True)
    weights = list(both.state_dict().values())
    low.load_state_dict(dict(zip(low.state_dict(), weights[:4], strict=True)))
    high.load_state_dict(dict(zip(high.state_dict(), weights[4:], strict=True)))
    x = torch.randn(3, 7, 10)
    below, expected = low(x)[0], both(x)[0]
    torch.testing.assert_close(high(below)[0], expected)
    late = torch.cat([torch.zeros(3, 1, 20), below[:, :-1]], dim=1)
    assert 0.5 < (high(late)[0] - expected).abs().max() < 2
    assert "hidden state of the previous layer at time `t-1`" in " ".join(nn.RNN.__doc__.split())  # as quoted


@pytest.mark.claim("rnn_backward_end", "lstm_backward_end", "gru_backward_end")
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("name", CELLS)
def test_the_backward_direction_ends_at_the_first_step(name, layers):
    H = 4
    for seed in range(5):
        x, _, weights = net(name, 2, 6, 3, H, layers, 2, seed=seed)
        output, h_n, *_ = run_torch_layers(name, x, [], weights, layers, 2)
        assert torch.equal(h_n[-1], output[:, 0, H:]) and torch.equal(h_n[-2], output[:, -1, :H])
        assert (h_n[-1] - output[:, -1, H:]).abs().max() > 0.01
        # there it has taken one step: torch's cell makes the same, from the state of zeros
        below = x if layers == 1 else run_torch_layers(name, x, [], weights[:-8], layers - 1, 2)[0]
        zeros = [torch.zeros(2, H, dtype=x.dtype)] * STATES[name]
        close([output[:, -1, H:]], run_torch(name, [below[:, -1], *zeros, *weights[-4:]])[:1], 1e-14)
        each = run_torch_layers(name, x, [], weights[:8], 1, 2)[1]  # layers from the bottom up
        close([h_n[:2]], [each], 1e-14)


# ---- the checks on the pages, and that they can fail


@pytest.fixture(scope="module", params=CELLS)
def pasted(request):
    """The cells that a page shows, run one after the other: their snippet's name, names and output."""
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        for cell in read_snippet(ROOT, f"snippets/{request.param}/step.py").code:
            if not cell.hidden:
                exec(cell.source, names)
    return request.param, names, printed.getvalue()


@pytest.fixture(scope="module", params=CELLS)
def ran(request):
    """A whole snippet's name, names and output."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = runpy.run_path(str(ROOT / f"snippets/{request.param}/step.py"))
    return request.param, names, printed.getvalue()


def test_the_checks_that_the_page_shows(pasted):
    name, _, printed = pasted
    equal = "states and gradients equal torch's to 1e-12: True\n"
    ends = "h_n[-1] is output[:, 0, H:]: True\nh_n[-1] is output[:, -1, H:]: False\n"
    assert printed == equal + equal + ends * (name == "rnn")


def test_equal_is_strict(pasted):
    equal, x = pasted[1]["equal"], torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    assert equal([x, 2 * x], [x, 2 * x], [x])
    assert not equal([x, 2 * x], [x, 2 * x + 2e-12], [x])
    assert not equal([x], [x.detach() + 0 * x], [x])  # only the gradient differs
    assert not equal((x,), (x.detach() + 0 * x,), [x])
    one = torch.zeros_like(x)
    one[1, 2] = 2e-12
    assert not equal([x], [x + one], [x]) and not equal([x + one], [x], [x])  # only one entry does
    assert not equal([x * math.nan], [x], [x])
    assert equal([x], [x + 1e-14], [x])
    assert not equal([x, x], [x], [x])
    with pytest.raises(ValueError, match="zip"):
        equal([x], [x, 2 * x], [x])  # as long as it goes they agree


def test_the_check_of_the_layers_says_what_it_found(pasted):
    name, names, _ = pasted
    source = {cell.name: cell.source for cell in SOURCES[name]}["check_layers"]
    again = names | {"equal": lambda *compared: False}
    with contextlib.suppress(AssertionError):
        exec(source, again)
    assert again["same"] is False


def test_the_page_of_the_rnn_compares_the_ends_that_it_names(capsys):
    source = {cell.name: cell.source for cell in SOURCES["rnn"]}["check_layers"]
    compare = "\n".join(line for line in source.splitlines() if line.startswith('print("h_n'))
    output = torch.arange(24.0).reshape(2, 3, 4)
    for step, said in {0: ["True", "False"], -1: ["False", "True"], 1: ["False", "False"]}.items():
        h_n = torch.stack([output[:, 1, :2], output[:, step, 2:]])
        exec(compare, {"torch": torch, "output": output, "h_n": h_n, "H": 2})
        assert re.findall("True|False", capsys.readouterr().out) == said


def test_the_grid_is_as_wide_as_the_page_says(ran):
    name, names, _ = ran
    grid = names["grid"]
    assert grid["settings"] == len(set(names["settings"])) == 300
    shapes, layers, both, given, seeds = (set(column) for column in zip(*names["settings"], strict=True))
    assert layers == {1, 2, 3} and both == given == {False, True} and len(seeds) == 5
    assert {1} < {B for B, *_ in shapes} and min(T for _, T, *_ in shapes) == 1 and len(shapes) == 5
    for bits, eps in {"float64": 2**-52, "float32": 2**-23}.items():
        found = grid[bits]
        assert found["allowed"] == 128 * eps
        kinds = [found[kind] for kind in ("outputs", "finals", "gradients")]
        assert all(eps / 4 < off < found["allowed"] / 2 for off in kinds), (bits, kinds)
    if name == "rnn":
        late = names["late"]
        assert late["seeds"] == 5 and 0.5 < late["low"] < late["high"] < 2


FAULTS = {
    "rnn": [("torch.tanh(", "torch.sin("), ("h @ W_hh.T + b_hh", "h @ W_hh.T"), ("W_hh.T", "W_hh")],
    "lstm": [("i, f, g, o = a", "f, i, g, o = a"), ("o * torch.tanh(c), c", "o * torch.tanh(c), c * 1.0001")],
    "gru": [("return (1 - z) * n", "return z * n"), ("+ r * n_h", "+ n_h"), ("h @ W_hh.T + b_hh", "h @ W_hh.T")],
}
EVERYWHERE = [
    ("torch.stack(states[::direction], dim=1)", "torch.stack(states, dim=1)"),
    ("x.unbind(dim=1)[::direction]", "x.unbind(dim=1)"),
    ("torch.cat(outputs, dim=2)", "torch.cat(outputs[::-1], dim=2)"),
    ("h_0[k]", "h_0[0]"),
    ("sets[k]", "sets[0]"),
    ("x.new_zeros(", "x.new_ones("),
    ("torch.stack(h_n)", "torch.stack(h_n[::-1])"),
    ("torch.stack(h_n)", "torch.stack(h_n) * (1 + 1e-5)"),
    ("torch.stack(h_n)", "torch.stack(h_n).detach().requires_grad_()"),
    ("torch.stack(h_n)", "torch.stack(h_n) * math.nan"),
]


@pytest.mark.parametrize("name, old, new", [(n, *f) for n in CELLS for f in FAULTS[n] + EVERYWHERE])
def test_the_mark_can_go_red(name, old, new):
    """A fault in the shown functions stops the grid, without the help of the checks before it."""
    cells = {cell.name: cell.source for cell in SOURCES[name]}
    shown = "\n".join(cells[cell] for cell in ("step", "sequence", "layers"))
    assert shown.count(old) == 1
    with pytest.raises((AssertionError, RuntimeError)):
        exec(shown.replace(old, new) + cells["grid"], {"math": math})


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
