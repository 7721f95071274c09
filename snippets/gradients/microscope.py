"""What is left of the gradient at every lag, for many starts of each cell."""

# %% sweep tags=["hidden"]
import json

import numpy as np
import torch
import torch.nn as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
F64 = {"dtype": torch.float64}
input_size, H, B = 10, 64, 8  # H: hidden_size; as in reach.py
T, LAGS, WARM = 500, 400, 100  # steps, how many we look back, warm-up
NEAR, FAR = 20, 100  # the factor per step is measured between these lags
RADII, BIASES = (0.5, 0.8, 1.0, 1.3, 2.0, 3.0), (0, 1, 2, 3, 5)
F32 = torch.finfo(torch.float32)
# what it rounds away beside 1, and the smallest number that it has
SUM, NOTHING = F32.eps / 2, F32.smallest_normal * F32.eps
seeds, FINE = 5, 1000  # curves are stored in thousandths of a decade
PLAN = {"rnn default": ("rnn", None, None)}
PLAN |= {f"rnn {kind} {radius:g}": ("rnn", kind, radius)
         for kind in ("random", "orthogonal") for radius in RADII}
PLAN |= {f"{name} {bias}": (name, None, None if bias == "default" else bias)
         for name in ("lstm", "gru") for bias in ("default", *BIASES)}
COUNT = len(PLAN)


def radius_of(matrix):
    """The size of the largest eigenvalue."""
    return torch.linalg.eigvals(matrix).abs().max().item()


def make(name, kind, value, seed):
    """An untrained layer; `value` is a radius (RNN) or a gate's bias."""
    torch.manual_seed(seed)
    layer = LAYERS[name](input_size, H, batch_first=True, **F64)
    x = torch.randn(B, T, input_size, **F64)  # (B, T, I)
    W = layer.weight_hh_l0  # (H, H)
    with torch.no_grad():
        if kind == "random":
            W.copy_(torch.randn(H, H, **F64))
            W *= value / radius_of(W)
        elif kind == "orthogonal":
            nn.init.orthogonal_(W, value)
        elif value is not None:  # the gate that keeps: f, or z
            layer.bias_ih_l0[H:2 * H] = value
            layer.bias_hh_l0[H:2 * H] = 0  # torch adds the two
        if kind:  # chaos would magnify the last bits of QR and eigenvalues
            W.copy_(W.round(decimals=9))
    return layer, x


def gradient_left(layer, x):
    """log10 of d(last output) / d(input) over its size at lag 0, and h;
    the lags from which float32 loses it in a sum, and has only zeros."""
    h = layer(x.requires_grad_())[0]  # (B, T, H)
    h[:, -1].sum().backward()
    size = x.grad.norm(dim=2).log10().mean(dim=0).flip(0)  # (T,), by lag
    largest = x.grad.abs().amax(dim=(0, 2)).flip(0)[:LAGS + 1]
    ends = [first(largest < least) for least in (SUM * largest[0], NOTHING)]
    return (size - size[0])[:LAGS + 1], h.detach(), ends


def first(where):
    return [*where.nonzero()[:, 0].tolist(), LAGS + 1][0]


def sums(layer, x, h):
    """W_ih x + b_ih and W_hh h + b_hh of every step after the warm-up."""
    h_0 = torch.zeros(B, 1, H, **F64)
    before = torch.cat([h_0, h[:, :-1]], dim=1)  # (B, T, H)
    a = x @ layer.weight_ih_l0.T + layer.bias_ih_l0  # (B, T, G * H)
    u = before @ layer.weight_hh_l0.T + layer.bias_hh_l0
    return a.split(H, dim=2), u.split(H, dim=2), before


def mean(numbers):
    """Over all sequences and steps after the warm-up: (H, 1)."""
    return numbers[:, WARM:].mean(dim=(0, 1))[:, None]


def rnn_rates(layer, x, h):
    slope = mean(1 - h**2)
    W = layer.weight_hh_l0
    return radius_of(W) * slope.mean().item(), radius_of(slope * W)


def lstm_rates(layer, x, h):
    a, u, _ = sums(layer, x, h)
    i, f, g, o = (fn(p + q) for fn, p, q in zip(
        (torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid), a, u,
        strict=True))
    c, cs = torch.zeros(B, H, **F64), [torch.zeros(B, H, **F64)]
    for t in range(T):
        c = f[:, t] * c + i[:, t] * g[:, t]
        cs.append(c)
    before, after = torch.stack(cs[:-1], 1), torch.stack(cs[1:], 1).tanh()
    lets = o * (1 - after**2)  # d h_t / d c_t
    W = layer.weight_hh_l0.split(H)
    by_gate = (g * i * (1 - i), before * f * (1 - f), i * (1 - g**2))
    c_h = sum(mean(s) * w for s, w in zip(by_gate, W[:3], strict=True))
    h_h = sum(mean(lets * s) * w for s, w in zip(by_gate, W[:3], strict=True))
    h_h = h_h + mean(after * o * (1 - o)) * W[3]
    J = torch.cat([torch.cat([h_h, mean(lets * f)[:, 0].diag()], 1),
                   torch.cat([c_h, mean(f)[:, 0].diag()], 1)])  # (2H, 2H)
    return mean(f).mean().item(), radius_of(J)


def gru_rates(layer, x, h):
    a, u, before = sums(layer, x, h)
    r, z = (a[0] + u[0]).sigmoid(), (a[1] + u[1]).sigmoid()
    n = (a[2] + r * u[2]).tanh()
    W_r, W_z, W_n = layer.weight_hh_l0.split(H)
    by_n = (1 - z) * (1 - n**2)
    J = (mean(z)[:, 0].diag() + mean((before - n) * z * (1 - z)) * W_z
         + mean(by_n * u[2] * r * (1 - r)) * W_r + mean(by_n * r) * W_n)
    return mean(z).mean().item(), radius_of(J)


RATES = {"rnn": rnn_rates, "lstm": lstm_rates, "gru": gru_rates}


def measure(name, kind, value, seed):
    """Curve in decades; factor per step, rule's, mean step's; two ends."""
    layer, x = make(name, kind, value, seed)
    left, h, ends = gradient_left(layer, x)
    factor = 10 ** ((left[FAR] - left[NEAR]).item() / (FAR - NEAR))
    with torch.no_grad():
        return (left.numpy(), factor, *RATES[name](layer, x.detach(), h),
                *ends)


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


NUMBERS = ("factor", "rule", "step", "lost", "gone")
_curves, starts = {}, {}
for _key, _start in PLAN.items():
    _runs = [measure(*_start, seed) for seed in range(seeds)]
    _lefts, *_rest = zip(*_runs, strict=True)
    _curves[_key] = np.quantile(_lefts, (0, 0.5, 1), axis=0)
    starts[_key.replace(" ", "_").replace(".", "_")] = {
        what: spread(values)
        for what, values in zip(NUMBERS, _rest, strict=True)}

# %% data tags=["hidden"]

def packed(decades):
    """Thousandths of a decade, each as its difference from the last."""
    whole = np.rint(FINE * decades).astype(int)
    return np.diff(whole, prepend=0).tolist()


def rounded(values):
    return {end: float(f"{value:.6g}") for end, value in values.items()}


_starts = {key: {
    "curve": dict(zip(("low", "median", "high"), map(packed, _curves[key]),
                      strict=True)),
    **{what: rounded(values) for what, values in
       starts[key.replace(" ", "_").replace(".", "_")].items()},
} for key in PLAN}
_all = {"fine": FINE, "seeds": seeds, "near": NEAR, "far": FAR,
        "sum": float(np.log10(SUM)), "starts": _starts}
with open("starts.json", "w") as _file:
    json.dump(_all, _file, separators=(",", ":"))

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

LSTM, RNN, KEEP = "#1e1b6b", "#c2410c", "#996c14"
MUTED, LINE, PANEL = "#5c6370", "#d0d4da", "#eef1f4"
SHOWN, SPAN, LAG = "lstm default", 100, 40
left = {name: float(10 ** _curves[key][1, LAG])
        for name, key in (("lstm", SHOWN), ("rnn", "rnn default"))}
_shown = starts["lstm_default"]
_calm = [starts[f"rnn_{key}"] for key in ("default", *(
    f"{kind}_{radius}" for kind in ("random", "orthogonal")
    for radius in ("0_5", "0_8", "1")))]
rule_off = max(abs(one["rule"]["median"] / one["factor"]["median"] - 1)
               for one in _calm)
gate_alone = _shown["rule"]["median"] ** LAG

_k = np.arange(SPAN + 1)
_low, _mid, _high = _curves[SHOWN][:, :SPAN + 1]
fig, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")
ax.axhspan(-30, np.log10(SUM), color=PANEL, zorder=0, lw=0)
ax.text(2, -23.3, "here a float32\nsum loses it", color=MUTED)
ax.plot(_k, _curves["rnn default"][1, :SPAN + 1], color=RNN, lw=1.2)
ax.plot(_k, _k * np.log10(_shown["rule"]["median"]), "--", color=KEEP)
ax.plot(_k, _k * np.log10(_shown["step"]["median"]), ":", color=MUTED,
        lw=2)
ax.fill_between(_k, _low, _high, color=LSTM, alpha=0.2, lw=0)
ax.plot(_k, _mid, color=LSTM, lw=2.6)
ax.axvline(LAG, color=LINE, zorder=0)
ax.plot(LAG, _mid[LAG], "s", color=LSTM, markersize=8)
ax.text(60, -11.6, "LSTM", color=LSTM, weight="bold")
ax.text(33, -15.2, "f alone", color=KEEP, ha="right")
ax.text(84, -20.4, "RNN", color=RNN)
ax.set(xlim=(0, SPAN), ylim=(-24, 1), xlabel="steps back",
       ylabel="gradient left", title="At PyTorch's start, an LSTM forgets too")
ax.set_yticks([0, -6, -12, -18, -24], ["1", "10⁻⁶", "10⁻¹²", "10⁻¹⁸", "10⁻²⁴"])
plt.show()
