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
