"""The eigenvalues of the mean step, and what a product of steps does."""

# %% sweep tags=["hidden"]
import numpy as np
import torch
import torch.nn as nn

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
VARIANTS = {"rnn": ("rnn", None), "lstm": ("lstm", None),
            "gru": ("gru", None), "lstm_1": ("lstm", 1.0),
            "lstm_3": ("lstm", 3.0), "gru_3": ("gru", 3.0)}
input_size, H, WARM, STEPS = 10, 64, 100, 150  # H: hidden_size
NEAR, FAR = 20, 100
F64 = {"dtype": torch.float64}
seeds, SCALE = 5, 6


def make(name, bias, seed, scale=1):
    torch.manual_seed(seed)
    layer = LAYERS[name](input_size, H, **F64)
    with torch.no_grad():
        layer.weight_hh_l0 *= scale
    if bias is not None:  # f of the LSTM, z of the GRU
        nn.init.constant_(layer.bias_ih_l0[H:2 * H], bias)
        nn.init.zeros_(layer.bias_hh_l0[H:2 * H])
    return layer


def split(state):
    """What nn.LSTM or nn.RNN and nn.GRU take: (h, c) or h, from (B, S)."""
    h, *c = (part.contiguous() for part in state[None].split(H, dim=2))
    return (h, *c) if c else h


def step(layer, x, state):
    """The state after one step: h, or for the LSTM h and c joined; (B, S)."""
    last = layer(x[None], split(state))[1]
    return torch.cat(last if isinstance(last, tuple) else [last], dim=2)[0]


def jacobians(layer):
    """d state_t / d state_(t-1) along a random sequence: (STEPS, S, S)."""
    x = torch.randn(WARM + STEPS, input_size, **F64)
    state, states = torch.zeros(1, H * (1 + isinstance(layer, nn.LSTM)),
                                **F64), []
    with torch.no_grad():
        for x_t in x:
            states.append(state)
            state = step(layer, x_t[None], state)
    S = state.shape[1]
    before = torch.cat(states[WARM:]).repeat_interleave(S, dim=0)
    before.requires_grad_()  # (STEPS * S, S): row j goes back from unit j
    after = step(layer, x[WARM:].repeat_interleave(S, dim=0), before)
    J, = torch.autograd.grad(after, before,
                             torch.eye(S, **F64).repeat(STEPS, 1))
    return J.view(STEPS, S, S)


def growth(J):
    """Factor per step of the product of the last Jacobians, by lag."""
    product, sizes = torch.eye(J.shape[1], **F64), []
    for J_t in J.flip(0)[:FAR]:
        product = product @ J_t
        sizes.append(product.norm().item())
    return (sizes[FAR - 1] / sizes[NEAR - 1]) ** (1 / (FAR - NEAR))


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


def singular(matrix):
    return torch.linalg.matrix_norm(matrix, 2).item()


_J = {key: [jacobians(make(*variant, seed)) for seed in range(seeds)]
      for key, variant in VARIANTS.items()}
_eigenvalues = {key: [torch.linalg.eigvals(J.mean(dim=0)) for J in runs]
                for key, runs in _J.items()}
# of the H largest: the LSTM's others belong to its h
centre = {key: spread([values[values.abs().argsort()[-H:]].real.mean().item()
                       for values in runs])
          for key, runs in _eigenvalues.items()}
_growth = {key: [growth(J) for J in runs] for key, runs in _J.items()}
_radius = {key: [values.abs().max().item() for values in runs]
           for key, runs in _eigenvalues.items()}
product, radius, stretch = ({key: spread(runs) for key, runs in of.items()}
                            for of in (_growth, _radius, {
    key: [singular(J.mean(dim=0)) for J in runs] for key, runs in _J.items()}))
largest_error = max(abs(a / b - 1) for key in _J
                    for a, b in zip(_radius[key], _growth[key], strict=True))
# where the state is chaotic the mean step does not say what a product does
_wild = [jacobians(make("rnn", None, seed, SCALE)) for seed in range(seeds)]
wild = {"product": spread([growth(J) for J in _wild]),
        "radius": spread([torch.linalg.eigvals(J.mean(dim=0)).abs().max()
                          .item() for J in _wild])}
steps_stretch = spread([singular(J[-1]) for J in _J["rnn"]])
_W = [make("rnn", None, seed).weight_hh_l0.detach() for seed in range(seeds)]
W_radius = spread([torch.linalg.eigvals(W).abs().max().item() for W in _W])
W_stretch = spread([singular(W) for W in _W])

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
MARKERS = {"rnn": "o", "lstm": "s", "gru": "^"}
PANELS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "lstm_3": "LSTM, bias 3"}
KEEP, MUTED, LINE = "#996c14", "#5c6370", "#d0d4da"
_turn = np.linspace(0, 2 * np.pi, 181)

fig, axes = plt.subplots(2, 2, figsize=(4.8, 4.9), layout="constrained",
                         sharex=True, sharey=True)
for ax, (key, label) in zip(axes.flat, PANELS.items(), strict=True):
    name, bias = VARIANTS[key]
    values = _eigenvalues[key][0]
    ax.plot(np.cos(_turn), np.sin(_turn), "--", color=MUTED, lw=1)
    ax.axhline(0, color=LINE, lw=1, zorder=0)
    ax.axvline(0, color=LINE, lw=1, zorder=0)
    ax.scatter(values.real, values.imag, s=9, color=COLOURS[name],
               marker=MARKERS[name], linewidths=0)
    if name != "rnn":
        at = 1 / (1 + np.exp(-(bias or 0)))
        ax.plot([at, at], [-0.75, 0.75], color=KEEP, lw=1.5, zorder=0)
        ax.text(at - 0.06, 0.55, "f" if name == "lstm" else "z", color=KEEP,
                ha="right", weight="bold")
    ax.set_title(f"{label}: {_radius[key][0]:.2f}")
    ax.set(aspect="equal", xlim=(-1.12, 1.12), ylim=(-1.12, 1.12),
           xticks=(-1, 0, 1), yticks=(-1, 0, 1))
fig.supxlabel("real part", size="medium")
fig.supylabel("imaginary part", size="medium")
plt.show()
