"""Which learning rate suits each demo? Five rates, five seeds, validation."""

# %% score tags=["hidden"]
import statistics
from pathlib import Path

import torch

CELLS, seeds = ("rnn", "lstm", "gru"), 5
RATES = (0.005, 0.01, 0.02, 0.04, 0.08)


def prepared(cell):
    """All that a demo defines before it trains."""
    source = Path(__file__).with_name(f"{cell}_demo.py").read_text()
    demo = {}
    exec(source.split("\ncurve = train(")[0], demo)
    demo["MARKS"] = demo["MARKS"][-1:]  # score at the end alone
    return demo


def score(demo, rate, seed):
    """Bits per character on the validation text."""
    torch.manual_seed(seed)
    model = demo["Guesser"](len(demo["alphabet"]))
    return demo["train"](model, demo["streams"], rate)[-1]


# %% plan tags=["hidden"]
plan = {f"{cell} {rate}": {"cell": cell, "rate": rate}
        for cell in CELLS for rate in RATES}


def run(cell, rate):
    """The score of each seed."""
    demo = prepared(cell)
    return [score(demo, rate, seed) for seed in range(seeds)]


# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]


def by_rate(cell, statistic):
    return {f"r{rate}".replace(".", "_"): statistic(runs[f"{cell} {rate}"])
            for rate in RATES}


mean = {cell: by_rate(cell, statistics.mean) for cell in CELLS}
spread = {cell: by_rate(cell, statistics.stdev) for cell in CELLS}
best = {cell: min(RATES, key=lambda rate: statistics.mean(
            runs[f"{cell} {rate}"])) for cell in CELLS}
