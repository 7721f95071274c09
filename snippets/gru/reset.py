"""Reset before or after the product: same weights, two different networks."""

# %% before
import torch
import torch.nn as nn

torch.manual_seed(0)
gru = nn.GRU(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 6, 10, dtype=torch.float64)  # (B, T, I)


def reset_before_step(x, h, W_ih, W_hh, b_ih, b_hh):
    """The GRU of other books: n = tanh(W_in x + W_hn (r * h) + biases)."""
    r_x, z_x, n_x = (x @ W_ih.T + b_ih).chunk(3, dim=1)  # (B, H) each
    W_hr, W_hz, W_hn = W_hh.chunk(3)  # (H, H) each
    b_hr, b_hz, b_hn = b_hh.chunk(3)  # (H) each
    r = torch.sigmoid(r_x + h @ W_hr.T + b_hr)  # (B, H)
    z = torch.sigmoid(z_x + h @ W_hz.T + b_hz)  # (B, H)
    n = torch.tanh(n_x + (r * h) @ W_hn.T + b_hn)  # (B, H)
    return (1 - z) * n + z * h  # (B, H)


h = torch.zeros(3, 20, dtype=torch.float64)  # (B, H)
for x_t in x.unbind(dim=1):
    h = reset_before_step(x_t, h, *gru.parameters())
off = (h - gru(x)[1][0]).abs().max().item()
print(f"reset before, with nn.GRU's weights: off by {off:.2f}")
