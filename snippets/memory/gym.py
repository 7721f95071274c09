"""The memory gym: eight tasks, nine cells, one training for all."""

# %% recall
from functools import partial

import torch
import torch.nn as nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot


def recall(B, T, rng):
    """Name the first token, T steps later."""
    tokens = torch.randint(8, (B, T + 1), generator=rng)  # (B, T + 1)
    return one_hot(tokens, 8).float(), tokens[:, :1]  # (B, T + 1, 8), (B, 1)


class Net(nn.Module):
    """A recurrent layer, and a readout of its last steps."""

    def __init__(self, layer, outputs):
        super().__init__()
        self.layer = layer
        self.readout = nn.Linear(layer.hidden_size, outputs)

    def forward(self, x, answers):
        h = self.layer(x)[0][:, -answers:]  # (B, answers, H)
        return self.readout(h)  # (B, answers, outputs)


# %% train
B, UPDATES, NORM = 32, 600, 1.0
LEARNED = 0.98  # of the training sequences of late: stop
NEAR = 0.04  # a number within this of the answer is right


def right(output, y):
    """Which sequences have all their answers right: (B,)."""
    if y.is_floating_point():
        return ((output[..., 0] - y).abs() < NEAR).all(dim=1)
    return (output.argmax(dim=2) == y).all(dim=1)


def train(net, make, T, lr, seed):
    """Adam on fresh sequences; returns the number of updates."""
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr, fused=True)
    recent = 0.0  # share right, over about the last ten updates
    for update in range(UPDATES):
        if update % 20 == 0:
            x20, y20 = make(20 * B, T, rng)
            batches = zip(x20.split(B), y20.split(B), strict=True)
        x, y = next(batches)  # (B, T, I), (B, answers)
        output = net(x, y.shape[1])  # (B, answers, outputs)
        loss = mse_loss(output[..., 0], y) if y.is_floating_point() else (
            cross_entropy(output.flatten(0, 1), y.flatten()))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), NORM)
        optimizer.step()
        recent += 0.1 * (right(output, y).float().mean().item() - recent)
        if recent > LEARNED:
            break
    return update + 1


def score(net, make, T, seed):
    """Share of 1,000 fresh sequences with all answers right."""
    x, y = make(1000, T, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return right(net(x, y.shape[1]), y).double().mean().item()


# %% example
torch.manual_seed(0)
net = Net(nn.GRU(8, 41, batch_first=True), 8)
updates = train(net, recall, T=20, lr=0.1, seed=0)
print(f"after {updates} updates: {score(net, recall, 20, seed=1):.0%} right")

# %% tasks
def copy(B, T, rng):
    """Say two tokens again, T steps later; 8 is a pause, 9 says: now."""
    tokens = torch.full((B, T + 2), 8)  # (B, T + 2)
    tokens[:, :2] = torch.randint(8, (B, 2), generator=rng)
    tokens[:, T - 1] = 9
    return one_hot(tokens, 10).float(), tokens[:, :2]


def adding(B, T, rng):
    """Add two marked numbers of the first half; the answer is 0 to 1."""
    values = 2 * torch.rand(B, T, generator=rng) - 1  # (B, T)
    two = torch.rand(B, T // 2, generator=rng).topk(2).indices  # (B, 2)
    marks = torch.zeros(B, T).scatter(1, two, 1)  # (B, T)
    total = (values * marks).sum(dim=1, keepdim=True)  # (B, 1)
    return torch.stack([values, marks], dim=2), 0.5 + total / 4


def order(B, T, rng, spans):
    """One X or Y in each span: which of them, in which order?"""
    tokens = torch.randint(4, (B, T), generator=rng)  # (B, T): a b c d
    tokens[:, 0], tokens[:, -1] = 6, 7  # E opens, B closes
    answer = torch.zeros(B, 1, dtype=torch.long)
    for start, end in spans:  # in hundredths of T
        low, high = start * T // 100, end * T // 100
        place = torch.randint(low, high + 1, (B, 1), generator=rng)
        which = torch.randint(2, (B, 1), generator=rng)  # X or Y
        tokens.scatter_(1, place, 4 + which)
        answer = 2 * answer + which  # (B, 1)
    return one_hot(tokens, 8).float(), answer


def parity(B, T, rng):
    """At every step: is the number of ones so far odd?"""
    bits = torch.randint(2, (B, T), generator=rng)  # (B, T)
    return one_hot(bits, 2).float(), bits.cumsum(dim=1) % 2


def dyck(B, T, rng, kinds):
    """At every step: which kind of bracket may close now, 0 for none?"""
    coins = torch.randint(2, (T, B, 1), generator=rng)
    fresh = torch.randint(1, kinds + 1, (T, B, 1), generator=rng)
    stack = torch.zeros(B, T + 1, dtype=torch.long)
    depth, top, tokens, tops = stack[:, :1], stack[:, :1], [], []
    for coin, kind in zip(coins, fresh, strict=True):
        opens = (depth == 0) | (coin == 0)  # (B, 1)
        tokens.append(torch.where(opens, kind, kinds + top) - 1)
        depth = depth + torch.where(opens, 1, -1)
        old = stack.gather(1, depth)  # what lies there already
        stack.scatter_(1, depth, torch.where(opens, kind, old))
        tops.append(top := stack.gather(1, depth))
    x = one_hot(torch.cat(tokens, dim=1), 2 * kinds).float()
    return x, torch.cat(tops, dim=1)


# %% cells tags=["hidden"]
TASKS = {  # maker, sizes of input and output, widths: RNN, LSTM, GRU, minGRU
    "recall": (recall, 8, 8, (73, 35, 41, 51)),
    "copy": (copy, 10, 8, (73, 35, 41, 51)),
    "adding": (adding, 2, 1, (62, 30, 35, 43)),
    "order_6a": (partial(order, spans=[(10, 20), (50, 60)]),
                 8, 4, (72, 34, 40, 50)),
    "order_6b": (partial(order, spans=[(10, 20), (33, 43), (66, 76)]),
                 8, 8, (73, 35, 41, 51)),
    "parity": (parity, 2, 2, (65, 32, 37, 46)),
    "dyck_1": (partial(dyck, kinds=1), 2, 2, (65, 32, 37, 46)),
    "dyck_2": (partial(dyck, kinds=2), 4, 3, (62, 30, 35, 43)),
}
KINDS = ("rnn", "lstm", "gru", "mingru")
CELLS = ("rnn", "irnn", "lstm", "lstm_1", "lstm_3", "lstm_chrono",
         "gru", "gru_chrono", "mingru")

class MinGRU(nn.Module):  # two layers; Feng et al., 2024, without logs
    def __init__(self, inputs, H):
        super().__init__()
        self.hidden_size = H
        self.maps = nn.ModuleList([
            nn.Linear(inputs, 2 * H), nn.Linear(H, 2 * H)])

    def forward(self, x):
        for linear in self.maps:
            z, n = linear(x).chunk(2, dim=2)  # (B, T, H) each
            z = z.sigmoid()
            h, states = torch.zeros_like(n[:, 0]), []  # (B, H)
            for keep, new in zip(z.unbind(1), ((1 - z) * n).unbind(1),
                                 strict=True):
                h = torch.addcmul(new, keep, h)  # (1 - z) * n + z * h
                states.append(h)
            x = torch.stack(states, dim=1)  # (B, T, H)
        return x, h

def start(layer, cell, T):  # as its name says; chrono alone is told T
    H, way = layer.hidden_size, cell.partition("_")[2]
    with torch.no_grad():
        if cell == "irnn":  # Le et al., 2015
            for weight in layer.parameters():
                weight.zero_()
            layer.weight_ih_l0.normal_(std=0.001)
            layer.weight_hh_l0.copy_(torch.eye(H))
        elif way:  # rows H to 2H keep: f of an LSTM, z of a GRU
            b = (torch.empty(H).uniform_(1, T - 1).log()  # Tallec, Ollivier
                 if way == "chrono" else torch.full((H,), float(way)))
            layer.bias_ih_l0[H:2 * H], layer.bias_hh_l0[H:2 * H] = b, 0
            if cell == "lstm_chrono":  # and the input gate the opposite
                layer.bias_ih_l0[:H], layer.bias_hh_l0[:H] = -b, 0
    return layer

def build(task, cell, T, seed):
    torch.manual_seed(seed)
    _, inputs, outputs, widths = TASKS[task]
    kind = cell.partition("_")[0].removeprefix("i")
    H = widths[KINDS.index(kind)]
    if kind == "mingru":
        return Net(MinGRU(inputs, H), outputs)
    relu = {"nonlinearity": "relu"} if cell == "irnn" else {}
    layer = getattr(nn, kind.upper())(inputs, H, batch_first=True, **relu)
    return Net(start(layer, cell, T), outputs)

# %% plan tags=["hidden"]
LADDERS = dict.fromkeys(TASKS, (10, 20, 40, 80, 160, 320))
LADDERS["recall"] = (5, *LADDERS["copy"])
RATES = dict.fromkeys(CELLS, (0.3, 0.1, 0.03, 0.01, 0.003))
RATES["rnn"] = RATES["irnn"] = (0.03, 0.01, 0.003, 0.001, 0.0003)
STEPWISE = ("parity", "dyck_1", "dyck_2")  # an answer at every step
ENOUGH, HOPELESS, ALWAYS = 0.95, 0.5, (10, 20, 40)
VALIDATION, TEST = (100, 101), (0, 1, 2, 3, 4)
FRESH = 1_000_000  # from here on, seeds of sequences no net trains on

def choose(task, cell, T, rates):
    """Validation scores by rate, up to the first that solves the task."""
    tried = {}
    for lr in rates:
        tried[lr] = []
        for seed in VALIDATION:
            net = build(task, cell, T, seed)
            train(net, TASKS[task][0], T, lr, seed)
            tried[lr].append(score(net, TASKS[task][0], T, FRESH + seed))
            if not HOPELESS <= tried[lr][-1] < ENOUGH:
                break
        if tried[lr][0] >= ENOUGH:
            break
    return tried

def test(task, cell, T, lr):  # once, with the seeds that are reported
    make, got = TASKS[task][0], {"updates": [], "right": [], "twice": []}
    for seed in TEST:
        net = build(task, cell, T, seed)
        got["updates"].append(train(net, make, T, lr, seed))
        got["right"].append(score(net, make, T, FRESH + seed))
        if task in STEPWISE:
            got["twice"].append(score(net, make, 2 * T, FRESH + seed))
    return got

def run(task, cell):
    """Up the ladder by validation; then tests, down to where all is right."""
    grid, rungs = RATES[cell], {}
    last = len(grid) // 2
    always = ALWAYS if task == "recall" else ()  # the comparison shows these
    for T in LADDERS[task]:
        close = sorted(range(len(grid)), key=lambda k: abs(k - last))
        tried = choose(task, cell, T, [grid[k] for k in close])
        mean = {lr: sum(tried[lr]) / len(tried[lr]) for lr in tried}
        lr, best = max(mean, key=mean.get), max(map(max, tried.values()))
        rungs[T] = {"rate": lr, "best": best, "tried": {
            str(rate): scores for rate, scores in tried.items()}}
        last = grid.index(lr)
        if best < HOPELESS and max(always, default=0) <= T:
            break
    sure = False  # that all test seeds solve the task up to here
    for T, rung in reversed(rungs.items()):
        if T in always or (not sure and rung["best"] >= HOPELESS):
            rung.update(test(task, cell, T, rung["rate"]))
            sure = sure or min(rung["right"]) >= ENOUGH
    return {str(T): rung for T, rung in rungs.items()}

plan = {f"{task} {cell}": {"task": task, "cell": cell}
        for task in ("recall", "adding", "parity", "dyck_2", "order_6a",
                     "copy", "order_6b", "dyck_1") for cell in CELLS}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
PICKS = {"low": min, "median": lambda got: sorted(got)[2], "high": max}

def longest(rungs, pick):  # that the picked seed solves; 0 for none
    return max((int(T) for T, rung in rungs.items() if "right" in rung
                and pick(rung["right"]) >= ENOUGH), default=0)

def in_words(ladder, low, median, high):
    low, median, high = (f"{T}" + "+" * (T in ladder[-1:]) if T else
                         f"<\xa0{ladder[0]}" for T in (low, median, high))
    return median + f" ({low}–\u2060{high})" * (low != high)  # unbroken

horizon, said, twice, edges = {}, {}, {}, 0
for _task, _ladder in LADDERS.items():
    _runs = {cell: runs[f"{_task} {cell}"] for cell in CELLS}
    horizon[_task] = _at = {cell: {name: longest(_runs[cell], pick) for (
        name, pick) in PICKS.items()} for cell in CELLS}
    said[_task] = {cell: in_words(_ladder, **_at[cell]) for cell in CELLS}
    twice[_task] = {cell: PICKS["median"](rungs[str(T)]["twice"])
                    for cell, rungs in _runs.items() if (
                        T := _at[cell]["median"]) and _task in STEPWISE}
    edges += sum(_runs[cell][str(T)]["rate"] in RATES[cell][::4]
                 for cell in CELLS if (T := _at[cell]["median"]))
_at = {c: {T: runs[f"recall {c}"][T] for T in map(str, ALWAYS)} for c in CELLS}
recalled = {name: {c: {T: pick(at["right"]) for T, at in _at[c].items()}
                   for c in CELLS} for name, pick in PICKS.items()}
rate = {c: {T: at["rate"] for T, at in _at[c].items()} for c in CELLS}
parameters = {task: sum(p.numel() for p in build(task, "lstm", 10, 0)
                        .parameters()) for task in TASKS}
below = PICKS["median"](runs["copy lstm_chrono"]["160"]["right"])
FASTEST, SLOWEST = ({c: of(RATES[c]) for c in RATES} for of in (max, min))

def guess(task, T=10, B=20_000):  # from the current symbol alone
    x, y = TASKS[task][0](B, T, torch.Generator().manual_seed(7))
    if task == "adding":
        return right(torch.full((B, 1, 1), 0.5), y).double().mean().item()
    x = x[:, -y.shape[1]:].argmax(dim=2)  # (B, answers)
    seen = [y[:B // 2][x[:B // 2] == k] for k in range(10)]  # by symbol
    best = torch.tensor([int(of.mode()[0]) if len(of) else 0 for of in seen])
    return (best[x] == y)[B // 2:].all(dim=1).double().mean().item()

seeds, guessing = len(TEST), {task: guess(task) for task in TASKS}

# %% examples tags=["hidden"]
READS = {"copy": "ABCDEFGH.!", "parity": "01", "dyck_1": "()",
         "dyck_2": "([)]", "order_6a": "abcdXYEB", "order_6b": "abcdXYEB"}
SAYS = {"dyck_1": "-)", "dyck_2": "-)]", "parity": "01",
        "order_6a": [a + b for a in "XY" for b in "XY"],
        "order_6b": [a + b + c for a in "XY" for b in "XY" for c in "XY"]}
print("| task | it reads | it must say | guessing |\n|---|---|---|---|")
for task, (make, *_) in TASKS.items():
    x, y = make(1, 10, torch.Generator().manual_seed(11))
    reads = " ".join(f"{v:.1f}" + "*" * int(m) for v, m in x[0]) if (
        task == "adding") else "".join(
        READS.get(task, "ABCDEFGH")[k] for k in x[0].argmax(dim=1))
    says = f"{y.item():.2f}" if task == "adding" else "".join(
        SAYS.get(task, "ABCDEFGH")[k] for k in y[0])
    print(f"| `{task}` | `{reads}` | `{says}` | {guessing[task]:.1%} |")

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "irnn": "#c2410c", "lstm": "#1e1b6b",
           "gru": "#0a7f6f", "mingru": "#5c6370"}
LABELS = ("RNN", "IRNN", "LSTM", "bias 1", "bias 3", "chrono", "GRU",
          "chrono", "minGRU")
LINE, INK = "#d0d4da", "#1f2328"
fig, axes = plt.subplots(9, figsize=(4.8, 6.6), sharex=True, sharey=True,
                         layout="constrained")
for ax, cell, label in zip(axes, CELLS, LABELS, strict=True):
    for x, task in enumerate(TASKS):
        low, mid, high = (  # 0 for none, 1 for 5, 2 for 10 and so on
            (T // 5).bit_length() for T in horizon[task][cell].values())
        ax.bar(x, mid, 0.7, color=COLOURS[cell.partition("_")[0]], alpha=0.45)
        ax.vlines(x, low, high, color=INK)
        ax.plot(x, mid, "_", color=INK, markersize=12)
        if horizon[task][cell]["median"] == LADDERS[task][-1]:
            ax.text(x + 0.2, mid + 0.1, "+", color=INK, ha="center")
    ax.set(yticks=[2, 5], yticklabels=["10", "80"], ylim=(0, 8.4))
    ax.set_ylabel(label, rotation=0, ha="right", va="center")
    ax.grid(axis="y", color=LINE)
axes[-1].set_xticks(range(len(TASKS)), [
    "first", "copy", "add", "6a", "6b", "parity", "( )", "( ) [ ]"])
plt.show()
