"""How far back the gradient reaches in RNN, LSTM and GRU, and what decides."""

# %% measure
import torch
import torch.nn as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
input_size, H = 10, 64  # input_size, hidden_size
T, LAGS = 500, 400  # steps, and how many of them we look back
NEAR, FAR = 20, 100  # the factor per step is measured between these lags
LITTLE = 0.01  # a gradient has reached as far as this much of it is left


def make(name, bias=None, seed=0):
    torch.manual_seed(seed)
    layer = LAYERS[name](input_size, H, batch_first=True, dtype=torch.float64)
    if bias is not None:  # the gate that keeps: f of the LSTM, z of the GRU
        nn.init.constant_(layer.bias_ih_l0[H:2 * H], bias)
        nn.init.zeros_(layer.bias_hh_l0[H:2 * H])  # torch adds the two
    return layer


def gradient_left(layer, B=8):
    """Size of d(last output) / d(input) over its value at lag 0: (LAGS+1,)."""
    x = torch.randn(B, T, input_size, dtype=torch.float64)  # (B, T, I)
    output = layer(x.requires_grad_())[0]  # (B, T, H)
    output[:, -1].sum().backward()  # back through all T steps
    size = x.grad.norm(dim=2).log().mean(dim=0).flip(0)  # (T,), by lag
    return (size - size[0]).exp()[:LAGS + 1]


def factor(left):
    return (left[FAR] / left[NEAR]).item() ** (1 / (FAR - NEAR))


def reach(left):
    """The first lag at which less than LITTLE is left."""
    gone = (left < LITTLE).nonzero()
    return gone[0].item() if len(gone) else LAGS + 1


for name in LAYERS:
    left = gradient_left(make(name))
    print(f"{name:4} keeps {factor(left):.2f} per step: "
          f"below {LITTLE:.0%} after {reach(left)} steps")

# %% sweep tags=["hidden"]
import numpy as np

seeds, lost = 5, 1 - LITTLE
BIASES = {"default": None} | {f"b{b}".replace("-", "m"): float(b)
                              for b in (-2, -1, 0, 1, 2, 3, 4, 5, 6, 8)}


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


def words(steps):
    """A reach in words: its median over the seeds, and their range."""
    low, middle, high = sorted(steps)[::len(steps) // 2]
    if low > LAGS:
        return f"more than {LAGS}"
    return f"{middle} ({low} to {high})"


_left = {name: {key: [gradient_left(make(name, bias, seed))
                      for seed in range(seeds)]
                for key, bias in BIASES.items()
                if name != "rnn" or key == "default"}
         for name in LAYERS}
per_step = {name: {key: spread([factor(left) for left in runs])
                   for key, runs in by_bias.items()}
            for name, by_bias in _left.items()}
steps = {name: {key: spread([reach(left) for left in runs])
                for key, runs in by_bias.items()}
         for name, by_bias in _left.items()}
reached = {name: {key: words([reach(left) for left in runs])
                  for key, runs in by_bias.items()}
           for name, by_bias in _left.items()}


def scaled(seed):
    """Factor per step of a default LSTM whose recurrent weights are SCALE x"""
    layer = make("lstm", None, seed)
    with torch.no_grad():
        layer.weight_hh_l0 *= SCALE
    return factor(gradient_left(layer))


SCALE = 6
wild = spread([scaled(seed) for seed in range(seeds)])
gate = {key: torch.tensor(bias or 0.0).sigmoid().item()
        for key, bias in BIASES.items()}  # the gate's value, if x and h are 0

# %% single tags=["hidden"]
F32 = torch.finfo(torch.float32)
smallest = F32.smallest_normal  # below this float32 loses digits
tiniest = F32.smallest_normal * F32.eps  # below half of this it has only 0
relative = F32.eps / 2  # added to 1, float32 rounds it away


def sizes(name, seed, dtype):
    """Largest |d(last output) / d(input)| at each lag: (LAGS + 1,)."""
    layer = make(name, None, seed).to(dtype)
    x = torch.randn(8, T, input_size).to(dtype)  # (B, T, I)
    layer(x.requires_grad_())[0][:, -1].sum().backward()
    return x.grad.abs().amax(dim=(0, 2)).flip(0)[:LAGS + 1]


def first(where):
    return where.nonzero()[0].item()


_sizes = {name: [(sizes(name, seed, torch.float32),
                  sizes(name, seed, torch.float64))
                 for seed in range(seeds)] for name in LAYERS}
single, denormal, zero, still = ({name: spread([of(*runs) for runs in both])
                                  for name, both in _sizes.items()}
                                 for of in (
    lambda low, high: first(high / high[0] < relative),  # too small to add
    lambda low, high: first(low < smallest),
    lambda low, high: first(low == 0),
    lambda low, high: high[first(low == 0)].item(),  # what float64 has there
))
all_zero = all(not low[first(low == 0):].any()  # once gone, gone for good
               for both in _sizes.values() for low, _ in both)
least_64 = min(high.min().item() for both in _sizes.values()
               for _, high in both)

# %% vanish tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
MUTED, LINE = "#5c6370", "#d0d4da"


def small(y, _):
    return f"10{str(round(np.log10(y))).translate(SUPER)}" if y < 1 else "1"


SUPER = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
fig, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for name, colour in COLOURS.items():
    _low, _high = (np.array([run[which].tolist() for run in _sizes[name]])
                   for which in (0, 1))
    ax.fill_between(range(LAGS + 1), _high.min(0), _high.max(0), lw=0,
                    color=colour, alpha=0.2)
    ax.plot(np.median(_high, axis=0), "--", color=colour, lw=1.2)
    _mid = np.median(_low, axis=0)
    _end = int((_mid > 0).sum()) - 1
    ax.plot(_mid[:_end + 1], color=colour, lw=2.6, marker=MARKERS[name],
            markevery=[40, 80, 120, _end], clip_on=False)
ax.axhline(tiniest, color=LINE, zorder=0)
ax.text(4, tiniest / 1e2, "float32's smallest\nnumber", color=MUTED, va="top")
ax.text(212, 1e-32, "LSTM, GRU", color=COLOURS["lstm"])
ax.text(80, 1e-34, "RNN", color=COLOURS["rnn"], ha="right")
ax.text(250, 1e-72, "dashed: float64", color=MUTED, ha="right")
ax.set(yscale="log", ylim=(1e-80, 10), xlim=(0, LAGS),
       xlabel="steps back from the last output", ylabel="gradient",
       title="All three vanish, in float32 to exactly zero")
ax.set_yticks([1, 1e-20, 1e-40, 1e-60, 1e-80])
ax.minorticks_off()
ax.yaxis.set_major_formatter(small)
plt.show()

# %% bias tags=["hidden"]
_x = [bias for bias in BIASES.values() if bias is not None]
fig, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
ax.axhline(1, color=LINE, zorder=0)
_b = torch.linspace(-2, 8, 101)
ax.plot(_b, _b.sigmoid(), "--", color=MUTED)
ax.text(0.9, 0.6, "the gate alone:\nσ(bias)", color=MUTED, va="top")
for name in ("lstm", "gru"):
    _low, _mid, _high = (np.array([per_step[name][key][end]
                                   for key in BIASES if key != "default"])
                         for end in ("low", "median", "high"))
    ax.fill_between(_x, _low, _high, color=COLOURS[name], alpha=0.25, lw=0)
    ax.plot(_x, _mid, color=COLOURS[name], marker=MARKERS[name])
ax.text(1.6, 1.03, "LSTM", color=COLOURS["lstm"], ha="right")
ax.text(3.1, 0.88, "GRU", color=COLOURS["gru"])
ax.set(ylim=(0.1, 1.12), xlabel="bias of the gate that keeps (f or z)",
       ylabel="gradient left per step back",
       title="The bias of the gate decides")
plt.show()
