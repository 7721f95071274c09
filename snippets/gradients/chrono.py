"""Chrono initialisation: biases that let each unit keep for its own time."""

# %% chrono
import torch
import torch.nn as nn

input_size, H, T = 10, 64, 500  # H: hidden_size, T: steps


def chrono_(layer, T_max):
    """Let each unit keep for its own time, 2 to T_max steps; in place.

    Tallec and Ollivier, 2018. Gate rows: LSTM i, f, g, o; GRU r, z, n.
    """
    H = layer.hidden_size
    # b_f = log u, u uniform between 1 and T_max - 1
    u = torch.empty(H, dtype=torch.float64).uniform_(1, T_max - 1)  # (H,)
    b = u.log()  # (H,)
    with torch.no_grad():
        layer.bias_ih_l0[H:2 * H] = b  # (H,): f, or z
        layer.bias_hh_l0[H:2 * H] = 0  # torch adds the two
        if isinstance(layer, nn.LSTM):  # b_i = -b_f; in a GRU 1 - z writes
            layer.bias_ih_l0[:H] = -b
            layer.bias_hh_l0[:H] = 0
    return layer


def gradient_left(layer, B=8):
    """Size of d(last output) / d(input), over its value at lag 0: (T,)."""
    x = torch.randn(B, T, input_size, dtype=torch.float64)  # (B, T, I)
    layer(x.requires_grad_())[0][:, -1].sum().backward()
    size = x.grad.norm(dim=2).log().mean(dim=0).flip(0)  # (T,), by lag
    return (size - size[0]).exp()


def make(cell, T_max, seed=0):
    torch.manual_seed(seed)
    layer = cell(input_size, H, batch_first=True, dtype=torch.float64)
    return chrono_(layer, T_max)


for T_max in (20, 100, 500):
    left = gradient_left(make(nn.LSTM, T_max))
    print(f"T_max {T_max:3}: {left[100]:.1g} is left after 100 steps")

# %% sweep tags=["hidden"]
import numpy as np

seeds, LAGS = 5, 400
NEAR, FAR, LITTLE = 20, 100, 0.01  # as in reach.py
SPANS = (20, 100, 500)


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


def words(lefts):
    """How far LITTLE of the gradient reaches: median and range, in words."""
    steps = sorted([*(left < LITTLE).nonzero()[:, 0].tolist(), T][0]
                   for left in lefts)  # the first lag with less
    low, middle, high = (f"{step}" if step <= LAGS else f"more than {LAGS}"
                         for step in steps[::len(steps) // 2])
    return middle if low == high else f"{middle} ({low} to {high})"


_left = {cell.__name__.lower(): {f"t{T_max}": [
    gradient_left(make(cell, T_max, seed)) for seed in range(seeds)]
    for T_max in SPANS} for cell in (nn.LSTM, nn.GRU)}
per_step, early, late, reached = (
    {name: {key: of(runs) for key, runs in by_span.items()}
     for name, by_span in _left.items()} for of in (
        lambda runs: spread([(left[FAR] / left[NEAR]).item()
                             ** (1 / (FAR - NEAR)) for left in runs]),
        lambda runs: spread([(left[20] / left[10]).item() ** (1 / 10)
                             for left in runs]),
        lambda runs: spread([(left[400] / left[200]).item() ** (1 / 200)
                             for left in runs]),
        words))
