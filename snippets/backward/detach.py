"""A state carried on without its history: truncated backpropagation."""

# %% detach
import torch
import torch.nn as nn

torch.manual_seed(0)
T, chunk = 50, 10  # steps in all, steps before each cut
rnn = nn.RNN(input_size=4, hidden_size=8, batch_first=True)
x = torch.randn(1, T, 4, requires_grad=True)  # (B, T, I)
h = torch.zeros(1, 1, 8)  # (layers, B, H)
for part in x.split(chunk, dim=1):  # (B, chunk, I)
    h = h.detach()  # its numbers stay, its history goes
    output, h = rnn(part, h)  # (B, chunk, H), (layers, B, H)
loss = output.square().sum()  # a mistake in the last part
loss.backward()
hear = x.grad.norm(dim=2).count_nonzero().item()
print(f"of {T} steps, {hear} hear of it")
