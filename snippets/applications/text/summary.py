"""What the recorded text study says: scores, curve, samples, units."""

# %% record tags=["hidden"]
import base64
import json
import statistics
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

INK, MUTED, HIDDEN = "#1f2328", "#5c6370", "#2072d5"
COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
CELLS, seeds, EQUAL = tuple(COLOURS), 5, 1500
_here = Path(__file__)
_runs = json.loads(_here.with_name("nets.json").read_text())["runs"]
_counting = json.loads(_here.with_name("rivals.json").read_text())["runs"]
_counting = _counting["all"]
_first = _runs["lstm 0"]
fingerprint, sizes = _first["fingerprint"], _first["sizes"]
characters = len(_first["alphabet"])
assert fingerprint == _counting["fingerprint"]


def of(cell):
    """The runs of all seeds."""
    return [_runs[f"{cell} {seed}"] for seed in range(seeds)]


def spread(numbers):
    numbers = list(numbers)
    return {"median": statistics.median(numbers), "low": min(numbers),
            "high": max(numbers)}


# %% scores tags=["hidden"]
updates = {cell: int(list(of(cell)[0]["curve"])[-1]) for cell in CELLS}
ms = _runs["speed"]
seconds = {cell: updates[cell] * ms[cell] / 1000 for cell in CELLS}
_read = 16 * 64  # characters in an update: B streams, T steps
passes = {cell: updates[cell] * _read / sizes["train"] for cell in CELLS}
time_apart = max(seconds.values()) / min(seconds.values()) - 1
equal = {cell: spread(run["equal"] for run in of(cell)) for cell in CELLS}
timed = {cell: spread(statistics.mean(run["test"]) for run in of(cell))
         for cell in CELLS}
_order = min(range(8), key=_counting["validation"].__getitem__)
_best = _counting["test"][_order]
least_gap = min(min(timed[cell]["low"], equal[cell]["low"])
                for cell in CELLS) - statistics.mean(_best)
pieces = len(_best)
rounding = {cell: statistics.mean(of(cell)[0]["rounded"])
            - statistics.mean(of(cell)[0]["test"]) for cell in CELLS}
rounding_most = max(map(abs, rounding.values()))
kilobytes = sum(len(part[key]) for cell in CELLS
                for part in of(cell)[0]["weights"].values()
                for key in ("int8", "scale")) / 1000

_medians = [timed[cell]["median"] for cell in CELLS]
race = max(_medians) - min(_medians)
widest = max(timed[cell]["high"] - timed[cell]["low"] for cell in CELLS)
won = sum(net < count for cell in CELLS for run in of(cell)
          for net, count in zip(run["test"], _best, strict=True))
exams = pieces * seeds * len(CELLS)
xz_gap = min(timed[cell]["low"] for cell in CELLS) - _counting["xz"]["test"]

# %% curves tags=["hidden"]
_lines = {"bigram": (1, 5), "fourgram": (3, 0.07), "eightgram": (7, 0.07)}
_labels = {"rnn": (0.036, 4.5), "lstm": (0.17, 2.95), "gru": (0.95, 3.85)}
fig, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
for _name, (_n, _left) in _lines.items():
    _level = _counting["validation"][_n]
    ax.axhline(_level, color=MUTED, linewidth=1, linestyle="--")
    ax.text(_left, _level, _name, color=MUTED, va="bottom")
for cell in CELLS:
    _curve = np.array([list(run["curve"].values()) for run in of(cell)])
    _x = [int(n) * ms[cell] / 1000 for n in of(cell)[0]["curve"]]
    ax.fill_between(_x, _curve.min(0), _curve.max(0), color=COLOURS[cell],
                    alpha=0.25, linewidth=0)
    ax.plot(_x, np.median(_curve, 0), color=COLOURS[cell],
            marker=MARKERS[cell], markersize=5)
    ax.text(*_labels[cell], cell.upper(), color=COLOURS[cell], weight="bold")
ax.set_xscale("log")
ax.set_xlim(0.03, 40)
ax.set_ylim(1.9, 5.0)
ax.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
ax.set_xlabel("seconds of training on one core")
ax.set_title("bits per character, validation text", loc="left")
plt.show()
last = {cell: spread(list(run["curve"].values())[-1] for run in of(cell))
        for cell in CELLS}


# %% samples tags=["hidden"]
def show(head, text):
    print(f"[{head}]")
    for line in text.split("\n"):
        folded = textwrap.wrap(line, 34, break_on_hyphens=False)
        print("\n".join("  " + part for part in folded or [""]))


for _moment, _text in of("lstm")[0]["samples"].items():
    show(f"after {_moment} updates", _text)

# %% heat tags=["hidden"]
for _heat, _text in of("lstm")[0]["heat"].items():
    show(f"temperature {_heat}", _text)

# %% units tags=["hidden"]
found = {label: {cell: spread(abs(run["units"][label]["later"])
                              for run in of(cell)) for cell in CELLS}
         for label in of("rnn")[0]["units"]}
same_sign = {label: sum(run["units"][label]["later"]
                        * run["units"][label]["r"] > 0
                        for cell in CELLS for run in of(cell))
             for label in found}
area = {when: {label: {cell: spread(run["probes"][when][label]
                                    for run in of(cell)) for cell in CELLS}
               for label in ("quotes", "nested")}
        for when in ("untrained", "trained")}
nets = seeds * len(CELLS)
follow = {label: {cell: sum(abs(run["units"][label]["later"]) > 0.5
                            for run in of(cell)) for cell in CELLS}
          for label in found}

# %% ablation tags=["hidden"]
closings = of("rnn")[0]["ablation"]["closings"]
others = len(of("rnn")[0]["ablation"]["bits"]) - 2
_bits = {cell: np.array([run["ablation"]["bits"] for run in of(cell)])
         for cell in CELLS}
_close = {cell: np.array([run["ablation"]["closing"] for run in of(cell)])
          for cell in CELLS}
intact = {cell: spread(_close[cell][:, 0].tolist()) for cell in CELLS}
without = {cell: spread(_close[cell][:, 1].tolist()) for cell in CELLS}
other = {cell: spread(_close[cell][:, 2:].flatten().tolist())
         for cell in CELLS}
cost = {cell: spread((_bits[cell][:, 1] - _bits[cell][:, 0]).tolist())
        for cell in CELLS}
cost_other = {cell: spread((_bits[cell][:, 2:] - _bits[cell][:, :1])
                           .flatten().tolist()) for cell in CELLS}
worst = {cell: int((_close[cell][:, 1] < _close[cell][:, 2:].min(1)).sum())
         for cell in CELLS}  # seeds where no other unit hurts closing more
worst["all"] = sum(worst.values())
fewest = max(_close[cell][_k, 1] / _close[cell][_k, 0]
             for cell in CELLS for _k in range(seeds)).item()
fig, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
for _i, cell in enumerate(CELLS):
    _change = _close[cell] / _close[cell][:, :1]
    for _k in range(seeds):
        _x = _i + (_k - 2) * 0.16
        ax.plot([_x] * others, _change[_k, 2:], color=MUTED, marker="_",
                linestyle="none", alpha=0.6)
        ax.plot(_x, _change[_k, 1], color=COLOURS[cell],
                marker=MARKERS[cell], linestyle="none", markersize=7)
ax.axhline(1, color=MUTED, linewidth=1)
ax.set_xticks(range(len(CELLS)), [cell.upper() for cell in CELLS])
ax.set_ylim(0, None)
ax.set_title("chance of a closing quote, held / intact", loc="left")
plt.show()


# %% trace tags=["hidden"]
def matrix(part):
    """The weights that an export holds, (rows, columns) or a bias."""
    q = np.frombuffer(base64.b64decode(part["int8"]), np.int8)
    scale = np.frombuffer(base64.b64decode(part["scale"]), np.float32)
    rows = q.reshape(len(scale), -1).astype(np.float32) * scale[:, None]
    return rows.reshape(part["shape"])


def states(run, text):
    """The GRU's h after each character, in NumPy: (T, H)."""
    W = {name.split(".")[1]: matrix(part)
         for name, part in run["weights"].items() if "recurrent" in name}
    embed, h, all_h = matrix(run["weights"]["embed.weight"]), 0.0, []
    h = np.zeros(W["weight_hh_l0"].shape[1])
    for character in text:
        x = embed[max(0, run["alphabet"].find(character))]
        a = np.split(W["weight_ih_l0"] @ x + W["bias_ih_l0"], 3)
        u = np.split(W["weight_hh_l0"] @ h + W["bias_hh_l0"], 3)
        r, z = (1 / (1 + np.exp(-(a[k] + u[k]))) for k in (0, 1))
        h = (1 - z) * np.tanh(a[2] + r * u[2]) + z * h
        all_h.append(h)
    return np.array(all_h)


STORY = 'See "sorted()" for lists and "sort()".'
_quotes = of("gru")[0]["units"]["quotes"]
trace_unit = _quotes["unit"]
_h = states(of("gru")[0], "\n\n" + STORY)[2:, trace_unit]
_h = _h if _quotes["r"] > 0 else -_h
fig, ax = plt.subplots(figsize=(4.8, 2.4), layout="constrained")
_inside = np.cumsum([c == '"' for c in STORY]) % 2 == 1
trace = {"within": np.median(_h[_inside]).item(),
         "between": np.median(_h[~_inside]).item()}
ax.fill_between(range(len(STORY)), -1.1, 1.1, where=_inside, step="post",
                color="#eef1f4", linewidth=0)
ax.step(range(len(STORY)), _h, where="post", color=HIDDEN, linewidth=2)
ax.set_ylim(-1.1, 1.1)
ax.set_xticks(np.arange(len(STORY)) + 0.5, STORY)
ax.set_xlabel("character just read (shaded: within quotes)")
ax.set_title(f"h of unit {trace_unit}", loc="left")
plt.show()
