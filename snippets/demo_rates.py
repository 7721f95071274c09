"""Which learning rate suits each demo? Five rates, five seeds, validation."""
# A recorded result, for it takes ten minutes: its numbers lie in the .json.

# %% sweep tags=["hidden"]
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


mean, spread, best = {}, {}, {}
for _cell in CELLS:
    _demo = prepared(_cell)
    _runs = {rate: [score(_demo, rate, seed) for seed in range(seeds)]
             for rate in RATES}
    mean[_cell] = {f"r{rate}".replace(".", "_"): statistics.mean(bits)
                   for rate, bits in _runs.items()}
    spread[_cell] = {f"r{rate}".replace(".", "_"): statistics.stdev(bits)
                    for rate, bits in _runs.items()}
    best[_cell] = min(RATES, key=lambda rate: statistics.mean(_runs[rate]))
