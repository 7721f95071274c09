"""Arguments that PyTorch refuses, and what it says."""

# %% ask tags=["hidden"]
import contextlib
import traceback

import torch
from torch import nn

asked = {
    "`hidden_size=0`": lambda: nn.LSTM(10, 0),
    "`num_layers=0`": lambda: nn.LSTM(10, 20, num_layers=0),
    "`dropout=1.5`": lambda: nn.LSTM(10, 20, dropout=1.5),
    "`proj_size=20`, no less than H": lambda: nn.LSTM(10, 20, proj_size=20),
    "`proj_size=0` for a GRU": lambda: nn.GRU(10, 20, proj_size=0),
    '`nonlinearity="gelu"`': lambda: nn.RNN(10, 20, nonlinearity="gelu"),
    "x of no steps": lambda: nn.GRU(10, 20)(torch.ones(0, 3, 10)),
    "x too narrow": lambda: nn.GRU(10, 20)(torch.ones(12, 3, 9)),
}


def answer(make):
    """The name and the words of the error that this raises."""
    heard = []

    def hear(kind, error, trace):
        heard.extend(traceback.format_exception_only(error))
        return True

    with contextlib.ExitStack() as stack:
        stack.push(hear)
        make()
    return heard[-1].strip()


# %% table tags=["hidden"]
print("| you give | PyTorch raises |\n|---|---|")
for what, make in asked.items():
    print(f"| {what} | {answer(make)} |")
