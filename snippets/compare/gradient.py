"""How much of the gradient one step back leaves, at initialisation."""

# %% factor
import torch
import torch.nn as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WIDTH = 64  # hidden_size
T, NEAR, FAR = 200, 20, 100  # steps; the lags between which we measure


def factor(name, bias=None, seed=0):
    """Shrinking of d(last output) / d(input) per step further back."""
    torch.manual_seed(seed)
    layer = LAYERS[name](10, WIDTH, batch_first=True, dtype=torch.float64)
    if bias is not None:  # rows H to 2H: f of the LSTM, z of the GRU
        nn.init.constant_(layer.bias_ih_l0[WIDTH:2 * WIDTH], bias)
        nn.init.zeros_(layer.bias_hh_l0[WIDTH:2 * WIDTH])
    x = torch.randn(8, T, 10, dtype=torch.float64)  # (B, T, I)
    output = layer(x.requires_grad_())[0]  # (B, T, H)
    output[:, -1].sum().backward()  # back through all T steps
    left = x.grad.norm(dim=2).log().mean(dim=0).flip(0)  # (T,) by lag
    return ((left[FAR] - left[NEAR]) / (FAR - NEAR)).exp().item()


for name in LAYERS:
    print(f"{name:4} keeps {factor(name):.2f} of the gradient per step")

# %% sweep tags=["hidden"]
import statistics

VARIANTS = {
    "rnn": ("rnn", None),
    "lstm": ("lstm", None),
    "lstm_1": ("lstm", 1.0),
    "lstm_3": ("lstm", 3.0),
    "gru": ("gru", None),
    "gru_1": ("gru", 1.0),
    "gru_3": ("gru", 3.0),
}
seeds = 10
_runs = {name: [factor(*variant, seed) for seed in range(seeds)]
         for name, variant in VARIANTS.items()}
median = {name: statistics.median(runs) for name, runs in _runs.items()}
low = {name: min(runs) for name, runs in _runs.items()}
high = {name: max(runs) for name, runs in _runs.items()}
after_100 = {name: median[name] ** 100 for name in median}

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
LABELS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "lstm_1": "bias of f: 1",
          "lstm_3": "bias of f: 3", "gru_1": "bias of z: 1",
          "gru_3": "bias of z: 3"}
LINE = "#d0d4da"

fig, ax = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
ax.axvline(1, color=LINE)
for _row, (_key, (_cell, _)) in enumerate(VARIANTS.items()):
    _style = {"color": COLOURS[_cell], "marker": MARKERS[_cell]}
    ax.plot([low[_key], high[_key]], [_row, _row], color=COLOURS[_cell],
            linewidth=4, alpha=0.3, solid_capstyle="butt")
    ax.plot(median[_key], _row, linestyle="", **_style)
    ax.annotate(f"{median[_key]:.2f}", (low[_key], _row), (-8, 0),
                textcoords="offset points", ha="right", va="center",
                color=COLOURS[_cell])
ax.set_yticks(range(len(VARIANTS)), [LABELS[_key] for _key in VARIANTS])
ax.invert_yaxis()
ax.set(xlim=(0.4, 1.03), xlabel="gradient left per step back",
       title="By default all three forget")
plt.show()
