"""What PyTorch makes of random sequences, for a browser to compute again."""

# %% make tags=["hidden"]
import json

import torch
from torch import nn

torch.manual_seed(0)
SIZES = ((1, 1, 20), (3, 5, 12), (7, 4, 9))  # input, units, steps
LAYERS = {
    "RNN": (nn.RNN, {"nonlinearity": "tanh"}),
    "RNN, relu": (nn.RNN, {"nonlinearity": "relu"}),
    "LSTM": (nn.LSTM, {}),
    "GRU": (nn.GRU, {}),
}


def numbers(tensor, digits):
    """A tensor as nested lists, short enough to send."""
    return (tensor * 10**digits).round().div(10**digits).tolist()


def vector(name, size, hidden, steps):
    """A layer with random weights, what it gets and what it makes."""
    kind, settings = LAYERS[name]
    layer = kind(size, hidden, dtype=torch.float64, **settings)
    names = ("W_ih", "W_hh", "b_ih", "b_hh")
    weights = dict(zip(names, layer.parameters(), strict=True))
    for one in weights.values():  # four times as wide as the default
        one.data = (one.data * 4e6).round() / 1e6
    x = torch.randn(steps, size, dtype=torch.float64).mul(1e6).round() / 1e6
    before = torch.rand(2, 1, hidden, dtype=torch.float64).round(decimals=6)
    start = (before[:1, 0], before[1:, 0]) if name == "LSTM" else before[:1, 0]
    output, end = layer(x, start)  # (T, H), and (1, H) each
    made = {"name": name, "I": size, "H": hidden, "T": steps}
    made |= {key: numbers(one.detach(), 6) for key, one in weights.items()}
    made |= {"x": numbers(x, 6), "h0": numbers(before[0, 0], 6)}
    made |= {"output": output.tolist()}
    if name == "LSTM":
        made["c0"] = numbers(before[1, 0], 6)
        made["c"] = end[1][0].tolist()
    return made


vectors = [vector(name, *sizes) for name in LAYERS for sizes in SIZES]
with open("cells.json", "w") as file:
    json.dump(vectors, file, separators=(",", ":"))

# %% table tags=["hidden"]
print("| layer | input size | units | steps |\n|---|---|---|---|")
for one in vectors:
    print(f"| {one['name']} | {one['I']} | {one['H']} | {one['T']} |")
