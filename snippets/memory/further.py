"""Three ladders of the gym, tried again where its search had stopped."""

# %% plan tags=["hidden"]
import torch
import torch.nn as nn
from torch.nn.functional import cross_entropy, one_hot

B, NORM, UPDATES, LEARNED, ENOUGH = 32, 1.0, 600, 0.98, 0.95
WIDTHS = {"lstm": 35, "gru": 41}
SEEDS = (20, 21, 22, 23, 24)
HIGHEST, HIGH = 0.3, 0.1


def recall(B, T, rng):
    """Name the first of T + 1 tokens at the end."""
    tokens = torch.randint(8, (B, T + 1), generator=rng)  # (B, T + 1)
    return one_hot(tokens, 8).float(), tokens[:, :1]  # (B, T + 1, 8), (B, 1)


def copy(B, T, rng):
    """Say two tokens again, T steps later; 8 is a pause, 9 says: now."""
    tokens = torch.full((B, T + 2), 8)  # (B, T + 2)
    tokens[:, :2] = torch.randint(8, (B, 2), generator=rng)
    tokens[:, T - 1] = 9
    return one_hot(tokens, 10).float(), tokens[:, :2]


def build(inputs, kind, chrono, T, seed):
    """A layer of torch and a readout; chrono: z's bias is told T."""
    torch.manual_seed(seed)
    H = WIDTHS[kind]
    layer = getattr(nn, kind.upper())(inputs, H, batch_first=True)
    readout = nn.Linear(H, 8)
    if chrono:
        with torch.no_grad():
            layer.bias_ih_l0[H:2 * H] = torch.empty(H).uniform_(1, T - 1).log()
            layer.bias_hh_l0[H:2 * H] = 0
    return layer, readout


def scored(make, kind, chrono, T, lr, seed):
    """Share of 1,000 fresh sequences right, after the training of the gym."""
    layer, readout = build(8 if make is recall else 10, kind, chrono, T, seed)
    weights = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr, fused=True)
    rng, recent = torch.Generator().manual_seed(seed), 0.0

    def right(x, y):
        output = readout(layer(x)[0][:, -y.shape[1]:])  # (B, answers, 8)
        return output, (output.argmax(dim=2) == y).all(dim=1).double()

    for _ in range(UPDATES):
        x, y = make(B, T, rng)
        output, hits = right(x, y)
        optimizer.zero_grad()
        cross_entropy(output.flatten(0, 1), y.flatten()).backward()
        nn.utils.clip_grad_norm_(weights, NORM)
        optimizer.step()
        recent += 0.1 * (hits.mean().item() - recent)
        if recent > LEARNED:
            break
    with torch.no_grad():
        rng = torch.Generator().manual_seed(1_000_000 + seed)
        return right(*make(1000, T, rng))[1].mean().item()


def run(task, kind, chrono, T, lr):
    """One share for each seed."""
    make = {"recall": recall, "copy": copy}[task]
    return [scored(make, kind, chrono, T, lr, seed) for seed in SEEDS]


plan = {f"{task} {kind} {T}": {
    "task": task, "kind": kind, "chrono": kind == "gru", "T": T, "lr": lr}
    for task, kind, lr, lags in (
        ("recall", "lstm", HIGHEST, (10, 20)),
        ("recall", "gru", HIGHEST, (160, 320)),
        ("copy", "gru", HIGH, (40, 80, 160))) for T in lags}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
seeds = len(SEEDS)
solved = {key.replace(" ", "_"): sum(share >= ENOUGH for share in got)
          for key, got in runs.items()}
