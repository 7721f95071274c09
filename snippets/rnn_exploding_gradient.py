"""How the gradient of an RNN's last state shrinks or grows on its way back."""

# %% gradient
import torch

hidden_size, input_size = 64, 8
F64 = {"dtype": torch.float64}  # chaos at radius 3 magnifies rounding
T, LAGS = 80, 50  # steps, and how many of them we go back


def random_net(radius, seed):
    torch.manual_seed(seed)
    W_ih = torch.randn(hidden_size, input_size, **F64)  # (H, I)
    W_hh = torch.randn(hidden_size, hidden_size, **F64)  # (H, H)
    W_hh *= radius / torch.linalg.eigvals(W_hh).abs().max()
    return W_ih / input_size**0.5, W_hh, torch.randn(T, input_size, **F64)


def gradient_norms(W_ih, W_hh, x, linear=False):
    """Norm of d h_T / d h_(T-k), over its value at k = 0; k = 0 ... LAGS."""
    h, slopes = torch.zeros(hidden_size, **F64), []
    for x_t in x:  # (I,)
        a = W_ih @ x_t + W_hh @ h  # (H,)
        h = a if linear else torch.tanh(a)
        slopes.append(torch.ones_like(a) if linear else 1 - h**2)
    J, norms = torch.eye(hidden_size, **F64), [1.0]  # J = d h_T / d h_T
    for slope in reversed(slopes[-LAGS:]):
        J = (J * slope) @ W_hh  # (H, H), now one step further back
        norms.append(J.norm().item() / hidden_size**0.5)
    return norms


for radius in (0.5, 1.3, 3.0):  # what is left after LAGS steps
    net = random_net(radius, seed=0)
    linear, tanh = gradient_norms(*net, linear=True), gradient_norms(*net)
    print(f"radius {radius}: linear {linear[-1]:.0e}, tanh {tanh[-1]:.0e}")

# %% sweep tags=["hidden"]
import numpy as np

SEEDS, RADII, SHOWN = range(10), (0.5, 0.9, 1.3, 2.0, 3.0), 1.3
FIRST = 10  # the factor per step is measured from this lag to the last
NETS = {  # name: title, size of the inputs, linear
    "linear": ("Linear net: radius 1.3 explodes", 1.0, True),
    "small": ("tanh, inputs 0.1: 1.3 holds", 0.1, False),
    "unit": ("tanh, inputs 1: 1.3 vanishes", 1.0, False),
}


def runs(name, radius):
    """The gradient's norm at every lag, one list per seed."""
    _, size, linear = NETS[name]
    return [gradient_norms(W_ih, W_hh, size * x, linear)
            for W_ih, W_hh, x in (random_net(radius, s) for s in SEEDS)]


def summary(curves):
    """Factor per step over the seeds, and what is left at the last lag."""
    first, last = np.array(curves)[:, [FIRST, LAGS]].T  # (seeds,) each
    each = (last / first) ** (1 / (LAGS - FIRST))
    low, median, high = np.quantile(each, (0, 0.5, 1)).tolist()
    left = np.median(last).item()
    return {"low": low, "median": median, "high": high, "left": left}


def torch_radius(seed):
    """The spectral radius that nn.RNN starts from."""
    torch.manual_seed(seed)
    W_hh = torch.nn.RNN(input_size, hidden_size).weight_hh_l0
    return torch.linalg.eigvals(W_hh).abs().max().item()


_runs = {name: {radius: runs(name, radius) for radius in RADII}
         for name in NETS}
factor = {name: {f"r{radius}".replace(".", "_"): summary(curves)
                 for radius, curves in _runs[name].items()}
          for name in NETS}  # e.g. factor.unit.r1_3.median
linear_error = max(abs(summary(curves)[end] / radius - 1)
                   for radius, curves in _runs["linear"].items()
                   for end in ("low", "high"))
default_radius = np.median([torch_radius(seed) for seed in SEEDS]).item()
seeds, lags, first_lag = len(SEEDS), LAGS, FIRST
shown, small = SHOWN, NETS["small"][1]

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

RNN, MUTED, LINE = "#c2410c", "#5c6370", "#d0d4da"


def curve(ax, radius, curves):
    low, middle, high = np.quantile(curves, (0, 0.5, 1), axis=0)
    main = radius == SHOWN
    ax.fill_between(range(LAGS + 1), low, high, color=RNN, lw=0,
                    alpha=0.3 if main else 0.15)
    ax.plot(middle, "-o" if main else "-", color=RNN, clip_on=not main,
            lw=3 if main else 1.3, markevery=(10, 10))
    k = max(k for k in range(LAGS + 1) if 1e-13 < middle[k] < 1e13)
    beside = (6, 0) if k == LAGS else (9, -7 if radius > 1 else 7)
    ax.annotate(f"{radius:g}", (k, middle[k]), beside, va="center",
                textcoords="offset points", weight="bold" if main else None)


def panel(ax, name):
    ax.axhline(1, color=LINE, zorder=0)
    for radius in RADII:
        curve(ax, radius, _runs[name][radius])
        if name == "linear":  # the closed form
            ax.plot([radius**k for k in range(LAGS + 1)], "--", color=MUTED)
    for y, word in ((1e12, "explodes"), (1e-12, "vanishes")):
        ax.text(1, y, word, color=MUTED, va="center")
    ax.set_yscale("log")
    ax.set_yticks([1e-12, 1e-6, 1, 1e6, 1e12],
                  ["10⁻¹²", "10⁻⁶", "1", "10⁶", "10¹²"], minor=False)
    ax.set(xlim=(0, LAGS), ylim=(1e-14, 1e14))
    ax.set_title(NETS[name][0], loc="left")


for shape, size in (((1, 3), (9.6, 3.8)), ((3, 1), (4.8, 7.6))):
    fig, axes = plt.subplots(*shape, figsize=size, layout="constrained",
                             sharex=True, sharey=True)
    for k, name in enumerate(NETS):
        panel(axes[k], name)
    axes[0].text(49, 1e-5, "dashed: predicted", color=MUTED, ha="right")
    fig.supxlabel(f"steps back (median and range of {seeds} seeds)",
                  size="medium")
    fig.supylabel("gradient norm", size="medium")
plt.show()
