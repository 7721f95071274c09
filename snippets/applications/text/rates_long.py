"""The second round of the search for rates: the full number of updates."""

# %% plan tags=["hidden"]
from pathlib import Path

GRID = {"rnn": (0.0025, 0.005, 0.01), "lstm": (0.01, 0.02, 0.04),
        "gru": (0.0025, 0.005, 0.01, 0.02)}
UPDATES = {"rnn": 2600, "lstm": 3500, "gru": 1500}
SEED = 100


def run(cell, rate):
    """Bits per character on the validation text, as in the first round."""
    first = Path(__file__).with_name("rates.py")
    names = {"__file__": str(first)}
    exec(first.read_text().split("\nplan = ")[0], names)
    names |= {"SEEDS": (SEED,), "UPDATES": UPDATES}
    return names["run"](cell, rate)


plan = {f"{cell} {rate}": {"cell": cell, "rate": rate}
        for cell in GRID for rate in GRID[cell]}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
bits = {cell: {f"r{rate}".replace(".", "_"): runs[f"{cell} {rate}"]["bits"][0]
               for rate in GRID[cell]} for cell in GRID}
best = {cell: min(GRID[cell], key=lambda rate: runs[f"{cell} {rate}"]["bits"])
        for cell in GRID}
_short = {"rnn": 0.01, "gru": 0.02}  # chosen by the first round
regret = {cell: runs[f"{cell} {rate}"]["bits"][0]
          - runs[f"{cell} {best[cell]}"]["bits"][0]
          for cell, rate in _short.items()}
