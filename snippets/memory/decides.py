"""What decides whether the first token is recalled: four things, crossed."""

# %% plan tags=["hidden"]
import torch
import torch.nn as nn
from torch.nn.functional import cross_entropy, one_hot

LAG, SYMBOLS, B, NORM = 20, 8, 32, 1.0
LAYERS = {"rnn": (nn.RNN, 73), "lstm": (nn.LSTM, 35), "gru": (nn.GRU, 41)}
STARTS = ("default", "keeps")
RATES = (0.1, 0.03, 0.01, 0.003, 0.001)
BUDGETS = (200, 400, 800)
SEEDS = (10, 11, 12, 13, 14)
BIAS, LEARNED, ENOUGH = 3.0, 0.98, 0.95


def draw(B, rng):
    """Random tokens; the first of each sequence is to be named at the end."""
    tokens = torch.randint(SYMBOLS, (B, LAG + 1), generator=rng)
    return one_hot(tokens, SYMBOLS).float(), tokens[:, 0]  # (B, T, I), (B,)


def build(cell, start, seed):
    """Keeps: an identity as W_hh of the RNN, or a bias of 3 on f, or on z."""
    torch.manual_seed(seed)
    make, H = LAYERS[cell]
    layer, readout = make(SYMBOLS, H, batch_first=True), nn.Linear(H, SYMBOLS)
    if start == "keeps" and cell == "rnn":
        nn.init.eye_(layer.weight_hh_l0)
    elif start == "keeps":
        nn.init.constant_(layer.bias_ih_l0[H:2 * H], BIAS)
        nn.init.zeros_(layer.bias_hh_l0[H:2 * H])
    return layer, readout


def score(layer, readout, seed):
    x, first = draw(1000, torch.Generator().manual_seed(1_000_000 + seed))
    with torch.no_grad():
        named = readout(layer(x)[0][:, -1]).argmax(dim=1)
    return (named == first).double().mean().item()


def scores(cell, start, lr, seed):
    """Share right after each budget; who has learned stops, and keeps it."""
    layer, readout = build(cell, start, seed)
    rng, got, recent = torch.Generator().manual_seed(seed), [], 0.0
    weights = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr, fused=True)
    for update in range(1, BUDGETS[-1] + 1):
        x, first = draw(B, rng)
        output = readout(layer(x)[0][:, -1])  # (B, SYMBOLS)
        optimizer.zero_grad()
        cross_entropy(output, first).backward()
        nn.utils.clip_grad_norm_(weights, NORM)
        optimizer.step()
        hits = (output.argmax(dim=1) == first).float().mean().item()
        recent += 0.1 * (hits - recent)
        if update in BUDGETS:
            got.append(score(layer, readout, seed))
        if recent > LEARNED:
            last = score(layer, readout, seed)
            return got + [last] * (len(BUDGETS) - len(got))
    return got


def run(cell, start):
    """By rate: for each seed, the share right after each budget."""
    return {str(lr): [scores(cell, start, lr, seed) for seed in SEEDS]
            for lr in RATES}


plan = {f"{cell} {start}": {"cell": cell, "start": start}
        for cell in LAYERS for start in STARTS}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
import numpy as np

NAMES = {"rnn default": "RNN", "rnn keeps": "RNN, identity",
         "lstm default": "LSTM", "lstm keeps": "LSTM, bias 3",
         "gru default": "GRU", "gru keeps": "GRU, bias 3"}
seeds = len(SEEDS)
_right = np.array([[[runs[f"{cell} {start}"][str(lr)] for lr in RATES]
                    for start in STARTS] for cell in LAYERS])
FACTORS = {"cell": 0, "start": 1, "rate": 2, "budget": 4}  # seeds: axis 3
_total = _right.var()
share = {name: _right.mean(axis=tuple({0, 1, 2, 3, 4} - {axis})).var()
         / _total for name, axis in FACTORS.items()}
share["seed"] = _right.var(axis=3).mean() / _total  # all the rest being equal
share["together"] = 1 - sum(share.values())
_solved = (_right >= ENOUGH).sum(axis=3)  # cell, start, rate, budget
solved = {key: {str(lr).replace(".", "_"): {
    str(budget): int(_solved[k // 2, k % 2, r, b])
    for b, budget in enumerate(BUDGETS)} for r, lr in enumerate(RATES)}
    for k, key in enumerate(NAMES)}
solved = {key.replace(" ", "_"): of for key, of in solved.items()}
total = {key.replace(" ", "_"): int(_solved[k // 2, k % 2, :, -1].sum())
         for k, key in enumerate(NAMES)}
TRAININGS, EACH = _right[..., 0].size, seeds * len(RATES)
SOON, LATER, LAST = BUDGETS
HIGH, SLOW = RATES[0], RATES[3]  # where one cell learns and another doesn't

# %% table tags=["hidden"]
print("| | " + " | ".join(f"rate {lr}" for lr in RATES) + " |")
print("|---" * (len(RATES) + 1) + "|")
for _k, _name in enumerate(NAMES.values()):
    _cells = ["\xa0".join(map(str, row)) for row in _solved[_k // 2, _k % 2]]
    print(f"| {_name} | " + " | ".join(_cells) + " |")
