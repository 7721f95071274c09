"""How far back RNN, LSTM and GRU learn to recall the first token."""
# time limit: 300 s

# %% task
import torch
import torch.nn as nn
from torch.nn.functional import cross_entropy, one_hot

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WIDTH = {"rnn": 69, "lstm": 33, "gru": 39}  # about 6,000 parameters each
SYMBOLS = 8  # so that guessing is right once in 8 times


def draw(B, lag, generator):
    """Random tokens; the first of each sequence is to be named at the end."""
    tokens = torch.randint(SYMBOLS, (B, lag + 1), generator=generator)
    return one_hot(tokens, SYMBOLS).float(), tokens[:, 0]  # (B, T, I), (B,)


class Recall(nn.Module):
    def __init__(self, name, forget_bias=None):
        super().__init__()
        H = WIDTH[name]  # hidden_size
        self.layer = LAYERS[name](SYMBOLS, H, batch_first=True)
        self.readout = nn.Linear(H, SYMBOLS)
        if forget_bias is not None:  # rows H to 2H: the forget gate
            nn.init.constant_(self.layer.bias_ih_l0[H:2 * H], forget_bias)
            nn.init.zeros_(self.layer.bias_hh_l0[H:2 * H])

    def forward(self, x):
        return self.readout(self.layer(x)[0][:, -1])  # (B, SYMBOLS)


# %% train
def train(name, lag, lr, seed, forget_bias=None, updates=300):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Recall(name, forget_bias)
    optimizer = torch.optim.Adam(model.parameters(), lr, fused=True)
    for _ in range(updates):
        x, first = draw(32, lag, generator)  # (B, T, I), (B,)
        loss = cross_entropy(model(x), first)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if loss < 0.01:  # learned
            break
    return model


def accuracy(model, lag, seed):
    """Share of right answers on 1,000 fresh sequences."""
    x, first = draw(1000, lag, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return (model(x).argmax(dim=1) == first).float().mean().item()


for name in LAYERS:
    model = train(name, lag=10, lr=0.01, seed=0)
    print(f"{name:4} recalls 10 steps back: {accuracy(model, 10, 7):.0%}")

# %% sweep tags=["hidden"]
import statistics

VARIANTS = {"rnn": ("rnn", None), "lstm": ("lstm", None),
            "lstm_3": ("lstm", 3.0), "gru": ("gru", None)}
LAGS, RATES = (5, 10, 20, 40), (0.3, 0.1, 0.03, 0.01, 0.003)
VALIDATION, TEST = 1_000_000, 2_000_000  # seeds of data no model trains on
seeds, rates, chance = 5, len(RATES), 1 / SYMBOLS


def choose(name, bias, lag):
    """The learning rate best on validation data, over two further seeds."""
    scores = {}
    for lr in RATES:
        models = (train(name, lag, lr, seed, bias) for seed in (100, 101))
        scores[lr] = sum(accuracy(model, lag, VALIDATION) for model in models)
        if scores[lr] > 1.99:  # both as good as perfect
            break
    return max(scores, key=scores.get)


rate, _runs = {}, {}
for key, (name, bias) in VARIANTS.items():
    rate[key] = {str(lag): choose(name, bias, lag) for lag in LAGS}
    _runs[key] = {lag: [accuracy(train(name, int(lag), lr, seed, bias),
                                 int(lag), TEST + seed)
                        for seed in range(seeds)]
                  for lag, lr in rate[key].items()}


def over_seeds(statistic):
    return {key: {lag: statistic(runs) for lag, runs in by_lag.items()}
            for key, by_lag in _runs.items()}


median, low, high = map(over_seeds, (statistics.median, min, max))
parameters = {key: sum(weight.numel() for weight in Recall(name).parameters())
              for key, (name, _) in VARIANTS.items()}

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

MUTED = "#5c6370"
STYLE = {  # colour, marker, line, label and its height, shift of the points
    "rnn": ("#c2410c", "o", "-", "RNN", 0.64, 0.96),
    "lstm": ("#1e1b6b", "s", "-", "LSTM", 0.19, 1.0),
    "lstm_3": ("#1e1b6b", "s", ":", "LSTM,\nbias of f: 3", 0.42, 1.04),
    "gru": ("#0a7f6f", "^", "-", "GRU", 1.0, 1.0),
}

fig, ax = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
ax.axhline(chance, color=MUTED, linestyle="--", linewidth=1)
ax.text(4.6, chance - 0.03, "guessing", color=MUTED, va="top")
for key, (_colour, _marker, _line, _label, _y, _shift) in STYLE.items():
    _lags = [lag * _shift for lag in LAGS]
    _low, _mid, _high = ([of[key][str(lag)] for lag in LAGS]
                         for of in (low, median, high))
    ax.vlines(_lags, _low, _high, color=_colour, alpha=0.35, linewidth=4)
    ax.plot(_lags, _mid, _line, color=_colour, marker=_marker)
    ax.text(46, _y, _label, color=_colour, va="center")
ax.set_xscale("log")
ax.set_xticks(LAGS, [str(lag) for lag in LAGS])
ax.minorticks_off()
ax.set(xlim=(4.4, 95), ylim=(0, 1.06), yticks=(0, 0.5, 1),
       xlabel="steps back to the first token", ylabel="right answers",
       title="The default LSTM forgets first")
plt.show()
