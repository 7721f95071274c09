"""What training does to the gates, and to the gradient at the lag it needs."""
# time limit: 300 s

# %% sweep tags=["hidden"]
import numpy as np
import torch
import torch.nn as nn
from torch.nn.functional import cross_entropy, one_hot

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
VARIANTS = {"rnn": ("rnn", None), "lstm": ("lstm", None),
            "lstm_fast": ("lstm", None), "lstm_3": ("lstm", 3.0),
            "gru": ("gru", None)}
SYMBOLS, H, LAG, B, UPDATES = 8, 64, 20, 32, 300
# not tuned for this width; memory/gym.py chose 0.3 for the LSTM
rate = {"rnn": 0.01, "lstm": 0.01, "lstm_fast": 0.3, "lstm_3": 0.01,
        "gru": 0.1}
LEARNED = 0.9  # of the answers right
SCARCE = 0.001
OPEN = 0.9  # a gate above this we call open
TEST = 2_000_000  # seeds of data no model trains on
seeds, tokens = 7, LAG + 1


def draw(B, generator):
    """Random tokens; the first of each sequence is to be named at the end."""
    tokens = torch.randint(SYMBOLS, (B, LAG + 1), generator=generator)
    return one_hot(tokens, SYMBOLS).float(), tokens[:, 0]  # (B, T, I), (B,)


def make(name, bias, seed):
    torch.manual_seed(seed)
    layer = LAYERS[name](SYMBOLS, H, batch_first=True)
    if bias is not None:
        nn.init.constant_(layer.bias_ih_l0[H:2 * H], bias)
        nn.init.zeros_(layer.bias_hh_l0[H:2 * H])
    return layer, nn.Linear(H, SYMBOLS)


def train(layer, readout, lr, seed):
    generator = torch.Generator().manual_seed(seed)
    weights = [*layer.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr, fused=True)
    for _ in range(UPDATES):
        x, first = draw(B, generator)
        loss = cross_entropy(readout(layer(x)[0][:, -1]), first)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        if loss < 0.01:
            break


def accuracy(layer, readout, seed):
    x, first = draw(1000, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        answers = readout(layer(x)[0][:, -1]).argmax(dim=1)
    return (answers == first).double().mean().item()


def memory(layer, seed=7):
    """The memory at each step, c or h, (B, H) each, and the gate f or z."""
    x = draw(B, torch.Generator().manual_seed(seed))[0].double()
    W_ih, W_hh, b_ih, b_hh = (p.detach().double() for p in layer.parameters())
    h = c = torch.zeros(B, H, dtype=x.dtype)
    kept, gates, parts = [], [], len(W_ih) // H
    for x_t in x.unbind(1):
        a = (x_t @ W_ih.T + b_ih).chunk(parts, dim=1)
        u = (h @ W_hh.T + b_hh).chunk(parts, dim=1)
        if parts == 1:
            c = h = torch.tanh(a[0] + u[0]).requires_grad_()
        elif parts == 3:
            r, z = (a[0] + u[0]).sigmoid(), (a[1] + u[1]).sigmoid()
            c = h = (1 - z) * torch.tanh(a[2] + r * u[2]) + z * h
            h.requires_grad_()
        else:
            i, z, g, o = (p + q for p, q in zip(a, u, strict=True))
            z = z.sigmoid()
            c = (z * c + i.sigmoid() * g.tanh()).requires_grad_()
            h = o.sigmoid() * c.tanh()
        kept.append(c)
        gates += [z.detach()] if parts > 1 else []
    return kept, torch.stack(gates[1:]) if gates else torch.zeros(1)


def look(layer):
    """Gradient left LAG steps back; mean of the gate; share of open gates."""
    kept, gate = memory(layer)
    probe = torch.randn(B, H, dtype=torch.float64,
                        generator=torch.Generator().manual_seed(1))
    g = torch.autograd.grad((kept[-1] * probe).sum(), [kept[0], kept[-1]])
    first, last = (grad.norm(dim=1).log().mean() for grad in g)
    return [(first - last).exp().item(), gate.mean().item(),
            (gate > OPEN).double().mean().item()]


def run(key, seed):
    """(before, after), each [left, gate, open]; share of right answers."""
    model = make(*VARIANTS[key], seed)
    before = look(model[0])
    train(*model, rate[key], seed)
    return [before, look(model[0])], accuracy(*model, TEST + seed)


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


_runs = {key: [run(key, seed) for seed in range(seeds)]
         for key in VARIANTS}
right = {key: spread([score for _, score in runs])
         for key, runs in _runs.items()}
learned = {key: sum(score > LEARNED for _, score in runs)
           for key, runs in _runs.items()}
(left_before, gate_before, open_before), (left, gate, open_after) = (
    [{key: spread([looks[when][what] for looks, _ in runs])
      for key, runs in _runs.items()} for what in range(3)]
    for when in range(2))
least = {key: min(looks[1][0] for looks, score in runs if score > LEARNED)
         for key, runs in _runs.items() if learned[key]}
gated_least = min(least[key] for key in least if key != "rnn")
assert max(left_before[key]["high"] for key in VARIANTS
           if key != "lstm_3") < SCARCE

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
LABELS = {"rnn": "RNN", "lstm": "LSTM",
          "lstm_fast": f"LSTM,\nrate {rate['lstm_fast']}",
          "lstm_3": "LSTM,\nbias 3", "gru": "GRU"}
LINE, PAPER = "#d0d4da", "#ffffff"

fig, ax = plt.subplots(figsize=(4.8, 5), layout="constrained")
ax.axvline(1, color=LINE, zorder=0)
for row, (key, runs) in enumerate(_runs.items()):
    name = VARIANTS[key][0]
    for n, (looks, score) in enumerate(runs):
        y = row + 0.11 * (n - seeds // 2)
        (x0, *_), (x1, *_) = looks
        ax.plot([x0, x1], [y, y], color=COLOURS[name], lw=1, alpha=0.5)
        ax.plot(x1, y, MARKERS[name], color=COLOURS[name], markersize=7,
                markerfacecolor=COLOURS[name] if score > LEARNED else PAPER)
        ax.plot(x0, y, "|", color=COLOURS[name], markersize=7)
ax.set_yticks(range(len(LABELS)), list(LABELS.values()))
ax.invert_yaxis()
ax.set(xscale="log", xlabel=f"gradient left {LAG} steps back",
       title="What training does to the gradient")
ax.set_xticks([1e-12, 1e-8, 1e-4, 1], ["10⁻¹²", "10⁻⁸", "10⁻⁴", "1"])
ax.minorticks_off()
plt.show()
