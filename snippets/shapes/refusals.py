"""Arguments that PyTorch refuses, and what it says."""

# %% ask tags=["hidden"]
import contextlib
import warnings

import torch
from torch import nn

asked = {
    "nn.LSTM(10, 0)": lambda: nn.LSTM(10, 0),
    "nn.LSTM(10, 20, num_layers=0)": lambda: nn.LSTM(10, 20, num_layers=0),
    "nn.LSTM(10, 20, dropout=1.5)": lambda: nn.LSTM(10, 20, dropout=1.5),
    "nn.LSTM(10, 20, proj_size=20)": lambda: nn.LSTM(10, 20, proj_size=20),
    "nn.GRU(10, 20, proj_size=0)": lambda: nn.GRU(10, 20, proj_size=0),
    'nn.RNN(10, 20, nonlinearity="gelu")': lambda: nn.RNN(
        10, 20, nonlinearity="gelu"
    ),
    "nn.GRU(10, 20)(torch.ones(0, 3, 10))": lambda: nn.GRU(10, 20)(
        torch.ones(0, 3, 10)
    ),
    "nn.GRU(10, 20)(torch.ones(12, 3, 9))": lambda: nn.GRU(10, 20)(
        torch.ones(12, 3, 9)
    ),
}


def answer(make):
    """The name and the words of the error that this raises."""
    heard = []

    def hear(kind, error, trace):
        heard.append(f"{kind.__name__}: {error}")
        return True

    with contextlib.ExitStack() as stack:
        stack.push(hear)
        make()
    return heard[0]


# %% table tags=["hidden"]
print("| you write | PyTorch raises |\n|---|---|")
for code, make in asked.items():
    print(f"| `{code}` | {answer(make)} |")

# %% silent tags=["hidden"]
with warnings.catch_warnings(record=True) as _heard:
    warnings.simplefilter("always")
    nn.LSTM(10, 20, dropout=0.5)
warned = str(_heard[0].message)
