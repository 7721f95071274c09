"""What a layer carries from step to step, and what a step costs, counted."""

# %% stream
import torch
import torch.nn as nn
from torch.utils.flop_counter import FlopCounterMode

H, STEPS = 256, 1000


class Attention(nn.Module):
    """One head that keeps the keys and values of all steps (t, H)."""

    def __init__(self):
        super().__init__()
        self.maps, self.out = nn.Linear(H, 3 * H), nn.Linear(H, H)

    def forward(self, x, past=None):
        q, k, v = self.maps(x).chunk(3, dim=1)  # (1, H) each
        K, V = (k, v) if past is None else (
            torch.cat([past[0], k]), torch.cat([past[1], v]))  # (t, H)
        weights = torch.softmax(q @ K.T / H**0.5, dim=1)  # (1, t)
        self.output = self.out(weights @ V)  # (1, H)
        return K, V  # what the next step needs


def stream(layer):
    """Of each step: bytes carried on, and multiply-adds of its products."""
    state, carried, work, before = None, [], [], 0
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for x in torch.randn(STEPS, 1, H):
            state = layer(x, state)
            parts = state if isinstance(state, tuple) else (state,)
            carried.append(sum(part.nbytes for part in parts))
            now = counter.get_total_flops() // 2  # one of each is 2
            work.append(now - before)
            before = now
    return carried, work


LAYERS = {"RNN": nn.RNNCell(H, H), "GRU": nn.GRUCell(H, H),
          "LSTM": nn.LSTMCell(H, H), "attention": Attention()}
counts = {name: stream(layer) for name, layer in LAYERS.items()}

# %% table
AT = (1, 10, 100, 1000)  # steps
print("|  |", *(f"bytes after step {t:,} |" for t in AT),
      *(f"multiply-adds in step {t:,} |" for t in (1, 1000)))
print("|---" * 7 + "|")
for name, (carried, work) in counts.items():
    print(f"| {name} |", *(f"{carried[t - 1]:,} |" for t in AT),
          *(f"{work[t - 1]:,} |" for t in (1, 1000)))

# %% others tags=["hidden"]
HEAD, N = 64, 16  # a head's size; numbers a channel of a state-space model
heads = H // HEAD


def floats(*sizes):
    return sum(torch.zeros(*size).nbytes for size in sizes)


matrix = floats((heads, HEAD, HEAD), (heads, HEAD))  # C and u
fixed = {
    "mingru": floats((H,)), "rwkv": floats((H,), (H,)),  # h; c and u
    "slstm": floats(*[(H,)] * 4), "ssm": floats((H, N)),  # h c u m; C
    "linear": matrix, "mlstm": matrix + floats((heads,)),  # and m
}
first = {name: carried[0] for name, (carried, _) in counts.items()}
last = {name: carried[-1] for name, (carried, _) in counts.items()}
work = {name: {"first": work[0], "last": work[-1]}
        for name, (_, work) in counts.items()}
_cache, _products = counts["attention"]
ratio = last["attention"] // last["LSTM"]
passes_matrix = 1 + sum(b <= fixed["linear"] for b in _cache)
passes = {name: 1 + sum(w <= counts[name][1][0] for w in _products)
          for name in ("RNN", "GRU", "LSTM")}

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

RNN, LSTM, GRU = "#c2410c", "#1e1b6b", "#0a7f6f"
CELL, INK = "#115123", "#1f2328"

_steps = range(1, STEPS + 1)
_marks = [0, 9, 99, 999]
fig, ax = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
ax.plot(_steps, _cache, color=INK, linestyle=":")
ax.annotate("attention:\nkeys and values", (100, _cache[99]), (-8, 0),
            color=INK, textcoords="offset points", ha="right", va="bottom")
ax.plot(_steps, [fixed["linear"]] * STEPS, "--", color=CELL)
ax.annotate("linear attention,\nmLSTM: a matrix", (STEPS, fixed["linear"]),
            (0, -4), color=CELL, textcoords="offset points", ha="right",
            va="top")
for name, color, marker, _shift, _below in (
        ("LSTM", LSTM, "s", 0, False), ("RNN", RNN, "o", 0, True),
        ("GRU", GRU, "^", 1, True)):
    _points = [2 * m if _shift and m else m for m in _marks[_shift:3]]
    ax.plot(_steps, counts[name][0], color=color, marker=marker,
            markevery=_points, linestyle="-" if not _shift else "--")
    ax.annotate(name, (STEPS if name != "RNN" else 200, counts[name][0][0]),
                (0, -5 if _below else 4), color=color,
                textcoords="offset points", ha="right",
                va="top" if _below else "bottom")
ax.set(xscale="log", yscale="log", xlabel="steps read",
       ylabel="bytes carried on", ylim=(400, 4e6),
       title=f"Memory while streaming, width {H}")
plt.show()
