"""How a GRU's update-gate bias decides how long old inputs count."""

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


def make_gru(bias, seed):
    torch.manual_seed(seed)
    gru = nn.GRU(10, 64, batch_first=True, dtype=torch.float64)
    with torch.no_grad():  # the second third of the rows: the gate z
        if bias is not None:
            gru.bias_ih_l0[64:128] = bias
            gru.bias_hh_l0[64:128] = 0  # torch adds the two biases
    return gru


seeds, left = 5, {}
for name, bias in {"default": None, "1": 1.0, "3": 3.0}.items():
    curves = [influence(make_gru(bias, seed)) for seed in range(seeds)]
    left[name] = torch.stack([curve / curve[0] for curve in curves])
    after = left[name][:, 40].median()
    print(f"bias {name:8} after 40 steps {after:.1g} is left")

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

GRU = "#0a7f6f"
LOOK = {"default": ("-", "default bias"), "1": ("--", "bias 1"),
        "3": (":", "bias 3")}

after_40 = {name: left[name][:, 40].median().item() for name in left}

fig, ax = plt.subplots(figsize=(4.8, 3.1), layout="constrained")
for name, (style, label) in LOOK.items():
    _lags, _curve = range(left[name].shape[1]), left[name].median(0).values
    ax.fill_between(_lags, left[name].amin(0), left[name].amax(0),
                    color=GRU, alpha=0.2, linewidth=0)
    ax.plot(_lags, _curve, style, color=GRU, marker="^", markevery=10,
            markersize=5)
    ax.annotate(label, (46, _curve[46]), (7, 5), color=GRU,
                textcoords="offset points")
ax.set(yscale="log", xlabel="steps back from the last output",
       ylabel="gradient left", title="GRU: the update gate's bias decides")
ax.yaxis.set_major_formatter(lambda y, _: f"{y:g}")
plt.show()
