"""The product of forget gates beside the true derivative of the cell."""

# %% paths
import torch
import torch.nn as nn

input_size, H, T = 10, 64, 300  # H: hidden_size, T: steps


def make_lstm(bias=None, seed=0):
    torch.manual_seed(seed)
    lstm = nn.LSTM(input_size, H, dtype=torch.float64)
    if bias is not None:  # a number, or one for each unit
        with torch.no_grad():
            lstm.bias_ih_l0[H:2 * H] = bias  # the forget gate's rows
            lstm.bias_hh_l0[H:2 * H] = 0
    return lstm


def cells_and_gates(lstm, x, only_direct=False):
    """c_t and f_t at each step, for H copies of the sequence x (T, I)."""
    W_ih, W_hh, b_ih, b_hh = lstm.parameters()
    h = torch.zeros(H, H, dtype=x.dtype)  # (B, H), a copy for each unit
    c, cs, fs = h, [], []
    for x_t in x:
        past = h.detach() if only_direct else h  # cuts all other paths
        gates = x_t @ W_ih.T + b_ih + past @ W_hh.T + b_hh  # (B, 4H)
        i, f, g, o = gates.chunk(4, dim=1)  # (B, H) each
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g  # (B, H)
        h = o * c.tanh()  # (B, H)
        cs, fs = [*cs, c], [*fs, f[0].detach()]
    return cs, fs


def jacobians(cs):
    """d c_T / d c_t for every t, each (H, H): copy j goes back from unit j."""
    return torch.autograd.grad(cs[-1], cs, torch.eye(H, dtype=cs[0].dtype))


def size(J):
    return J.norm().item() / H**0.5  # 1 for d c_T / d c_T


lstm, x, k = make_lstm(), torch.randn(T, input_size, dtype=torch.float64), 20
cs, fs = cells_and_gates(lstm, x)
gates = torch.stack(fs[T - k:]).prod(dim=0)  # (H,)
cut = jacobians(cells_and_gates(lstm, x, only_direct=True)[0])[T - 1 - k]
print(f"{k} steps back, product of forget gates: {size(gates):.1e}")
print(f"autograd, all other paths cut:         {size(cut):.1e}")
print(f"autograd, all paths:                   "
      f"{size(jacobians(cs)[T - 1 - k]):.1e}")

# %% sweep tags=["hidden"]
import numpy as np

seeds, LAGS, AT = 5, 100, (20, 40, 100)
cut_error = (cut - torch.diag(gates)).abs().max().item()
assert cut_error < 1e-15


def chrono(T_max, seed):
    generator = torch.Generator().manual_seed(seed)
    return (1 + (T_max - 2) * torch.rand(H, generator=generator,
                                         dtype=torch.float64)).log()


VARIANTS = {"default": lambda seed: None, "b3": lambda seed: 3.0,
            "b5": lambda seed: 5.0, "chrono": lambda seed: chrono(100, seed)}
T_MAX = 100


def both(bias, seed):
    """Size of the gates' product and of the derivative, by lag: (2, LAGS+1)"""
    lstm = make_lstm(bias, seed)
    if isinstance(bias, torch.Tensor):
        with torch.no_grad():
            lstm.bias_ih_l0[:H], lstm.bias_hh_l0[:H] = -bias, 0
    x = torch.randn(T, input_size, dtype=torch.float64)
    cs, fs = cells_and_gates(lstm, x)
    product = torch.stack(fs[::-1]).cumprod(dim=0)[:LAGS]  # (LAGS, H)
    J = jacobians(cs)[::-1]
    return ([1.0, *map(size, product)],
            [size(J[lag]) for lag in range(LAGS + 1)])


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


_runs = {key: np.array([both(bias(seed), seed) for seed in range(seeds)])
         for key, bias in VARIANTS.items()}  # (seeds, 2, LAGS + 1)
product, truth, ratio = ({key: {f"k{k}": spread(of(runs)[:, k]) for k in AT}
                          for key, runs in _runs.items()} for of in (
    lambda runs: runs[:, 0], lambda runs: runs[:, 1],
    lambda runs: runs[:, 1] / runs[:, 0]))
off_chrono = max(abs(ratio["chrono"][lag][end] - 1)
                 for lag in ("k20", "k40") for end in ("low", "high"))

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

LSTM, KEEP = "#1e1b6b", "#996c14"
PANELS = {"default": "default: far apart", "b3": "bias 3: apart",
          "chrono": f"chrono, T_max {T_MAX}: close"}


def panel(ax, key):
    ax.set_title(PANELS[key])
    for which, colour, style, marker in ((1, LSTM, "-", "s"),
                                         (0, KEEP, "--", "")):
        low, mid, high = np.quantile(_runs[key][:, which], (0, 0.5, 1),
                                     axis=0)
        ax.fill_between(range(LAGS + 1), low, high, color=colour, alpha=0.25,
                        lw=0)
        ax.plot(mid, style, color=colour, marker=marker, markevery=20, lw=2)
    ax.set(yscale="log", xlim=(0, LAGS), xlabel="steps back",
           ylim=(1e-26, 30) if key == "default" else (0.01, 3))
    ax.minorticks_off()


for shape, width, height in (((1, 3), 9.6, 3.2), ((3, 1), 4.8, 7.2)):
    fig, axes = plt.subplots(*shape, figsize=(width, height),
                             layout="constrained")
    for ax, key in zip(axes, PANELS, strict=True):
        panel(ax, key)
    axes[0].set_yticks([1, 1e-10, 1e-20], ["1", "10⁻¹⁰", "10⁻²⁰"])
    for ax in axes[1:]:
        ax.set_yticks([1, 0.1, 0.01], ["1", "0.1", "0.01"])
    axes[0].text(55, 1e-9, "derivative", color=LSTM)
    axes[0].text(50, 1e-19, "product\nof f", color=KEEP, ha="right")
plt.show()
