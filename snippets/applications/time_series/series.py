"""The measured series, drawn before anything is modelled."""

# %% stock tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cbook

INPUT, MUTED, PANEL = "#6a7680", "#5c6370", "#eef1f4"
START = 502  # as in forecast.py: here the test begins

google = cbook.get_sample_data("goog.npz")["price_data"]
price, date = google["close"], google["date"]
returns = 100 * np.diff(np.log(price))
days, first, last = len(price), str(date[0]), str(date[-1])
top, bottom, end = (round(of.item()) for of in
                    (price.max(), price.min(), price[-1]))
seen_top = round(price[:START].max().item())
biggest = max(abs(returns)).item()
typical = np.median(abs(returns)).item()


def autocorrelation(series, lag=1):
    """Correlation of a series with itself, `lag` steps apart."""
    return np.corrcoef(series[lag:], series[:-lag])[0, 1].item()


alike = {"price": autocorrelation(price),
         "returns": autocorrelation(returns),
         "sizes": autocorrelation(abs(returns)),
         "noise": 2 / len(returns) ** 0.5}

fig, (ax, low) = plt.subplots(2, 1, figsize=(4.8, 4.4), sharex=True,
                              layout="constrained")
for _ax, _day, _series in ((ax, date, price), (low, date[1:], returns)):
    _ax.axvspan(date[START], date[-1], color=PANEL, zorder=0)
    _ax.plot(_day, _series, color=INPUT, linewidth=1)
ax.text(date[START + 20], 130, "test", color=MUTED)
ax.set(ylabel="dollars", ylim=(0, 800), title="Google, end of each day")
low.set(ylabel="per cent", title="Its daily return, the change of the log")
low.xaxis.set_major_locator(plt.matplotlib.dates.YearLocator())
low.xaxis.set_major_formatter(plt.matplotlib.dates.DateFormatter("%Y"))
plt.show()

# %% nature tags=["hidden"]
from statsmodels.datasets import elnino, sunspots

sun = sunspots.load().data.to_numpy()  # (years, 2)
sea = elnino.load().data.to_numpy()[:, 1:].ravel()  # (months)
_months = 1950 + (np.arange(len(sea)) + 0.5) / 12
years, months = len(sun), len(sea)
coldest, warmest = sea.min().item(), sea.max().item()

fig, (ax, low) = plt.subplots(2, 1, figsize=(4.8, 4.4),
                              layout="constrained")
ax.axvspan(1900, 2009, color=PANEL, zorder=0)
ax.text(1903, 208, "test", color=MUTED)
ax.plot(*sun.T, color=INPUT, linewidth=1.2)
ax.set(ylabel="sunspots", xlim=(1700, 2009), ylim=(0, 230),
       title="Sunspots: a cycle that is never the same")
low.axvspan(1980, 2011, color=PANEL, zorder=0)
low.text(1980.7, 29.6, "test", color=MUTED)
low.plot(_months, sea, color=INPUT, linewidth=1)
low.set(ylabel="°C", xlim=(1950, 2011), ylim=(18.5, 30.8),
        title="Sea off Peru: seasons, and El Niño")
plt.show()
