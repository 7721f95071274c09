"""Sequences of unequal length: packed, padded, or sorted into buckets."""
# one run at a time: it measures time

# %% pack
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def packed(layer, x, lengths):
    """Each sequence to its own end only: x (B, T, I) -> (B, T, H)."""
    short = pack_padded_sequence(
        x, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(short)[0], batch_first=True)[0]


# %% check
torch.manual_seed(0)
x = torch.randn(3, 7, 10)  # (B, T, I), of which so much is real:
lengths = torch.tensor([7, 2, 4])
real = torch.arange(7) < lengths[:, None]  # (B, T)
for make in nn.RNN, nn.LSTM, nn.GRU:
    layer = make(10, 20, batch_first=True)
    padded, short = layer(x)[0], packed(layer, x, lengths)  # (B, T, H) each
    same = torch.allclose(padded[real], short[real], atol=1e-6)
    print(f"{layer}: the same up to each end: {same}")
    assert same and not short[~real].any()

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


REPETITIONS = 5  # with other weights, input and lengths
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
BUCKETS = 4  # when sorted by length
plan = {
    "t25": {"B": 32, "T": 25, "H": 64, "rounds": 15},
    "t50": {"B": 32, "T": 50, "H": 64, "rounds": 15},
    "t100": {"B": 32, "T": 100, "H": 64, "rounds": 8},
    "t200": {"B": 32, "T": 200, "H": 64, "rounds": 4},
    "large": {"B": 128, "T": 100, "H": 128, "rounds": 2},
}


def draw(B, T):
    """Lengths between 1 and T, all equally likely; the longest has T."""
    lengths = torch.randint(1, T + 1, (B,))
    lengths[0] = T
    return lengths


def padded(layer, x, lengths):
    return layer(x)[0]


def bucketed(layer, x, lengths):
    """The sorted batch in BUCKETS parts, each as long as its longest."""
    order = lengths.argsort()
    return [layer(x[part, :lengths[part].max()])[0]
            for part in order.chunk(BUCKETS)]


def total(outputs):
    many = outputs if isinstance(outputs, list) else [outputs]
    return sum(output.sum() for output in many)


def forward(way, *data):
    with torch.no_grad():
        way(*data)


def training(way, *data):
    total(way(*data)).backward()


def run(B, T, H, rounds):
    """ms of each repetition: {pass: {layer_way: [ms, ...]}}; real steps."""
    found = {"real": []}
    for seed in range(REPETITIONS):
        torch.manual_seed(seed)
        x, lengths = torch.randn(B, T, H), draw(B, T)  # (B, T, I), (B,)
        found["real"].append(lengths.sum().item() / (B * T))
        same = torch.full_like(lengths, T)
        ways = {"padded": (padded, lengths), "packed": (packed, lengths),
                "bucketed": (bucketed, lengths), "equal": (packed, same)}
        layers = {n: LAYERS[n](H, H, batch_first=True) for n in LAYERS}
        for kind, once in {"forward": forward, "training": training}.items():
            tasks = {f"{name}_{key}": partial(once, way, layer, x, ends)
                     for name, layer in layers.items()
                     for key, (way, ends) in ways.items()}
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


def times_padded(times):
    """Each way's time, as a multiple of the padded batch's."""
    return {name: {way: ratios(times[f"{name}_{way}"], times[f"{name}_padded"])
                   for way in ("packed", "bucketed", "equal")}
            for name in LAYERS}


seeds = REPETITIONS
ratio = {key: {kind: times_padded(run[kind])
               for kind in ("forward", "training")}
         for key, run in runs.items()}
real = {key: statistics.median(run["real"]) for key, run in runs.items()}

# %% table tags=["hidden"]
WAYS = {"packed": "packed", "bucketed": f"{BUCKETS} buckets",
        "equal": "packed, of one length"}
print("| | RNN | LSTM | GRU |")
print("|---|---|---|---|")
for _key, _size in {"t100": "small", "large": "large"}.items():
    for _kind in "forward", "training":
        print(f"| **{_size}, {_kind}** | | | |")
        for _way, _label in WAYS.items():
            _cells = [_label]
            for _found in ratio[_key][_kind].values():
                _cells.append(
                    "{median:.1f} ({low:.1f}\u00a0to\u00a0{high:.1f})"
                    .format(**_found[_way]))
            print(f"| {' | '.join(_cells)} |")

# %% longer tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
LINE = "#d0d4da"
_at = [plan[key]["T"] for key in plan if key != "large"]

fig, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
ax.axhline(1, color=LINE, linewidth=3)
_last = ratio[f"t{_at[-1]}"]["training"]
_lift = 7 if _last["gru"]["packed"]["median"] > (
    _last["rnn"]["packed"]["median"]) else -7  # the upper one's label goes up
for _name in LAYERS:
    _found = [ratio[f"t{T}"]["training"][_name]["packed"] for T in _at]
    ax.vlines(_at, [of["low"] for of in _found],
              [of["high"] for of in _found], color=COLOURS[_name])
    ax.plot(_at, [of["median"] for of in _found], color=COLOURS[_name],
            marker=MARKERS[_name])
    ax.annotate(_name.upper(), (_at[-1], _found[-1]["median"]),
                (9, {"rnn": -_lift, "lstm": 0, "gru": _lift}[_name]),
                textcoords="offset points", color=COLOURS[_name], va="center")
ax.annotate("the padded batch", (25, 1), (0, -13), color="#5c6370",
            textcoords="offset points")
ax.set_xticks(_at, [str(T) for T in _at])
ax.set(xlim=(10, 235), ylim=(0, None), xlabel="steps of the longest sequence",
       ylabel="time, padded = 1", title="Training with packed sequences")
plt.show()
