"""How long RNN, LSTM and GRU take on a CPU, over batch, length and width."""
# one run at a time: it measures time

# %% race
import time

import torch
import torch.nn as nn


def milliseconds(task):
    """What one run of the task takes of the processor, in ms."""
    begun = time.process_time()
    task()
    return 1000 * (time.process_time() - begun)


def race(tasks, rounds):
    """The least time of each task, in ms; they take turns, so that a slow
    moment of the machine falls on all of them alike."""
    turns = [{name: milliseconds(task) for name, task in tasks.items()}
             for _ in range(rounds)]
    return {name: min(turn[name] for turn in turns) for name in tasks}


def forward(layer, x):
    with torch.no_grad():
        layer(x)


def training(layer, x):
    layer(x)[0].sum().backward()  # forward and backward, no optimiser


# %% plan tags=["hidden"]
from functools import partial

torch.set_num_threads(1)

REPETITIONS = 5  # with other weights and other input
PASSES = {"forward": forward, "training": training}
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
BASE = {"B": 32, "T": 100, "H": 64}  # batch, steps, input and hidden size
# of a race with these sizes, how many rounds (the long ones get fewer)
VARIED = {"B": {1: 20, 128: 8}, "T": {25: 20, 400: 6},
          "H": {32: 20, 128: 10, 256: 5}}
plan = {"base": {**BASE, "rounds": 20}}
for _size, _values in VARIED.items():
    for _value, _rounds in _values.items():
        plan[f"{_size.lower()}{_value}"] = {
            **BASE, _size: _value, "rounds": _rounds}


def parameters(name, inputs, H):
    maps = {"rnn": 1, "lstm": 4, "gru": 3}[name]
    return maps * (inputs * H + H * H + 2 * H)


def matched(name, H):
    """The width at which a layer has the parameters of the LSTM of width H
    (all read H inputs), as nearly as can be."""
    goal = parameters("lstm", H, H)
    return min(range(1, 4 * H),
               key=lambda width: abs(parameters(name, H, width) - goal))


def without_onednn(once, layer, x):
    with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
        once(layer, x)


def entrants(H):
    """Layers by name: at equal width, and at the LSTM's parameters."""
    layers = {name: LAYERS[name](H, H, batch_first=True) for name in LAYERS}
    for name in "rnn", "gru":
        width = matched(name, H)
        layers[f"{name}_matched"] = LAYERS[name](H, width, batch_first=True)
    return layers


def run(B, T, H, rounds):
    """ms of each repetition: {pass: {layer: [ms, ...]}}."""
    found = {}
    for seed in range(REPETITIONS):
        torch.manual_seed(seed)
        x = torch.randn(B, T, H)  # (B, T, I)
        layers = entrants(H)
        for kind, once in PASSES.items():
            tasks = {name: partial(once, layer, x)
                     for name, layer in layers.items()}
            tasks |= {f"{name}_off":
                      partial(without_onednn, once, layers[name], x)
                      for name in LAYERS}
            for name, least in race(tasks, rounds).items():
                found.setdefault(kind, {}).setdefault(name, []).append(least)
    return found


# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
import statistics


def spread(values):
    return {"median": statistics.median(values),
            "low": min(values), "high": max(values)}


def ratios(of, to):
    """One ratio for each repetition; their median and range."""
    return spread([a / b for a, b in zip(of, to, strict=True)])


def of_each(compare):
    """What `compare` makes of the times of each setting and pass."""
    return {key: {kind: compare(times) for kind, times in run.items()}
            for key, run in runs.items()}


ms = of_each(lambda t: {name: spread(t[name]) for name in t})
ratio = of_each(lambda t: {name: ratios(t[name], t["rnn"]) for name in t})
# at the LSTM's parameters, times the RNN that has as many
equal = of_each(lambda t: {
    "lstm": ratios(t["lstm"], t["rnn_matched"]),
    "gru": ratios(t["gru_matched"], t["rnn_matched"])})
off = of_each(lambda t: {
    name: ratios(t[f"{name}_off"], t[name]) for name in LAYERS})
gru_to_lstm = of_each(lambda t: {
    "onednn": ratios(t["gru"], t["lstm"]),
    "plain": ratios(t["gru_off"], t["lstm_off"])})
_steady = [times["gru"]["median"] for run in ratio.values()
           for times in run.values()]
gru_range = {"low": min(_steady), "high": max(_steady)}
more = (ms["b128"]["training"]["rnn"]["median"]  # 128 times the arithmetic
        / ms["b1"]["training"]["rnn"]["median"])
seeds = REPETITIONS
sizes = {key: {of: settings[of] for of in BASE}
         for key, settings in plan.items()}
widths = {key: {name: matched(name, size["H"]) for name in LAYERS}
          for key, size in sizes.items()}


def said(found):
    return "{median:.1f} ({low:.1f}\u00a0to\u00a0{high:.1f})".format(
        **found)


# %% base_table tags=["hidden"]
print("| layer | width | parameters | forward | training |")
print("|---|---|---|---|---|")
ALSO = {"": "", "off": ", no oneDNN",
        "matched": ", widened"}
for _name in ("rnn", "lstm", "gru", "rnn_off", "lstm_off", "gru_off",
              "rnn_matched", "gru_matched"):
    _cell, _, _kind = _name.partition("_")
    _width = widths["base"][_cell] if _kind == "matched" else BASE["H"]
    _size = parameters(_cell, BASE["H"], _width)
    _times = [said(ratio["base"][kind][_name]) for kind in PASSES]
    if _name == "rnn":
        _times = [f"1 = {ms['base'][kind]['rnn']['median']:.1f} ms"
                  for kind in PASSES]
    print(f"| **{_cell.upper()}**{ALSO[_kind]} | {_width} | {_size:,d} |"
          f" {_times[0]} | {_times[1]} |")

# %% size_table tags=["hidden"]
def row(key):
    size = sizes[key]
    cells = [str(size[of]) for of in BASE]
    for kind in PASSES:
        cells += [said(ratio[key][kind][name]) for name in ("lstm", "gru")]
    return f"| {' | '.join(cells)} |"


print("| batch | steps | width | LSTM forward | GRU forward |"
      " LSTM training | GRU training |")
print("|---|---|---|---|---|---|---|")
for _key in ("b1", "base", "b128", "t25", "t400", "h32", "h128", "h256"):
    print(row(_key))

# %% width tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
LINE = "#d0d4da"
KEYS = {32: "h32", 64: "base", 128: "h128", 256: "h256"}


def curve(ax, found, name, lift=0):
    """Ratios over widths: medians, and as bars the range."""
    colour = COLOURS[name]
    mid, low, high = ([one[of] for one in found]
                      for of in ("median", "low", "high"))
    ax.vlines(list(KEYS), low, high, color=colour)
    ax.plot(list(KEYS), mid, color=colour, marker=MARKERS[name])
    ax.annotate(name.upper(), (256, mid[-1]), (9, lift), color=colour,
                textcoords="offset points", va="center")


def panel(ax, found, title, lifts):
    one = {"median": 1, "low": 1, "high": 1}
    curve(ax, [one] * len(KEYS), "rnn")
    for name, lift in lifts.items():
        curve(ax, [found[key]["training"][name] for key in KEYS.values()],
              name, lift)
    ax.set_xscale("log", base=2)
    ax.set_xticks(list(KEYS), [str(width) for width in KEYS])
    ax.set(xlim=(28, 440), ylim=(0.3, None), title=title,
           ylabel="time, RNN = 1")
    ax.minorticks_off()


fig, axes = plt.subplots(2, figsize=(4.8, 5.2), layout="constrained")
panel(axes[0], ratio, "Training, at equal width", {"lstm": 0, "gru": 0})
panel(axes[1], equal, "Training, at equal parameters",
      {"lstm": -13, "gru": 6})
axes[1].set_xlabel("hidden size of the LSTM")
plt.show()

# %% onednn tags=["hidden"]
fig, axes = plt.subplots(2, figsize=(4.8, 4), layout="constrained")
for _ax, _kind in zip(axes, PASSES, strict=True):
    for _row, _name in enumerate(LAYERS):
        _on, _off = (ratio["base"][_kind][name]["median"]
                     for name in (_name, f"{_name}_off"))
        _ax.plot([_on, _off], [_row, _row], color=LINE, linewidth=4)
        for _x, _face in ((_off, "#ffffff"), (_on, COLOURS[_name])):
            _ax.plot(_x, _row, color=COLOURS[_name], markersize=9,
                     marker=MARKERS[_name], markerfacecolor=_face)
    _ax.set_yticks(range(3), ["RNN", "LSTM", "GRU"])
    _ax.set(ylim=(2.5, -0.5), title=_kind.capitalize(),
            xlim=(0, 1.1 * ratio["base"][_kind]["lstm_off"]["high"]))
axes[1].set_xlabel("time, RNN = 1; filled: with oneDNN, hollow: without")
plt.show()
