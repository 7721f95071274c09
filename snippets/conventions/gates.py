"""Which block of weights is which gate, found out by forcing blocks shut."""

# %% libraries
import os

os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = os.devnull  # neither read nor write a settings file

import keras
import numpy as np
import onnxruntime
import torch
import torch.nn as nn
from onnx import TensorProto, helper

I, H = 1, 2  # noqa: E741


def torch_step(kind, W, R, b_x, b_h, x, states):
    """One step of PyTorch's cell: W (G*H, I), R (G*H, H), biases (G*H)."""
    cell = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell}[kind](I, H)
    for p, value in zip(cell.parameters(), (W, R, b_x, b_h), strict=True):
        p.data = torch.tensor(value)
    x, *states = (torch.tensor(a) for a in (x, *states))  # (1, I), (1, H) each
    out = cell(x, states) if kind == "LSTM" else [cell(x, states[0])]
    return [state.detach().numpy() for state in out]  # (1, H) each


def onnx_step(kind, W, R, b_x, b_h, x, states, **flags):
    """The same of ONNX's operator, in ONNX Runtime."""
    arrays = x, W, R, np.concatenate([b_x, b_h]), *states
    feed = dict(zip("XWRBhc", (a[None] for a in arrays), strict=False))
    names = [*"XWRB", "", *"hc"[: len(states)]]  # "": all of full length
    last = ["Y_h", "Y_c"][: len(states)]
    node = helper.make_node(kind, names, ["", *last], hidden_size=H, **flags)
    describe, float32 = helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [describe(k, float32, v.shape) for k, v in feed.items()]
    outputs = [describe(k, float32, None) for k in last]
    graph = helper.make_graph([node], "step", inputs, outputs)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(model.SerializeToString(), options).run
    return [state[0] for state in run(last, feed)]


def keras_step(kind, W, R, b_x, b_h, x, states, **flags):
    """The same of Keras's cell."""
    cell = getattr(keras.layers, kind + "Cell")(H, **flags)
    cell.build((None, I))
    double = len(cell.weights[2].shape) == 2  # else one bias: their sum
    bias = np.stack([b_x, b_h]) if double else b_x + b_h
    cell.set_weights([W.T, R.T, bias])
    return [keras.ops.convert_to_numpy(s) for s in cell(x, list(states))[1]]


# %% probe
SHUT, OPEN = -60.0, 60.0  # biases that hold a gate at 0 or at 1


def after(step, kind, forced, *states):
    """The states after one step, with some blocks' biases forced."""
    b = np.zeros((4 if kind == "LSTM" else 3, H), "float32")
    for block, bias in forced.items():
        b[block] = bias
    swap = np.eye(2, dtype="float32")[::-1]  # each unit sees only the other
    W, R = np.ones((b.size, I), "float32"), np.tile(swap, (len(b), 1))
    states = [np.full((1, H), s, "float32") for s in states]
    x = np.ones((1, I), "float32")
    return step(kind, W, R, b.ravel(), 0 * b.ravel(), x, states)


def lstm_block(step, k):
    """What stops when block k is forced down?"""
    h_old, c_old = after(step, "LSTM", {k: SHUT}, 0.0, 2.0)  # the old c is 2
    _, c_new = after(step, "LSTM", {k: SHUT}, 0.0, 0.0)  # the old c is 0
    stops = {"o": np.allclose(h_old, 0), "i": np.allclose(c_new, 0),
             "f": np.allclose(c_old, c_new), "g": (c_new < 0).all()}
    return "".join(gate for gate, stopped in stops.items() if stopped)


def gru_blocks(step):
    """Order of the blocks, what z = 1 does, and the place of the reset."""
    for k, bias in [(k, bias) for k in range(3) for bias in (SHUT, OPEN)]:
        if np.allclose(after(step, "GRU", {k: bias}, 0.5), 0.5):
            z, keep = k, bias  # the state stays
        if (after(step, "GRU", {k: bias}, 0.0)[0] < 0).all():
            n = k  # the new content turns negative
    r = 3 - z - n
    halves = {z: -keep, r: [SHUT, OPEN]}  # only unit 0 resets
    none, some = (after(step, "GRU", halves, h)[0][0] for h in (0.0, 0.5))
    blind = np.isclose(none, some)  # which unit no longer sees the past?
    place = {(True, False): "after", (False, True): "before"}[tuple(blind)]
    order = " ".join({r: "r", z: "z", n: "n"}[k] for k in range(3))
    return order, "keeps" if keep == OPEN else "writes", place


# %% table
def step_with(step, **flags):
    return lambda *arguments: step(*arguments, **flags)


LIBRARIES = {
    "PyTorch": torch_step,
    "ONNX": onnx_step,
    "ONNX, flag set": step_with(onnx_step, linear_before_reset=1),
    "Keras": keras_step,
    "Keras, flag set": step_with(keras_step, reset_after=False),
}
found = {}
print("| library | LSTM | GRU | z near 1 | reset |", "|---|---|---|---|---|",
      sep="\n")
for name, step in LIBRARIES.items():
    lstm = "as above"
    if "," not in name:
        lstm = " ".join(lstm_block(step, k) for k in range(4))
    gru, z, place = gru_blocks(step)
    found[name] = {"lstm": lstm, "gru": gru, "z": z, "reset": place}
    print(f"| {name} | {lstm} | {gru} | {z} | {place} |")
