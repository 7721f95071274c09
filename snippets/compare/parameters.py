"""How many parameters RNN, LSTM and GRU have at equal width: 1 : 4 : 3."""

# %% count
import torch.nn as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WIDTH = 64  # input_size and hidden_size
MAPS = {"rnn": 1, "lstm": 4, "gru": 3}  # h; i, f, g, o; r, z, n


def count(name, input_size, hidden_size):
    layer = LAYERS[name](input_size, hidden_size)
    return sum(weight.numel() for weight in layer.parameters())


def formula(name, input_size, hidden_size):
    W_ih, W_hh = hidden_size * input_size, hidden_size * hidden_size
    return MAPS[name] * (W_ih + W_hh + 2 * hidden_size)  # b_ih and b_hh


total = {name: count(name, WIDTH, WIDTH) for name in LAYERS}
ratio = {name: total[name] / total["rnn"] for name in LAYERS}
for name in LAYERS:
    print(f"{name:4} {total[name]:6,} parameters, {ratio[name]:g} × RNN")

SIZES = [(1, 1), (3, 1), (1, 3), (10, 20), (25, 100), (64, 64)]
for name in LAYERS:
    assert all(count(name, *size) == formula(name, *size) for size in SIZES)
