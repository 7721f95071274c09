"""PyTorch's recurrent layers to the operators of ONNX and back, exactly."""

# %% convert
import numpy as np
import torch
import torch.nn as nn

# ONNX's blocks, as positions among PyTorch's i f g o and r z n
ORDER = {"RNN": [0], "LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2]}


def reorder(array, order):
    """Put blocks of rows (G*H, ...) into the given order."""
    blocks = np.split(array, len(order))  # G of (H, ...)
    return np.concatenate([blocks[k] for k in order])


def to_onnx(layer):
    """W, R and B of the ONNX operator for an nn.RNN, nn.LSTM or nn.GRU.

    One layer, one or both directions (D), tanh. W (D, G*H, I),
    R (D, G*H, H), B (D, 2*G*H): the input's biases, then the state's.
    """
    order = ORDER[layer.mode.removesuffix("_TANH")]
    W, R, B = [], [], []
    for direction in layer.all_weights:
        w = [reorder(p.detach().numpy(), order) for p in direction]
        W.append(w[0])  # (G*H, I)
        R.append(w[1])  # (G*H, H)
        B.append(np.concatenate(w[2:]))  # (2*G*H)
    return np.stack(W), np.stack(R), np.stack(B)


def from_onnx(kind, W, R, B):
    """The nn.RNN, nn.LSTM or nn.GRU that computes the same."""
    D, _, H = R.shape
    form = {"bidirectional": D == 2, "dtype": torch.from_numpy(W).dtype}
    layer = getattr(nn, kind)(W.shape[2], H, **form)
    back = np.argsort(ORDER[kind])
    with torch.no_grad():
        for d, direction in enumerate(layer.all_weights):
            arrays = [W[d], R[d], *np.split(B[d], 2)]
            for p, array in zip(direction, arrays, strict=True):
                p.copy_(torch.from_numpy(reorder(array, back)))
    return layer


# %% run
import onnxruntime
from onnx import TensorProto, helper


def operator(kind, feed, returned, **attributes):
    """A session of ONNX Runtime that holds one operator and nothing else."""
    names = [*list(feed)[:4], "", *list(feed)[4:]]  # "": all of full length
    node = helper.make_node(kind, names, returned, **attributes)
    describe = helper.make_tensor_value_info
    inputs = [describe(k, TensorProto.FLOAT, v.shape) for k, v in feed.items()]
    outputs = [describe(k, TensorProto.FLOAT, None) for k in returned]
    graph = helper.make_graph([node], kind, inputs, outputs)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def run_onnx(kind, W, R, B, x, states, **attributes):
    """Output and last states, for x (T, B, I) and states (D, B, H) in float32.

    ONNX returns the output as (T, D, B, H); PyTorch has (T, B, D*H).
    """
    feed = {"X": x, "W": W, "R": R, "B": B}
    feed |= {f"initial_{k}": s for k, s in zip("hc", states, strict=False)}
    returned = ["Y", "Y_h", "Y_c"][: 1 + len(states)]
    attributes["hidden_size"] = R.shape[2]
    attributes["direction"] = "bidirectional" if len(W) == 2 else "forward"
    session = operator(kind, feed, returned, **attributes)
    Y, *last = session.run(returned, feed)
    return Y.transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1), last


# %% check
TOLERANCE = 1e-6  # in float32, all that ONNX Runtime takes


def difference(layer, seed, **attributes):
    """PyTorch against ONNX Runtime: every output and last state."""
    kind, lstm = layer.mode.removesuffix("_TANH"), isinstance(layer, nn.LSTM)
    directions = len(layer.all_weights)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(7, 4, layer.input_size, generator=generator)  # (T, B, I)
    shape = (2 if lstm else 1, directions, 4, layer.hidden_size)
    states = torch.randn(shape, generator=generator)  # (D, B, H) each
    with torch.no_grad():
        ours, end = layer(x, tuple(states) if lstm else states[0])
    theirs, last = run_onnx(kind, *to_onnx(layer), x.numpy(),
                            list(states.numpy()), **attributes)
    ours, theirs = [ours, *(end if lstm else [end])], [theirs, *last]
    pairs = zip(ours, theirs, strict=True)
    return max(np.abs(a.numpy() - b).max().item() for a, b in pairs)


torch.manual_seed(0)
off, same = {}, True
for kind in ORDER:
    flag = {"linear_before_reset": 1} if kind == "GRU" else {}
    for both in (False, True):
        layer = getattr(nn, kind)(3, 5, bidirectional=both)
        name = f"{kind.lower()}_both" if both else kind.lower()
        off[name] = difference(layer, seed=0, **flag)
        again = from_onnx(kind, *to_onnx(layer)).parameters()
        same &= all(map(torch.equal, layer.parameters(), again))
worst = max(off.values())
assert worst < TOLERANCE and same
print("largest difference below 1e-6:", worst < TOLERANCE)
print("there and back, bit for bit:  ", same)
gru = nn.GRU(3, 5)
forgotten = difference(gru, seed=0)
print(f"GRU without linear_before_reset=1: off by {forgotten:.2f}")
