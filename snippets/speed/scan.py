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
    """The same by sums of logarithms (Heinsen, 2023): no pass over steps."""
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
    print(way.__name__, "equals the loop to 1e-10:", same)

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
