"""Elman's network of 1990, and its match with torch.nn.RNN."""

# %% step
import torch
import torch.nn as nn


def elman_step(x, h, W_ih, W_hh, b):
    """One step of Elman (1990): logistic units, h held by context units.

    x (B, I), h (B, H) -> h (B, H); W_ih (H, I), W_hh (H, H), b (H).
    """
    # h' = σ(W x + W h + b)
    return torch.sigmoid(x @ W_ih.T + h @ W_hh.T + b)  # (B, H)


# %% check
torch.manual_seed(0)
W_ih, W_hh, b = (torch.randn(8, n, dtype=torch.float64) for n in (4, 8, 1))
b = b[:, 0]  # (H)
x = torch.randn(3, 30, 4, dtype=torch.float64)  # (B, T, I)

h, states = torch.full((3, 8), 0.5, dtype=torch.float64), []  # (B, H)
for x_t in x.unbind(dim=1):  # (B, I)
    h = elman_step(x_t, h, W_ih, W_hh, b)
    states.append(h)

# σ(a) = (1 + tanh(a / 2)) / 2, so let torch's state be 2 h - 1
rnn = nn.RNN(4, 8, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    rnn.weight_ih_l0.copy_(W_ih / 2)
    rnn.weight_hh_l0.copy_(W_hh / 4)
    rnn.bias_ih_l0.copy_(b / 2)
    rnn.bias_hh_l0.copy_(W_hh.sum(dim=1) / 4)
    output = (1 + rnn(x)[0]) / 2  # (B, T, H), begins at zero
difference = (torch.stack(states, dim=1) - output).abs().max().item()
assert difference < 1e-12
print("Elman's states, from torch.nn.RNN:", difference < 1e-12)
