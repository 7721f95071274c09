"""Batch and time swapped: nn.RNN reads across sequences and says nothing."""

# %% swapped
import torch
import torch.nn as nn

x = torch.randn(32, 7, 10)  # (B, T, I): 32 sequences of 7 steps
rnn = nn.RNN(input_size=10, hidden_size=20)  # expects (T, B, I)
_, h_n = rnn(x)
sequences = h_n.shape[1]
print("h_n:", tuple(h_n.shape))
