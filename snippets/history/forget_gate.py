"""The forget gate of Gers, Schmidhuber and Cummins (2000)."""

# %% step
import torch
import torch.nn as nn


def forget_step(x, h, c, W_ih, W_hh, b):
    """One step of an LSTM with forget gate, one cell a block.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, f, g, o:
    W_ih (4H, I), W_hh (4H, H), b (4H).
    """
    a = x @ W_ih.T + h @ W_hh.T + b  # (B, 4H)
    i, f, g, o = a.chunk(4, dim=1)  # (B, H) each
    i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
    g = 4 * torch.sigmoid(g) - 2
    # c' = f * c + i * g
    c = f * c + i * g
    return o * (2 * torch.sigmoid(c) - 1), c  # (B, H) each


# %% check
torch.manual_seed(0)
lstm = nn.LSTM(4, 8, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 30, 4, dtype=torch.float64)  # (B, T, I)
scale = torch.ones(32, 1, dtype=torch.float64)
scale[16:24] = 2  # 4 σ(a) - 2 = 2 tanh(a / 2): rows g count double here
with torch.no_grad():
    W_ih, W_hh = scale * lstm.weight_ih_l0, scale * lstm.weight_hh_l0
    b = scale[:, 0] * (lstm.bias_ih_l0 + lstm.bias_hh_l0)
    h = c = torch.zeros(3, 8, dtype=torch.float64)  # (B, H)
    for x_t in x.unbind(dim=1):  # (B, I)
        h, c = forget_step(x_t, h, c, W_ih, W_hh, b)
    _, (h_n, c_n) = lstm(x)
pairs = [(h, h_n[0]), (c, 2 * c_n[0])]
difference = max((a - b).abs().max().item() for a, b in pairs)
assert difference < 1e-12
print("Gers 2000 is torch.nn.LSTM:", difference < 1e-12)

# %% stream
STEPS, SEEDS = 4000, 5


def largest_cell(seed, forget):
    """Of an untrained LSTM after a stream of random input."""
    torch.manual_seed(seed)
    lstm = nn.LSTM(4, 32, dtype=torch.float64)
    with torch.no_grad():
        if not forget:
            lstm.bias_ih_l0[32:64] = 50  # f = 1, as in 1997
        _, (_, c_n) = lstm(torch.randn(STEPS, 1, 4, dtype=torch.float64))
    return 2 * c_n.abs().max().item()  # on the scale of 1997


cells = {}
for name, forget in {"without": False, "with": True}.items():
    sizes = sorted(largest_cell(seed, forget) for seed in range(SEEDS))
    cells[f"{name}_low"], cells[name], cells[f"{name}_high"] = sizes[::2]
    print(f"{name:7} forget gate: largest cell {sizes[2]:.4g}")
