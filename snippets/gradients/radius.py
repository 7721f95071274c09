"""Spectral radius against what is left of the gradient, linear and tanh."""

# %% sweep tags=["hidden"]
import numpy as np
import torch

F64 = {"dtype": torch.float64}
input_size, H, T = 8, 64, 160  # H: hidden_size, T: steps
NEAR, FAR = 10, 60  # the factor per step is measured between these lags
LOW, HIGH = 0.2, 4.0
RADII = torch.linspace(LOW, HIGH, 39, **F64)  # each tenth
seeds = 7
NETS = {"linear": (1.0, True), "small": (0.1, False), "unit": (1.0, False)}
SMALL = NETS["small"][0]


def random_net(seed):
    """W_hh of radius 1, the input's share of each step, and sigma_max."""
    torch.manual_seed(seed)
    W_hh = torch.randn(H, H, **F64)  # (H, H)
    W_hh /= torch.linalg.eigvals(W_hh).abs().max()
    W_ih = torch.randn(H, input_size, **F64) / input_size**0.5  # (H, I)
    return W_hh, torch.randn(T, input_size, **F64) @ W_ih.T


def factors(size, linear):
    """Factor per step of d h_T / d h_(T-k), for each radius and seed."""
    W_hh, drive = map(torch.stack, zip(*map(random_net, range(seeds)),
                                       strict=True))
    W = (RADII[:, None, None, None] * W_hh).flatten(0, 1)  # (N, H, H)
    drive = size * drive.repeat(len(RADII), 1, 1)  # (N, T, H)
    h, slopes = torch.zeros(len(W), H, **F64), []
    for a in drive.unbind(1):
        h = a + (W @ h[:, :, None])[:, :, 0]  # (N, H)
        h = h if linear else h.tanh()
        slopes.append(torch.ones_like(h) if linear else 1 - h**2)
    J, sizes = torch.eye(H, **F64).expand_as(W), []
    for slope in slopes[:-FAR - 1:-1]:
        J = (J * slope[:, None]) @ W  # (N, H, H), one step further back
        sizes.append(J.flatten(1).norm(dim=1))
    ratio = (sizes[FAR - 1] / sizes[NEAR - 1]) ** (1 / (FAR - NEAR))
    return ratio.view(len(RADII), seeds).numpy()


def key(radius):
    return f"r{radius:.1f}".replace(".", "_")


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


_factors = {net: factors(*setting) for net, setting in NETS.items()}
factor = {net: {key(r): spread(v)
                for r, v in zip(RADII.tolist(), values, strict=True)}
          for net, values in _factors.items()}  # e.g. factor.unit.r1_3.low
linear_error = abs(_factors["linear"].T / RADII.numpy() - 1).max().item()
# where the median first reaches 1, and how near to 1 it stays before
_medians = {net: np.median(v, axis=1) for net, v in _factors.items()}
crossing = {net: RADII[int((v >= 1).argmax())].item()
            for net, v in _medians.items()}
_edge = (RADII > 1.15) & (RADII < 1.65)
edge = {"low": _medians["small"][_edge].min().item(),
        "high": _medians["small"][_edge].max().item(),
        "from": RADII[_edge][0].item(), "to": RADII[_edge][-1].item()}
stretch = spread([torch.linalg.matrix_norm(random_net(seed)[0], 2).item()
                  for seed in range(seeds)])  # sigma_max at radius 1

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

RNN, MUTED, LINE = "#c2410c", "#5c6370", "#d0d4da"
STYLE = {"linear": "-", "small": "-.", "unit": ":"}

fig, ax = plt.subplots(figsize=(4.8, 3.9), layout="constrained")
ax.axhline(1, color=LINE, zorder=0)
ax.axvline(1, color=LINE, zorder=0)
for net, line in STYLE.items():
    low, middle, high = np.quantile(_factors[net], (0, 0.5, 1), axis=1)
    ax.fill_between(RADII, low, high, color=RNN, alpha=0.2, lw=0)
    ax.plot(RADII, middle, line, color=RNN, lw=2.2, marker="o",
            markersize=4, markevery=(3, 5))
ax.text(2.2, 1.95, "linear: the radius itself", color=RNN)
ax.text(2, 1.43, f"tanh, inputs {SMALL}", color=RNN)
ax.text(1.7, 0.7, "tanh, inputs 1", color=RNN)
ax.text(3.95, 0.93, "vanishes below 1", color=MUTED, ha="right", va="top")
ax.set(xlim=(0.2, 4), ylim=(0, 2.2), xlabel="spectral radius of W_hh",
       ylabel="gradient left per step back",
       title="tanh leaves the line, and bends towards 1")
plt.show()
