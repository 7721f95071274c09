"""PyTorch's recurrent layers to those of Keras and back."""

# %% convert
import os

os.environ["KERAS_BACKEND"] = "torch"
os.environ["KERAS_HOME"] = os.devnull  # neither read nor write a settings file

import keras
import numpy as np
import torch
import torch.nn as nn

# Keras's blocks, as positions among PyTorch's i f g o and r z n
ORDER = {"RNN": [0], "LSTM": [0, 1, 2, 3], "GRU": [1, 0, 2]}


def reorder(array, order):
    """Put blocks of rows (G*H, ...) into the given order."""
    blocks = np.split(array, len(order))  # G of (H, ...)
    return np.concatenate([blocks[k] for k in order])


def to_keras(layer):
    """kernel, recurrent_kernel and bias for `set_weights` of a Keras layer.

    For one layer in one direction. kernel (I, G*H), recurrent_kernel
    (H, G*H), bias (G*H), but (2, 3*H) for a GRU with reset_after=True.
    """
    kind = layer.mode.removesuffix("_TANH")
    (weights,) = layer.all_weights
    W, R, b_ih, b_hh = (
        reorder(p.detach().numpy(), ORDER[kind]) for p in weights)
    bias = np.stack([b_ih, b_hh]) if kind == "GRU" else b_ih + b_hh
    return [W.T, R.T, bias]


def from_keras(kind, weights):
    """The nn.RNN, nn.LSTM or nn.GRU, batch first, that computes the same."""
    W, R, bias = (np.asarray(w) for w in weights)
    if kind != "GRU":
        bias = np.stack([bias, 0 * bias])  # one bias is all Keras has
    form = {"batch_first": True, "dtype": torch.from_numpy(bias).dtype}
    layer = getattr(nn, kind)(*W.shape[:1], *R.shape[:1], **form)
    back = np.argsort(ORDER[kind])
    with torch.no_grad():
        arrays = [W.T, R.T, *bias]
        for p, array in zip(layer.parameters(), arrays, strict=True):
            p.copy_(torch.from_numpy(reorder(array, back)))
    return layer


# %% check
# float64, but on PyTorch Keras's SimpleRNN multiplies in float32 even then
TOLERANCE = {"RNN": 1e-6, "LSTM": 1e-12, "GRU": 1e-12}
KERAS = {"RNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM,
         "GRU": keras.layers.GRU}


def twin(kind, I, H, **options):  # noqa: E741
    """A Keras layer that returns the output and its last states."""
    options = {"return_sequences": True, "return_state": True,
               "dtype": "float64"} | options
    layer = KERAS[kind](H, **options)
    layer.build((None, None, I))  # Keras makes the weights only now
    return layer


def difference(layer, theirs, seed):
    """The largest difference between all outputs and last states."""
    lstm, H = isinstance(layer, nn.LSTM), layer.hidden_size
    generator = torch.Generator().manual_seed(seed)
    form = {"generator": generator, "dtype": torch.float64}
    x = torch.randn(4, 7, layer.input_size, **form)  # (B, T, I)
    states = torch.randn(2 if lstm else 1, 4, H, **form)  # (B, H) each
    hx = tuple(states[:, None]) if lstm else states  # (1, B, H) each
    with torch.no_grad():
        ours, end = layer(x, hx)
        out, *last = theirs(x, initial_state=list(states))
    ours = [ours, *(s[0] for s in (end if lstm else [end]))]
    pairs = zip(ours, [out, *last], strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


torch.manual_seed(0)
off, kept, survive = {}, True, {}
for kind in ORDER:
    name = kind.lower()
    layer = getattr(nn, kind)(3, 5, batch_first=True, dtype=torch.float64)
    theirs = twin(kind, 3, 5)
    theirs.set_weights(to_keras(layer))
    off[name] = difference(layer, theirs, seed=0)
    assert off[name] < TOLERANCE[kind]
    again = from_keras(kind, theirs.get_weights())
    kept &= all(map(np.array_equal, to_keras(again), theirs.get_weights()))
    equal = map(torch.equal, layer.parameters(), again.parameters())
    survive[name] = sum(equal)
    print(f"{kind}: off by less than {TOLERANCE[kind]:.0e}; "
          f"{survive[name]} of 4 tensors return as they were")
print("Keras to PyTorch and back, bit for bit:", kept)
assert kept

# %% counts
INPUTS, UNITS, counts, start = 25, 100, {}, {}
print("| parameters of the layer | PyTorch | Keras |\n|---|---|---|")
for kind in ORDER:
    layer = getattr(nn, kind)(INPUTS, UNITS)
    ours = sum(p.numel() for p in layer.parameters())
    theirs = twin(kind, INPUTS, UNITS).count_params()
    counts[kind.lower()] = {"torch": ours, "keras": theirs}
    print(f"| {kind} |", f"{ours:,d} | {theirs:,d} |")

# %% defaults
keras.utils.set_random_seed(0)  # torch's too
ours, theirs = nn.LSTM(INPUTS, UNITS), twin("LSTM", INPUTS, UNITS)
pairs = {"PyTorch": to_keras(ours), "Keras": theirs.get_weights()}
print("| at the start of an LSTM | PyTorch | Keras |\n|---|---|---|")
for name, (W, R, b) in pairs.items():
    f = np.s_[UNITS:2 * UNITS]  # the forget gate's block
    forget, others = b[f], np.delete(b, f)
    overlap = np.abs(R @ R.T - np.eye(UNITS)).max()
    start[name] = {
        "forget gate's bias": f"{forget.min():.1f} to {forget.max():.1f}",
        "other biases": f"{others.min():.1f} to {others.max():.1f}",
        "input's weights": f"{W.min():.2f} to {W.max():.2f}",
        "state's weights": f"{R.min():.2f} to {R.max():.2f}",
        "rows orthonormal": str(overlap < 1e-5),
    }
for row, value in start["PyTorch"].items():
    print(f"| {row} | {value} | {start['Keras'][row]} |")
