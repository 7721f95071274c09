"""One step of an RNN from scratch, and its match with torch.nn.RNN."""

# %% step
import torch
import torch.nn as nn


def rnn_step(x, h, W_ih, W_hh, b_ih, b_hh):
    """One step of Elman's network (1990), as torch.nn.RNN computes it.

    x (B, I), h (B, H) -> h (B, H);
    W_ih (H, I), W_hh (H, H), b_ih and b_hh (H).
    """
    # what arrives: W_ih x + b_ih
    arrives = x @ W_ih.T + b_ih  # (B, H)
    # what is passed on: W_hh h + b_hh
    passed_on = h @ W_hh.T + b_hh  # (B, H)
    # h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
    return torch.tanh(arrives + passed_on)  # (B, H)


# %% check
torch.manual_seed(0)
rnn = nn.RNN(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 7, 10, dtype=torch.float64, requires_grad=True)
h_0 = torch.randn(1, 3, 20, dtype=torch.float64)

h, states = h_0[0], []  # (B, H)
for x_t in x.unbind(dim=1):  # (B, I), one time step after the other
    h = rnn_step(x_t, h, *rnn.parameters())
    states.append(h)
ours = torch.stack(states, dim=1)  # (B, T, H)
output, h_n = rnn(x, h_0)  # (B, T, H), (1, B, H)


def gradients(states):
    """Of the sum of the squared states, by x and by every weight."""
    return torch.autograd.grad(states.square().sum(), [x, *rnn.parameters()])


pairs = [(ours, output), (h, h_n[0])]
pairs += zip(gradients(ours), gradients(output), strict=True)
difference = max((a - b).abs().max().item() for a, b in pairs)
assert difference < 1e-12
print("states and gradients equal torch's to 1e-12:", difference < 1e-12)
