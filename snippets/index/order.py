"""Two sentences of the same words: only a state tells them apart."""

# %% sentences
import torch
import torch.nn as nn

torch.manual_seed(0)
words = {"dog": 0, "bites": 1, "man": 2}
embed = nn.Embedding(len(words), 8)


def vectors(sentence):
    ids = torch.tensor([words[word] for word in sentence.split()])
    return embed(ids)  # (T, 8)


a, b = vectors("dog bites man"), vectors("man bites dog")

# %% compare
rnn = nn.RNN(input_size=8, hidden_size=16)
sum_gap = (a.sum(0) - b.sum(0)).abs().max().item()
state_gap = (rnn(a)[1] - rnn(b)[1]).abs().max().item()
print("sums of the word vectors differ:", sum_gap > 1e-6)
print("last hidden states differ:      ", state_gap > 1e-6)
