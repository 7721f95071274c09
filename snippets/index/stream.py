"""A recurrent layer reads a stream in pieces; its memory never grows."""

# %% stream
import torch
import torch.nn as nn

torch.manual_seed(0)
lstm = nn.LSTM(input_size=10, hidden_size=20, batch_first=True)
x = torch.randn(1, 1000, 10)  # (B, T, I)

whole, _ = lstm(x)  # all at once
state, pieces = None, []
for piece in x.split(7, dim=1):  # seven steps at a time
    output, state = lstm(piece, state)
    pieces.append(output)

gap = (torch.cat(pieces, dim=1) - whole).abs().max().item()
carried = sum(tensor.numel() for tensor in state)
steps = x.shape[1]
print(f"same outputs to within 1e-6: {gap < 1e-6}")
print(f"numbers carried from piece to piece: {carried}")
