"""One step of an LSTM from scratch, and its match with torch.nn.LSTM."""

# %% step
import torch
import torch.nn as nn


def lstm_step(x, h, c, W_ih, W_hh, b_ih, b_hh):
    """One step of Hochreiter & Schmidhuber's LSTM (1997) with the forget
    gate of Gers et al. (2000), as torch.nn.LSTM computes it.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, f, g, o:
    W_ih (4H, I), W_hh (4H, H), b_ih and b_hh (4H).
    """
    # one product serves all four: W x + b_ih + W h + b_hh
    a = x @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, 4H)
    i, f, g, o = a.chunk(4, dim=1)  # (B, H) each
    # i = σ(a_i), f = σ(a_f), o = σ(a_o): write, keep, read
    i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
    # g = tanh(a_g): the new content
    g = torch.tanh(g)
    # c' = f * c + i * g
    c = f * c + i * g  # (B, H)
    # h' = o * tanh(c')
    return o * torch.tanh(c), c  # (B, H) each


# %% check
torch.manual_seed(0)
lstm = nn.LSTM(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 7, 10, dtype=torch.float64, requires_grad=True)
h_0, c_0 = torch.randn(2, 1, 3, 20, dtype=torch.float64)

h, c, states = h_0[0], c_0[0], []  # (B, H) each
for x_t in x.unbind(dim=1):  # (B, I), one time step after the other
    h, c = lstm_step(x_t, h, c, *lstm.parameters())
    states.append(h)
ours = torch.stack(states, dim=1)  # (B, T, H)
output, (h_n, c_n) = lstm(x, (h_0, c_0))  # (B, T, H), (1, B, H) twice


def gradients(states):
    """Of the sum of the squared states, by x and by every weight."""
    return torch.autograd.grad(states.square().sum(), [x, *lstm.parameters()])


pairs = [(ours, output), (h, h_n[0]), (c, c_n[0])]
pairs += zip(gradients(ours), gradients(output), strict=True)
difference = max((a - b).abs().max().item() for a, b in pairs)
assert difference < 1e-12
print("states and gradients equal torch's to 1e-12:", difference < 1e-12)
