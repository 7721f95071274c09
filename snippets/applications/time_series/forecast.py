"""One step ahead: RNN, LSTM and GRU against naive and linear forecasts."""
# time limit: 300 s

# %% price
import numpy as np
from matplotlib import cbook

google = cbook.get_sample_data("goog.npz")["price_data"]
price = google["close"]  # (T), dollars at the end of each trading day
print(f"{len(price)} days, {google['date'][0]} to {google['date'][-1]}")

# %% naive
START = 502  # the days before this one are for training, the rest for tests


def rmse(forecast, series, start):
    """Root mean square error of forecasts of series[start:]."""
    return np.sqrt(np.mean((forecast - series[start:]) ** 2)).item()


yesterday = price[START - 1:-1]  # the forecast of each day, from START on
print(f"'as yesterday' is off by ${rmse(yesterday, price, START):.2f}")

# %% net
import torch
import torch.nn as nn

L, B = 24, 64  # steps a net may look back; windows in a batch
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WIDTH = {"rnn": 25, "lstm": 12, "gru": 14}  # about 730 parameters each


def windows(series):
    """Every stretch of L values: (len(series) - L + 1, L)."""
    return np.lib.stride_tricks.sliding_window_view(series, L)


class Net(nn.Module):
    def __init__(self, name, past):
        super().__init__()
        self.mean, self.std = past.mean(), past.std()  # of the past alone
        self.layer = LAYERS[name](1, WIDTH[name], batch_first=True)
        self.readout = nn.Linear(WIDTH[name], 1)

    def forward(self, x):  # (B, L), the latest value last
        x = ((x - self.mean) / self.std)[..., None]  # (B, L, 1)
        y = self.readout(self.layer(x)[0][:, -1])[:, 0]  # (B)
        return y * self.std + self.mean


# %% train
def train(name, past, rate, updates, seed):
    """A forecaster that has seen `past` and nothing else."""
    torch.manual_seed(seed)
    model = Net(name, past)
    optimizer = torch.optim.Adam(model.parameters(), rate, fused=True)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, updates)
    x = torch.tensor(windows(past), dtype=torch.float32)
    x, y = x[:-1], x[1:, -1]  # (N, L), (N): what follows each stretch
    for _ in range(updates):
        pick = torch.randint(len(y), (B,))
        error = (model(x[pick]) - y[pick]) / model.std  # (B)
        optimizer.zero_grad()
        error.square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        slower.step()

    def forecast(series):
        """One step beyond every stretch of L values."""
        x = torch.tensor(windows(series), dtype=torch.float32)
        return model(x).detach().double().numpy()

    return forecast


# %% walk
def walk_forward(fit, series, start, folds):
    """Forecasts of series[start:]; before each fold, fit to all its past."""
    forecasts = []
    for fold in np.array_split(np.arange(start, len(series)), folds):
        forecast = fit(series[:fold[0]])
        forecasts.append(forecast(series[fold[0] - L:fold[-1]]))
    return np.concatenate(forecasts)


def lstm(past):
    return train("lstm", past, rate=0.1, updates=300, seed=0)


by_lstm = walk_forward(lstm, price, START, folds=5)
print(f"the LSTM is off by ${rmse(by_lstm, price, START):.2f}")


# %% lag
def follows(forecast, series, start, lag):
    """Correlation of a forecast's changes with those `lag` steps before."""
    before = np.diff(series)[start - lag:len(series) - 1 - lag]
    return np.corrcoef(np.diff(forecast), before)[0, 1].item()


for lag in range(4):
    r = follows(by_lstm, price, START, lag)
    print(f"correlation with the changes of {lag} days before: {r:5.2f}")


# %% linear
def autoregression(past, order):
    """Least squares: the next value from the last `order`, and a constant."""
    def rows(series):
        latest = windows(series)[:, L - order:]
        return np.c_[np.ones(len(latest)), latest]

    weights = np.linalg.lstsq(rows(past)[:-1], past[L:])[0]
    return lambda series: rows(series) @ weights


# %% mackey_glass
def mackey_glass(samples, every=6.0, step=0.5, tau=17.0, start=1.2):
    """x' = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x, by Runge-Kutta."""
    def slope(now, late):
        squared = late * late  # no powers: machines round them differently,
        fourth = squared * squared  # and chaos would make it show
        return 0.2 * late / (1 + fourth * fourth * squared) - 0.1 * now

    lag, skip = round(tau / step), round(every / step)
    x, middle = [start] * (lag + 1), [start] * lag  # on the steps, between
    for n in range(skip * (samples - 1)):
        now, early, mid, late = x[-1], x[n], middle[n], x[n + 1]
        k1 = slope(now, early)
        k2 = slope(now + step / 2 * k1, mid)
        k3 = slope(now + step / 2 * k2, mid)
        k4 = slope(now + step * k3, late)
        x.append(now + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        bend = k1 - slope(x[-1], late)  # a cubic between the steps
        middle.append((now + x[-1]) / 2 + step / 8 * bend)
    return np.array(x[lag::skip])


# %% data tags=["hidden"]
from statsmodels.datasets import elnino, sunspots

returns = 100 * np.diff(np.log(price))  # per cent
SERIES = {  # values, where the test begins, fits on the way
    "price": (price, START, 5),
    "return": (returns, START - 1, 5),
    "size": (np.abs(returns), START - 1, 5),
    "sunspots": (sunspots.load().data["SUNACTIVITY"].to_numpy(), 200, 5),
    "elnino": (elnino.load().data.to_numpy()[:, 1:].ravel(), 360, 5),
    "mackey": (mackey_glass(1750)[250:], 1000, 1),
}
UPDATES = dict.fromkeys(SERIES, 300) | {"mackey": 1000}


class Window(nn.Module):
    """No recurrence: one layer looks at all L values at once."""

    def __init__(self, _, H, batch_first):
        super().__init__()
        self.layer = nn.Linear(L, H)

    def forward(self, x):  # (B, L, 1)
        return [self.layer(x[..., 0]).tanh()[:, None]]  # (B, 1, H)


LAYERS["window"], WIDTH["window"] = Window, 28
parameters = {name: sum(weight.numel() for weight in Net(name, price)
                        .parameters()) for name in LAYERS}
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
CHOOSING, seeds = (100, 101), 5  # seeds to choose by, seeds reported


def choose(fit, series, start, grid):
    """What is best on the last quarter before the test, and all the errors."""
    cut = start - start // 4
    seen = series[:start]
    errors = {}
    for value in grid:
        forecasts = [forecast(seen[cut - L:-1]) for forecast in
                     fit(seen[:cut], value)]
        errors[value] = np.mean([rmse(of, seen, cut) for of in forecasts])
    return min(errors, key=errors.get), errors


def run(series, cell):
    """The rate chosen, and the forecasts of the nets, one for each seed."""
    values, start, folds = SERIES[series]
    updates = UPDATES[series]

    def tries(past, rate):
        return [train(cell, past, rate, updates, seed) for seed in CHOOSING]

    rate, errors = choose(tries, values, start, RATES)
    forecasts = []
    for seed in range(seeds):
        def fit(past, seed=seed):
            return train(cell, past, rate, updates, seed)

        made = walk_forward(fit, values, start, folds)
        forecasts.append(" ".join(f"{value:.4g}" for value in made))
    return {"rate": rate, "forecasts": forecasts,
            "errors": {str(key): float(f"{error:.4g}")
                       for key, error in errors.items()}}


plan = {f"{series} {cell}": {"series": series, "cell": cell}
        for series in SERIES for cell in LAYERS}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% verdict tags=["hidden"]
NAIVE = {name: np.r_[values[0], values[:-1]][start:]  # as the last value
         for name, (values, start, _) in SERIES.items()}
NAIVE["return"] = np.zeros(len(NAIVE["return"]))  # as if the price stays
NAIVE["size"] = np.array([  # as the mean of all that was
    SERIES["size"][0][:t].mean() for t in range(START - 1, len(returns))])
SEASON = {"sunspots": 11, "elnino": 12}
BLOCK = dict.fromkeys(SERIES, 20) | SEASON  # steps drawn together
DECAY, DRAWS = 0.94, 2000


def ewma(values, start):
    """A mean in which each step back counts DECAY times as much."""
    means = [values[0]]
    for value in values[:-1]:
        means.append(DECAY * means[-1] + (1 - DECAY) * value)
    return np.array(means[start:])


def against(losses, rival, block):
    """Error over a rival's: median of the rows, range; block bootstrap."""
    rng = np.random.default_rng(0)
    n = losses.shape[1]
    firsts = rng.integers(n, size=(DRAWS, -(-n // block)))
    days = (firsts[..., None] + np.arange(block)).reshape(DRAWS, -1) % n
    often = np.array([np.bincount(of[:n], minlength=n) for of in days]).T
    ratios = np.sqrt(losses.mean(1) / rival.mean())
    redrawn = np.median(np.sqrt(losses @ often / (rival @ often)), axis=0)
    at, to = np.quantile(redrawn, (0.025, 0.975)).tolist()
    return {"median": np.median(ratios).item(), "low": ratios.min().item(),
            "high": ratios.max().item(), "at": at, "to": to}


_made, _lost, order, ratio, rate, to_linear, to_ewma, to_window, to_best = (
    {} for _ in range(9))
for _name, (_values, _start, _folds) in SERIES.items():
    order[_name] = choose(lambda past, p: [autoregression(past, p)],
                          _values, _start, range(1, L + 1))[0]
    _all = [walk_forward(lambda past, p=p: autoregression(past, p),
                         _values, _start, _folds) for p in range(1, L + 1)]
    _fits = {"linear": _all[order[_name] - 1],
             "ewma": ewma(_values, _start)}
    if _name in SEASON:
        _fits["season"] = _values[_start - SEASON[_name]:-SEASON[_name]]
    for _cell in LAYERS:
        _run = runs[f"{_name} {_cell}"]
        rate.setdefault(_name, {})[_cell] = _run["rate"]
        _fits[_cell] = np.array([_one.split() for _one in _run["forecasts"]],
                                dtype=float)
    _losses = {key: np.square(np.atleast_2d(made) - _values[_start:])
               for key, made in _fits.items()}
    _naive = np.square(NAIVE[_name] - _values[_start:])
    _all = np.square(np.array(_all) - _values[_start:])  # (orders, days)
    _losses["best"] = _all[[_all.mean(1).argmin()]]  # with hindsight
    ratio[_name] = {key: against(of, _naive, BLOCK[_name])
                    for key, of in _losses.items()}
    to_linear[_name], to_ewma[_name], to_window[_name], to_best[_name] = (
        {key: against(of, _losses[rival].mean(0), BLOCK[_name])
         for key, of in _losses.items() if key in LAYERS}
        for rival in ("linear", "ewma", "window", "best"))
    _made[_name], _lost[_name] = _fits, _losses | {"naive": _naive}

# %% numbers tags=["hidden"]
LAGS = range(5)  # days
lagging = {cell: {lag: [follows(made, price, START, lag)
                        for made in _made["price"][cell]] for lag in LAGS}
           for cell in ("rnn", "lstm", "gru")}
lag_0, lag_1 = ({cell: {"low": min(by[lag]), "high": max(by[lag])}
                 for cell, by in lagging.items()} for lag in (0, 1))
_folds = np.array_split(np.arange(START, len(price)), 5)
_new = _folds[2] - START  # here the price was higher than ever before
trading = google["date"][START:]
seen = {"top": round(price[:_folds[2][0]].max().item()),
        "first": str(trading[_new[0]]), "next": str(trading[_new[-1] + 1])}
worst = {cell: np.sqrt(np.median(_lost["price"][cell][:, _new].mean(1))
                       / _lost["price"]["naive"][_new].mean()).item()
         for cell in lagging}
rates, chosen, lowest, highest = len(RATES), len(plan), *RATES[::5]
edges = sum(one["rate"] in (lowest, highest) for one in runs.values())

# %% illusion tags=["hidden"]
import matplotlib.pyplot as plt

INPUT, MUTED, LINE, INK = "#6a7680", "#5c6370", "#d0d4da", "#1f2328"
STYLE = {"linear": (INK, "D", "linear"), "window": (MUTED, "v", "window net"),
         "rnn": ("#c2410c", "o", "RNN"), "lstm": ("#1e1b6b", "s", "LSTM"),
         "gru": ("#0a7f6f", "^", "GRU")}
NEAR = np.arange(14, 44)  # of the test days, for a closer look

fig, (ax, low) = plt.subplots(2, 1, figsize=(4.8, 5.6), layout="constrained")
ax.plot(trading, price[START:], color=INPUT, linewidth=3)
ax.plot(trading, by_lstm, color=STYLE["lstm"][0], linewidth=1.2)
ax.text(trading[295], 690, "price", color=INPUT, ha="right")
ax.text(trading[272], 590, "forecast", color=STYLE["lstm"][0], ha="right")
ax.set(ylabel="dollars", title="From afar, all but one stretch looks right")
ax.set_xticks(np.array(["2007", "2008"], "M8[D]"), ["2007", "2008"])
low.plot(NEAR, price[START:][NEAR], "o-", color=INPUT, linewidth=3)
low.plot(NEAR, by_lstm[NEAR], "s-", color=STYLE["lstm"][0], linewidth=1.2,
         markersize=4)
low.set(xlabel="test day", ylabel="dollars",
        title="From near, it is yesterday's price")
plt.show()

# %% lags tags=["hidden"]
fig, ax = plt.subplots(figsize=(4.8, 2.9), layout="constrained")
for _n, (_cell, _by) in enumerate(lagging.items()):
    _colour, _marker, _label = STYLE[_cell]
    for _lag, _all in _by.items():
        ax.plot([_lag + 0.16 * (_n - 1)] * len(_all), _all, _marker,
                color=_colour, markersize=5, alpha=0.7)
    ax.text(2.6, 0.85 - 0.14 * _n, _label, color=_colour)
    ax.plot(2.5, 0.885 - 0.14 * _n, _marker, color=_colour, markersize=5)
ax.set_xticks(LAGS, ["the same\nday", "1 day\nbefore", *map(str, LAGS[2:])])
ax.set(ylabel="correlation", ylim=(-0.2, 1),
       title="They move as the price did a day before")
plt.show()

# %% chaos tags=["hidden"]
fig, ax = plt.subplots(figsize=(4.8, 2.2), layout="constrained")
ax.plot(6 * np.arange(151), SERIES["mackey"][0][:151], ".-", color=INPUT)
ax.set(xlabel="time; one dot each 6 units", ylabel="x", xlim=(0, 900),
       title="Mackey-Glass: nearly a rhythm, never the same")
plt.show()

# %% figure tags=["hidden"]
ROWS = ("Price", "Return", "Size of\nreturn", "Sunspots", "El Niño",
        "Mackey-\nGlass")
fig, ax = plt.subplots(figsize=(4.8, 7), layout="constrained")
ax.axvline(1, color=MUTED, linestyle="--", linewidth=1)
for _row, _name in enumerate(SERIES):
    ax.axhline(_row + 0.5, color=LINE, linewidth=0.8)
    for _n, (_model, (_colour, _marker, _label)) in enumerate(STYLE.items()):
        _of, _y = ratio[_name][_model], _row + 0.16 * (_n - 2)
        ax.plot([_of["at"], _of["to"]], [_y, _y], color=_colour, linewidth=2)
        ax.plot(_of["median"], _y, _marker, color=_colour, markersize=6,
                label=_label if _name == "price" else None)
ax.legend(frameon=False, labelcolor="linecolor", labelspacing=0)
ax.set(xscale="log", ylim=(len(ROWS) - 0.5, -0.5), xlabel="error / naive",
       title="Below 1 beats the naive forecast")
ax.set_yticks(range(len(ROWS)), ROWS)
ax.set_xticks([0.01, 0.1, 0.5, 1, 3], ["0.01", "0.1", "0.5", "1", "3"])
ax.minorticks_off()
plt.show()
