"""How fast an RNN at PyTorch's defaults loses sight of old inputs."""

# %% influence
import torch
import torch.nn as nn


def influence(layer, T=180, B=16):
    """Size of d(last output) / d(input) at each lag from 0 to 80: (81,)."""
    x = torch.randn(B, T, layer.input_size, dtype=torch.float64)  # (B, T, I)
    x.requires_grad_()
    output = layer(x)[0]  # (B, T, H)
    output[:, -1].sum().backward()  # back through all T steps
    return x.grad.norm(dim=2).mean(dim=0).flip(0)[:81]  # warmed up


seeds, curves = 5, []
for seed in range(seeds):
    torch.manual_seed(seed)
    rnn = nn.RNN(10, 64, batch_first=True, dtype=torch.float64)
    curves.append(influence(rnn))
left = torch.stack([curve / curve[0] for curve in curves])  # (seeds, 81)

for lag in (0, 1, 10, 20, 40):
    print(f"lag {lag:2}: {left[:, lag].median():.1g} of the gradient is left")

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

RNN = "#c2410c"
FIRST, LAST = 10, 80  # the factor per step is measured between these lags

after_20, after_40 = (left[:, lag].median().item() for lag in (20, 40))
_factors = (left[:, LAST] / left[:, FIRST]) ** (1 / (LAST - FIRST))
factor, low, high = (pick(_factors).item()
                     for pick in (torch.median, torch.min, torch.max))

fig, ax = plt.subplots(figsize=(4.8, 2.9), layout="constrained")
_lags = range(left.shape[1])
ax.fill_between(_lags, left.amin(0), left.amax(0), color=RNN, alpha=0.25,
                linewidth=0)
ax.plot(_lags, left.median(0).values, color=RNN, marker="o", markevery=10,
        markersize=5)
ax.text(44, 1e-9, f"× {factor:.2f} per step", color=RNN)
ax.set(yscale="log", xlabel="steps back from the last output",
       ylabel="gradient left", title="RNN: old inputs hardly count")
ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
plt.show()
