"""minGRU by a loop over the steps, and by two scans of all at once."""
# one run at a time: it measures time

# %% loop
import torch
import torch.nn as nn
from torch.nn.functional import relu, softplus


def positive(v):
    """The new content n of minGRU: positive, and it has a logarithm."""
    return torch.where(v >= 0, v + 0.5, torch.sigmoid(v))


def by_loop(a, v):
    """minGRU (Feng et al., 2024), its z named as in nn.GRU: it keeps.

    a, v (B, T, H): what the layer makes of x alone -> h (B, T, H).
    """
    z, n = torch.sigmoid(a), positive(v)  # (B, T, H) each
    h, states = torch.zeros_like(a[:, 0]), []  # (B, H)
    for z_t, n_t in zip(z.unbind(1), n.unbind(1), strict=True):
        h = z_t * h + (1 - z_t) * n_t  # (B, H)
        states.append(h)
    return torch.stack(states, dim=1)


# %% doubling
def by_doubling(a, v):
    """The same in log2(T) passes: each state comes to reach twice as far."""
    z = torch.sigmoid(a)  # (B, T, H)
    h, reach = (1 - z) * positive(v), 1  # (B, T, H)
    while reach < h.shape[1]:
        # h_t += z_t * h_(t - reach), where z_t keeps that many steps
        h = torch.cat([h[:, :reach],
                       h[:, reach:] + z[:, reach:] * h[:, :-reach]], dim=1)
        z = torch.cat([z[:, :reach], z[:, reach:] * z[:, :-reach]], dim=1)
        reach *= 2
    return h


# %% logs
def by_logs(a, v):
    """The same by running sums of logarithms (Heinsen, 2023)."""
    keep, write = -softplus(-a), -softplus(a)  # log z and log(1 - z)
    n = torch.where(v >= 0, (relu(v) + 0.5).log(), -softplus(-v))  # log n
    kept = keep.cumsum(dim=1)  # log of z_1 * ... * z_t
    # h_t = sum over s of (1 - z_s) n_s * z_(s+1) * ... * z_t
    return (kept + (write + n - kept).logcumsumexp(dim=1)).exp()


# %% check
torch.manual_seed(0)
a, v = torch.randn(2, 3, 300, 20, dtype=torch.float64)  # (B, T, H) each
h = by_loop(a, v)  # (B, T, H)
for way in by_doubling, by_logs:
    same = (way(a, v) - h).abs().max().item() < 1e-10
    assert same
    print("doubling" if way is by_doubling else "logarithms",
          "gives the loop's states, to 1e-10:", same)

# %% plan tags=["hidden"]
import time
from functools import partial

torch.set_num_threads(1)


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


def by_index(a, v):
    """The loop again, but each step is looked up."""
    z, n = torch.sigmoid(a), positive(v)  # (B, T, H) each
    h, states = torch.zeros_like(a[:, 0]), []  # (B, H)
    for t in range(a.shape[1]):
        h = z[:, t] * h + (1 - z[:, t]) * n[:, t]  # (B, H)
        states.append(h)
    return torch.stack(states, dim=1)


REPETITIONS = 5  # with other weights and other input
B, H = 8, 64  # batch; input and hidden size
INDEXED = 1024  # looked up to this length: beyond, it takes too long
WAYS = {"loop": by_loop, "doubling": by_doubling, "logs": by_logs}
ROUNDS = {64: 20, 256: 10, 1024: 3, 4096: 2}
plan = {f"t{T}": {"T": T, "rounds": ROUNDS[T]} for T in ROUNDS}


class MinGRU(nn.Module):
    def __init__(self, way):
        super().__init__()
        self.way, self.maps = way, nn.Linear(H, 2 * H)

    def forward(self, x):  # (B, T, I) -> (B, T, H), as a tuple like nn.GRU
        return (self.way(*self.maps(x).chunk(2, dim=2)),)


def forward(layer, x):
    with torch.no_grad():
        layer(x)


def training(layer, x):
    layer(x)[0].sum().backward()


def run(T, rounds):
    """ms of each repetition: {pass: {layer or way: [ms, ...]}}."""
    found = {}
    for seed in range(REPETITIONS):
        torch.manual_seed(seed)
        x = torch.randn(B, T, H)  # (B, T, I)
        ways = WAYS | ({"index": by_index} if T <= INDEXED else {})
        layers = {key: MinGRU(way) for key, way in ways.items()}
        layers["gru"] = nn.GRU(H, H, batch_first=True)
        layers["lstm"] = nn.LSTM(H, H, batch_first=True)
        for kind, once in {"forward": forward, "training": training}.items():
            tasks = {name: partial(once, layer, x)
                     for name, layer in layers.items()}
            for name, least in race(tasks, rounds).items():
                found.setdefault(kind, {}).setdefault(name, []).append(least)
    return found


# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
import statistics


def ratios(of, to):
    """One ratio for each repetition; their median and range."""
    found = [a / b for a, b in zip(of, to, strict=True)]
    return {"median": statistics.median(found),
            "low": min(found), "high": max(found)}


seeds = REPETITIONS
ratio = {key: {kind: {name: ratios(times[name], times["loop"])
                      for name in times}
               for kind, times in run.items()} for key, run in runs.items()}


def rounding(T):
    """In float32, the most by which each way is off the float64 loop."""
    torch.manual_seed(0)
    a, v = torch.randn(2, 2, T, 16)  # (B, T, H) each
    true = by_loop(a.double(), v.double())
    return {name: (way(a, v) - true).abs().max().item()
            for name, way in WAYS.items()}


rounded = rounding(max(ROUNDS))

# %% longer tags=["hidden"]
import matplotlib.pyplot as plt

DRAWN = {  # colour, marker and line of each, label, its lift in both panels
    "doubling": ("#1f2328", "D", "-", "doubling", (-2, 0)),
    "logs": ("#5c6370", "o", "--", "logarithms", (4, -4)),
    "index": ("#5c6370", "x", ":", "x[:, t]", (0, 0)),
    "gru": ("#0a7f6f", "^", "-", "nn.GRU", (-3, 9)),
    "lstm": ("#1e1b6b", "s", "-", "nn.LSTM", (0, 0)),
}
LINE = "#d0d4da"

fig, axes = plt.subplots(2, figsize=(4.8, 6), layout="constrained",
                         height_ratios=[2, 3])
for _ax, _kind in zip(axes, ("forward", "training"), strict=True):
    _ax.axhline(1, color=LINE, linewidth=3)
    for _name, (_colour, _marker, _line, _label, _lift) in DRAWN.items():
        if (_name, _kind) == ("index", "forward"):
            continue  # nothing to see
        _at = [T for T in ROUNDS if _name in ratio[f"t{T}"][_kind]]
        _found = [ratio[f"t{T}"][_kind][_name] for T in _at]
        _ax.vlines(_at, [of["low"] for of in _found],
                   [of["high"] for of in _found], color=_colour)
        _mid = [of["median"] for of in _found]
        _ax.plot(_at, _mid, color=_colour, marker=_marker, linestyle=_line)
        _ax.annotate(_label, (_at[-1], _mid[-1]),
                     (9, _lift[_kind == "training"]), va="center",
                     textcoords="offset points", color=_colour)
    _ax.annotate("minGRU's loop", (4096, 1), (9, -9), color="#5c6370",
                 textcoords="offset points", va="center")
    _ax.set_xscale("log", base=2)
    _ax.set_yscale("log", base=2)
    _ax.set_xticks(list(ROUNDS), [f"{T:,d}" for T in ROUNDS])
    _ticks = [1 / 4, 1 / 2, 1, 2, 4, 8, 16]
    _ax.set_yticks(_ticks, ["1/4", "1/2", "1", "2", "4", "8", "16"])
    _ax.set(xlim=(50, 40000), title=_kind.capitalize(),
            ylabel="time, loop = 1")
    _ax.minorticks_off()
axes[0].set_ylim(0.25, 3)
axes[1].set_xlabel("steps")
plt.show()
