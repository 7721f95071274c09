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
