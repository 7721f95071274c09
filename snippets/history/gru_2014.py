"""The gated unit of Cho et al. and of Chung et al., both of 2014."""

# %% steps
import torch
import torch.nn as nn


def candidate(x, h, W_ih, W_hh):
    """Both gates and the new content, (B, H) each; no biases are printed."""
    H = h.shape[1]
    x_r, x_z, x_n = (x @ W_ih.T).chunk(3, dim=1)  # (B, H) each
    h_r, h_z = (h @ W_hh[: 2 * H].T).chunk(2, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    # n = tanh(W x + W (r * h)): reset first, then the product
    return z, torch.tanh(x_n + (r * h) @ W_hh[2 * H :].T)


def cho_step(x, h, W_ih, W_hh):
    """x (B, I), h (B, H) -> h (B, H); rows in the order r, z, n."""
    z, n = candidate(x, h, W_ih, W_hh)
    return z * h + (1 - z) * n  # z keeps the old


def chung_step(x, h, W_ih, W_hh):
    z, n = candidate(x, h, W_ih, W_hh)
    return (1 - z) * h + z * n  # z lets in the new


# %% check
torch.manual_seed(0)
gru = nn.GRU(4, 8, bias=False, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 30, 4, dtype=torch.float64)  # (B, T, I)


def last(step, W_ih, W_hh):
    h = torch.zeros(3, 8, dtype=torch.float64)  # (B, H)
    for x_t in x.unbind(dim=1):  # (B, I)
        h = step(x_t, h, W_ih, W_hh)
    return h


with torch.no_grad():
    W_ih, W_hh = gru.parameters()  # (3H, I), (3H, H)
    cho = last(cho_step, W_ih, W_hh)
    sign = torch.ones(24, 1, dtype=torch.float64)
    sign[8:16] = -1  # 1 - σ(a) = σ(-a): turn the rows of z around
    chung = last(chung_step, sign * W_ih, sign * W_hh)
    swapped = (cho - chung).abs().max().item()
    print("Chung is Cho with z turned around:", swapped < 1e-12)
    off = (cho - gru(x)[1][0]).abs().max().item()
    print(f"off from torch.nn.GRU by {off:.2f}")
    W_hh[16:] *= torch.eye(8)  # each unit's candidate sees only itself
    difference = (last(cho_step, W_ih, W_hh) - gru(x)[1][0]).abs().max()
    print("equal if that matrix is diagonal:", difference.item() < 1e-12)
