"""A GRU in PyTorch: what goes in, what comes out, what it learns."""

# %% layer
import torch.nn as nn

gru = nn.GRU(input_size=10, hidden_size=20, num_layers=1, batch_first=True)

# %% shapes
import torch

B, T = 3, 7  # sequences in the batch, time steps
x = torch.randn(B, T, 10)  # (B, T, I)
h_0 = torch.zeros(1, B, 20)  # (layers, B, H)
output, h_n = gru(x, h_0)  # (B, T, H), (layers, B, H)


def row(name, tensor, meaning):
    print(f"{name:12} {tuple(tensor.shape)!s:11} {meaning}")


row("x", x, "in: batch, time, input_size")
row("h_0", h_0, "in, zeros if left out")
row("output", output, "out: h of every step")
row("h_n", h_n, "out: h of the last step")
print()
for name, weight in gru.named_parameters():
    row(name, weight, f"{weight.numel():4} parameters")
parameters = sum(weight.numel() for weight in gru.parameters())
print("in all:", parameters)

# %% last
# One layer, one direction: the last output is the last hidden state.
last = torch.equal(output[:, -1], h_n[0])  # (B, H) both
assert last
print("output[:, -1] equals h_n[0]:", last)
