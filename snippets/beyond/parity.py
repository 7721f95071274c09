"""Is the number of ones odd? Two units that see their state can tell."""

# %% rnn
import torch
import torch.nn as nn

# h = -1 or 1 each: any of (x, odd so far), and both of them. The first
# without the second is "odd", and odd = (h_1 - h_2) / 2.
GAIN, LENGTH = 10.0, 10_000
rnn = nn.RNN(1, 2, batch_first=True, dtype=torch.float64)
with torch.no_grad():
    rnn.weight_ih_l0[:] = GAIN
    rnn.weight_hh_l0[:] = torch.tensor([[1.0, -1.0], [1.0, -1.0]]) / 2 * GAIN
    rnn.bias_ih_l0[:] = -torch.tensor([0.5, 1.5]) * GAIN  # "any", "both"
    rnn.bias_hh_l0[:] = 0

torch.manual_seed(0)
bits = torch.randint(2, (5, LENGTH))  # (B, T)
even = -torch.ones(1, 5, 2, dtype=torch.float64)  # nothing read yet
output, _ = rnn(bits[:, :, None].double(), even)  # (B, T, 2)
odd = (output[:, :, 0] - output[:, :, 1]) / 2 > 0.5  # (B, T)
right = (odd == (bits.cumsum(dim=1) % 2 == 1)).double().mean().item()
print(f"RNN, 2 units: right after {right:.0%} of {LENGTH:,} bits")

# %% mingru
# A run of ones: each step has the same z and n, so every unit of a minGRU
# moves from where it was to n, and never turns: h = n + z^t (h_0 - n).
NETS, UNITS, ONES = 10_000, 8, 100
z = torch.rand(NETS, UNITS, dtype=torch.float64)  # (NETS, H)
n, readout = torch.randn(2, NETS, UNITS, dtype=torch.float64)
bias = torch.randn(NETS, dtype=torch.float64)
h, answers = torch.zeros_like(n), []
for _ in range(ONES):
    h = z * h + (1 - z) * n  # (NETS, H)
    answers.append((readout * h).sum(dim=1) + bias > 0)
answers = torch.stack(answers, dim=1)  # (NETS, T)
flips = (answers[:, 1:] != answers[:, :-1]).sum(dim=1)
most = flips.max().item()
print(f"minGRU, {UNITS} units: at most {most} flips in {NETS:,} random nets")
print(f"parity of {ONES} ones needs {ONES - 1}")
