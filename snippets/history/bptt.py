"""Backpropagation through time as Werbos wrote it up in 1990."""

# %% bptt
import torch
import torch.nn as nn


def bptt(h, e, W_hh):
    """Gradient of a loss by W_hh (H, H), without autograd.

    h (T + 1, B, H): the states, h[0] before the first step;
    e (T + 1, B, H): the loss by each state, as if no step followed.
    """
    delta, total = torch.zeros_like(h[0]), torch.zeros_like(W_hh)
    for t in range(len(h) - 1, 0, -1):  # from the last step back
        # δ_t = (e_t + Wᵀ δ_{t+1}) * (1 - h_t²)
        delta = (e[t] + delta @ W_hh) * (1 - h[t] ** 2)  # (B, H)
        total += delta.T @ h[t - 1]  # (H, H), this step's share
    return total


# %% check
torch.manual_seed(0)
rnn = nn.RNN(4, 8, dtype=torch.float64)
x = torch.randn(30, 3, 4, dtype=torch.float64)  # (T, B, I)
output = rnn(x)[0]  # (T, B, H)
loss = (output**3).sum()  # any loss of the states will do
loss.backward()

h = torch.cat([torch.zeros(1, 3, 8), output.detach()])  # (T + 1, B, H)
W_hh = rnn.weight_hh_l0.detach()
gradient = bptt(h, 3 * h**2, W_hh)
difference = (gradient - rnn.weight_hh_l0.grad).abs().max().item()
assert difference < 1e-11
print("BPTT equals autograd:", difference < 1e-11)

# Elman (1990) trained one step at a time: δ_{t+1} counts for nothing
one_step = torch.zeros_like(W_hh)
for t in range(1, 31):
    one_step += (3 * h[t] ** 2 * (1 - h[t] ** 2)).T @ h[t - 1]
elman_differs = not torch.allclose(one_step, gradient, rtol=0.01)
print("one step back is another gradient:", elman_differs)
