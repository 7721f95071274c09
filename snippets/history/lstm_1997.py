"""The LSTM of Hochreiter and Schmidhuber (1997), before forgetting."""

# %% step
import torch
import torch.nn as nn


def lstm_1997_step(x, h, c, W_ih, W_hh, b):
    """One step of memory cells in G blocks; a block shares its gates.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, o, g:
    W_ih (2G + H, I), W_hh (2G + H, H), b (2G + H).
    """
    a = x @ W_ih.T + h @ W_hh.T + b  # (B, 2G + H)
    H = h.shape[1]
    G = (len(b) - H) // 2
    i, o, g = a.split([G, G, H], dim=1)  # y^in, y^out, net_c
    # every cell of a block gets the block's gates
    i, o = torch.sigmoid(i), torch.sigmoid(o)  # (B, G)
    i, o = (y.repeat_interleave(H // G, dim=1) for y in (i, o))  # (B, H)
    # g = 4 σ(a) - 2, from -2 to 2
    g = 4 * torch.sigmoid(g) - 2
    # c' = c + i * g: nothing is ever taken away
    c = c + i * g
    # h' = o * (2 σ(c') - 1), squashed to -1 to 1
    return o * (2 * torch.sigmoid(c) - 1), c  # (B, H) each


# %% check
torch.manual_seed(0)
G, H = 3, 6  # three blocks of two cells
W_ih = torch.randn(2 * G + H, 4, dtype=torch.float64)
W_hh = torch.randn(2 * G + H, H, dtype=torch.float64)
b = torch.randn(2 * G + H, dtype=torch.float64)
x = torch.randn(3, 30, 4, dtype=torch.float64)  # (B, T, I)
h = c = torch.zeros(3, H, dtype=torch.float64)  # (B, H)
for x_t in x.unbind(dim=1):  # (B, I)
    h, c = lstm_1997_step(x_t, h, c, W_ih, W_hh, b)


def today(rows):
    """Rows i, o, g of 1997 as rows i, f, g, o of torch."""
    i, o, g = rows.split([G, G, H])
    i, o = (y.repeat_interleave(H // G, dim=0) for y in (i, o))
    return torch.cat([i, torch.zeros_like(i), g / 2, o])


lstm = nn.LSTM(4, H, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    lstm.weight_ih_l0.copy_(today(W_ih))
    lstm.weight_hh_l0.copy_(today(W_hh))
    lstm.bias_ih_l0.copy_(today(b))
    lstm.bias_hh_l0.zero_()
    lstm.bias_hh_l0[H : 2 * H] = 50  # σ(50) is 1 in 64 bits: f = 1
    _, (h_n, c_n) = lstm(x)
pairs = [(h, h_n[0]), (c, 2 * c_n[0])]  # torch's cell is half as large
difference = max((a - b).abs().max().item() for a, b in pairs)
assert difference < 1e-12
print("1997 is today's LSTM with f = 1:", difference < 1e-12)

# %% carousel
T = 1000
x = torch.randn(T, 3, 4, dtype=torch.float64)  # (T, B, I)
c_0 = torch.zeros(3, H, dtype=torch.float64, requires_grad=True)
h, c = torch.zeros(3, H, dtype=torch.float64), c_0
for x_t in x:
    h, c = lstm_1997_step(x_t, h.detach(), c, W_ih, W_hh, b)  # truncated
(gradient,) = torch.autograd.grad(c.sum(), c_0)  # (B, H)
exact = torch.equal(gradient, torch.ones_like(gradient))
print(f"after {T} steps the cell's own gradient is exactly 1:", exact)
