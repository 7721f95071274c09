"""Which of torch's layers a CPU hands to oneDNN: the profiler tells."""

# %% kernel
import torch
import torch.nn as nn
from torch.autograd.profiler import profile
from torch.nn.utils.rnn import pack_padded_sequence


def calls(layer, x):
    """Of one pass forward and backward: calls of oneDNN's kernel, and
    products with a matrix."""
    with profile(use_kineto=False) as seen:
        output = layer(x)[0]  # (B, T, H), or packed
        packed = not isinstance(output, torch.Tensor)
        (output.data if packed else output).sum().backward()
    count = {event.key: event.count for event in seen.key_averages()}
    kernel = sum(n for key, n in count.items() if "mkldnn_rnn_layer" in key)
    return kernel, count.get("aten::mm", 0) + count.get("aten::addmm", 0)


torch.manual_seed(0)
x = torch.randn(32, 100, 64)  # (B, T, I)
for make in nn.RNN, nn.LSTM, nn.GRU:
    kernel, products = calls(make(64, 64, batch_first=True), x)
    print(f"nn.{make.__name__:4}  oneDNN's kernel: {kernel} calls,"
          f" matrix products: {products:3}")

# %% when
lstm = nn.LSTM(64, 64, batch_first=True)
equal, unequal = torch.full((32,), 100), torch.arange(69, 101)  # (B,) each


def pack(lengths):
    return pack_padded_sequence(
        x, lengths, batch_first=True, enforce_sorted=False)


cases = {
    "a batch of one": (lstm, x[:1]),
    "two layers": (nn.LSTM(64, 64, 2, batch_first=True), x),
    "both directions": (
        nn.LSTM(64, 64, batch_first=True, bidirectional=True), x),
    "no biases": (nn.LSTM(64, 64, batch_first=True, bias=False), x),
    "packed, equal lengths": (lstm, pack(equal)),
    "packed, unequal lengths": (lstm, pack(unequal)),
    "proj_size=32": (nn.LSTM(64, 64, batch_first=True, proj_size=32), x),
    "float64": (nn.LSTM(64, 64, batch_first=True).double(), x.double()),
}
uses = {case: calls(*given)[0] > 0 for case, given in cases.items()}
for case, used in uses.items():
    print(f"{case:23}", "oneDNN" if used else "torch's own loop")
