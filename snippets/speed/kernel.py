"""Which of torch's layers a CPU hands to oneDNN: the profiler tells."""

# %% kernel
import os

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.profiler import ProfilerActivity, profile

os.environ["KINETO_LOG_LEVEL"] = "99"  # the profiler keeps no log


def calls(layer, x):
    """Of one pass forward and backward: calls of oneDNN's kernel, and
    products with a matrix."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        output = layer(x)[0]  # (B, T, H), or packed
        packed = not isinstance(output, torch.Tensor)
        (output.data if packed else output).sum().backward()
    count = {event.key: event.count for event in seen.key_averages()}
    kernel = sum(n for key, n in count.items() if "mkldnn_rnn_layer" in key)
    return kernel, count.get("aten::mm", 0) + count.get("aten::addmm", 0)


torch.manual_seed(0)
B, T, H = 4, 10, 64  # batch, steps, input and hidden size
x = torch.randn(B, T, H)  # (B, T, I)
for name, make in {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}.items():
    kernel, products = calls(make(H, H, batch_first=True), x)
    print(f"nn.{name:4}  oneDNN's kernel: {kernel} calls,"
          f" matrix products: {products:2}")

# %% when
lstm = nn.LSTM(H, H, batch_first=True)


def pack(*lengths):
    return pack_padded_sequence(x, torch.tensor(lengths), batch_first=True)


cases = {
    "a batch of one": (lstm, x[:1]),
    "two layers": (nn.LSTM(H, H, 2, batch_first=True), x),
    "both directions": (
        nn.LSTM(H, H, batch_first=True, bidirectional=True), x),
    "no biases": (nn.LSTM(H, H, batch_first=True, bias=False), x),
    "packed, equal lengths": (lstm, pack(10, 10, 10, 10)),
    "packed, unequal lengths": (lstm, pack(10, 8, 5, 5)),
    "float64": (nn.LSTM(H, H, batch_first=True).double(), x.double()),
}
uses = {case: calls(*given)[0] > 0 for case, given in cases.items()}
for case, used in uses.items():
    print(f"{case:23}", "oneDNN" if used else "torch's own loop")
