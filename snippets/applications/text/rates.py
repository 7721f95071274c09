"""Which learning rate suits each cell? Six rates, on the validation text."""

# %% plan tags=["hidden"]
from pathlib import Path

SEEDS, RATES = (100, 101), (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)
UPDATES = {"rnn": 640, "lstm": 875, "gru": 375}  # a quarter of the study's


def run(cell, rate):
    """Bits per character on the validation text, seed by seed."""
    source = Path(__file__).with_name("nets.py").read_text()
    nets = {}
    exec(source.split("\nlength = sizes")[0], nets)
    length = nets["sizes"]["train"] // nets["B"]
    text = nets["parts"]["train"][: nets["B"] * length]
    streams = nets["encode"](text).view(nets["B"], length)
    exam, scores = nets["pieces"](nets["parts"]["validation"]), []
    for seed in SEEDS:
        nets["torch"].manual_seed(seed)
        model = nets["Guesser"](cell)
        marks = [UPDATES[cell]]
        _, mean = next(nets["training"](model, streams, rate, marks))
        scores.append(nets["bits"](mean, exam).mean().item())
    return {"fingerprint": nets["fingerprint"], "bits": scores}


plan = {f"{cell} {rate}": {"cell": cell, "rate": rate}
        for cell in UPDATES for rate in RATES}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
mean = {cell: {f"r{rate}".replace(".", "_"):
               sum(runs[f"{cell} {rate}"]["bits"]) / len(SEEDS)
               for rate in RATES} for cell in UPDATES}
best = {cell: min(RATES, key=lambda rate: sum(runs[f"{cell} {rate}"]["bits"]))
        for cell in UPDATES}
lowest, highest = RATES[0], RATES[-1]
