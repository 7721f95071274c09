"""A loop of one's own over the steps, against torch's layer."""
# one run at a time: it measures time

# %% loops
import torch
import torch.nn as nn


def rnn_loop(x, W_ih, W_hh, b_ih, b_hh):
    """torch.nn.RNN, step by step: x (B, T, I) -> h of all steps (B, T, H)."""
    h, states = x.new_zeros(len(x), W_hh.shape[1]), []  # (B, H)
    for x_t in x.unbind(dim=1):  # (B, I)
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)  # (B, H)
        states.append(h)
    return torch.stack(states, dim=1)


def lstm_loop(x, W_ih, W_hh, b_ih, b_hh):
    """torch.nn.LSTM, rows i, f, g, o: x (B, T, I) -> h (B, T, H)."""
    h = c = x.new_zeros(len(x), W_hh.shape[1])  # (B, H)
    states = []
    for x_t in x.unbind(dim=1):  # (B, I)
        a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, 4H)
        i, f, g, o = a.chunk(4, dim=1)  # (B, H) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)  # (B, H)
        h = torch.sigmoid(o) * torch.tanh(c)  # (B, H)
        states.append(h)
    return torch.stack(states, dim=1)


def gru_loop(x, W_ih, W_hh, b_ih, b_hh):
    """torch.nn.GRU, rows r, z, n: x (B, T, I) -> h (B, T, H)."""
    h, states = x.new_zeros(len(x), W_hh.shape[1]), []  # (B, H)
    for x_t in x.unbind(dim=1):  # (B, I)
        a_r, a_z, a_n = (x_t @ W_ih.T + b_ih).chunk(3, dim=1)  # (B, H) each
        u_r, u_z, u_n = (h @ W_hh.T + b_hh).chunk(3, dim=1)  # (B, H) each
        r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)  # (B, H)
        n = torch.tanh(a_n + r * u_n)  # (B, H)
        h = (1 - z) * n + z * h  # (B, H)
        states.append(h)
    return torch.stack(states, dim=1)


# %% check
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
LOOPS = {"rnn": rnn_loop, "lstm": lstm_loop, "gru": gru_loop}
torch.manual_seed(0)
x = torch.randn(3, 7, 10, dtype=torch.float64)  # (B, T, I)
for name in LAYERS:
    layer = LAYERS[name](10, 20, batch_first=True, dtype=torch.float64)
    off = (LOOPS[name](x, *layer.parameters()) - layer(x)[0]).abs().max()
    assert off < 1e-12
    print(f"{name:4} loop equals torch's to 1e-12:", off.item() < 1e-12)

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


REPETITIONS = 5  # with other weights and other input
SIZES = {  # batch, steps, input and hidden size
    "base": {"B": 32, "T": 100, "H": 64},
    "b1": {"B": 1, "T": 100, "H": 64},
    "h256": {"B": 32, "T": 100, "H": 256},
}
ROUNDS = {"base": 15, "b1": 20, "h256": 4}
plan = {key: {**SIZES[key], "rounds": ROUNDS[key]} for key in SIZES}


def by_layer(layer, x):
    return layer(x)[0]


def by_loop(loop, weights, x):
    return loop(x, *weights)


def forward(way, *given):
    with torch.no_grad():
        way(*given)


def training(way, *given):
    way(*given).sum().backward()


def run(B, T, H, rounds):
    """ms of each repetition: {pass: {layer or loop: [ms, ...]}}."""
    found = {}
    for seed in range(REPETITIONS):
        torch.manual_seed(seed)
        x = torch.randn(B, T, H)  # (B, T, I)
        ways = {}
        for name in LAYERS:
            layer = LAYERS[name](H, H, batch_first=True)
            ways[name] = by_layer, layer, x
            weights = tuple(layer.parameters())
            ways[f"{name}_loop"] = by_loop, LOOPS[name], weights, x
        for kind, once in {"forward": forward, "training": training}.items():
            tasks = {name: partial(once, *way) for name, way in ways.items()}
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
ratio = {key: {kind: {name: ratios(times[f"{name}_loop"], times[name])
                      for name in LAYERS}
               for kind, times in run.items()} for key, run in runs.items()}

# %% table tags=["hidden"]
print("| batch | width | pass | RNN | LSTM | GRU |")
print("|---|---|---|---|---|---|")
for _key in "b1", "base", "h256":
    for _kind in "forward", "training":
        _cells = [str(SIZES[_key]["B"]), str(SIZES[_key]["H"]), _kind]
        for _found in ratio[_key][_kind].values():
            _cells.append("{median:.1f} ({low:.1f}\u00a0to\u00a0{high:.1f})"
                          .format(**_found))
        print(f"| {' | '.join(_cells)} |")
