"""One step of a GRU from scratch, and its match with torch.nn.GRU."""

# %% step
import torch
import torch.nn as nn


def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    """One step of the GRU (Cho et al. 2014), as torch.nn.GRU computes it:
    z keeps, and r acts after the product with W_hn.

    x (B, I), h (B, H) -> h (B, H); rows in the order r, z, n:
    W_ih (3H, I), W_hh (3H, H), b_ih and b_hh (3H).
    """
    # what arrives: W_i x + b_i, for r, z and n
    r_x, z_x, n_x = (x @ W_ih.T + b_ih).chunk(3, dim=1)  # (B, H) each
    # what is passed on: W_h h + b_h, for r, z and n
    r_h, z_h, n_h = (h @ W_hh.T + b_hh).chunk(3, dim=1)  # (B, H) each
    # r = σ(W_ir x + b_ir + W_hr h + b_hr)
    r = torch.sigmoid(r_x + r_h)  # (B, H)
    # z = σ(W_iz x + b_iz + W_hz h + b_hz)
    z = torch.sigmoid(z_x + z_h)  # (B, H)
    # n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    n = torch.tanh(n_x + r * n_h)  # (B, H)
    # h' = (1 - z) * n + z * h
    return (1 - z) * n + z * h  # (B, H)


# %% check
torch.manual_seed(0)
gru = nn.GRU(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 7, 10, dtype=torch.float64, requires_grad=True)
h_0 = torch.randn(1, 3, 20, dtype=torch.float64)

h, states = h_0[0], []  # (B, H)
for x_t in x.unbind(dim=1):  # (B, I), one time step after the other
    h = gru_step(x_t, h, *gru.parameters())
    states.append(h)
ours = torch.stack(states, dim=1)  # (B, T, H)
output, h_n = gru(x, h_0)  # (B, T, H), (1, B, H)


def gradients(states):
    """Of the sum of the squared states, by x and by every weight."""
    return torch.autograd.grad(states.square().sum(), [x, *gru.parameters()])


pairs = [(ours, output), (h, h_n[0])]
pairs += zip(gradients(ours), gradients(output), strict=True)
difference = max((a - b).abs().max().item() for a, b in pairs)
assert difference < 1e-12
print("states and gradients equal torch's to 1e-12:", difference < 1e-12)
