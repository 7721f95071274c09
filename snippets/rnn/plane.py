"""A recurrent net of two units as a map of the plane."""

# %% ring tags=["hidden"]
import torch

RADIUS, ANGLE, STEPS, LATE = 1.2, 25, 40, 400
_turn = torch.tensor(ANGLE, dtype=torch.float64).deg2rad()
_W = RADIUS * torch.tensor([[_turn.cos(), -_turn.sin()],
                            [_turn.sin(), _turn.cos()]], dtype=torch.float64)
W = (100 * _W).round() / 100  # (2, 2), as the sliders have it


def orbit(h, steps):
    """All states from h on; h is (..., 2)."""
    states = [h]
    for _ in range(steps):
        states.append(torch.tanh(states[-1] @ W.T))
    return torch.stack(states)  # (steps + 1, ..., 2)


def left(h, steps):
    """Size of d h_t / d h_0 over the size of the identity."""
    J = torch.autograd.functional.jacobian(
        lambda start: orbit(start, steps)[-1], h)
    return (J.norm() / 2**0.5).item()


start = torch.tensor([0.1, 0.0], dtype=torch.float64)
nudge = left(start, STEPS)
# on the ring, which all starts reach: between step LATE and STEPS later
_far = orbit(start, LATE)[-1]
ring = left(_far, STEPS)
linear = RADIUS**STEPS

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np

RNN, HIDDEN, INK = "#c2410c", "#2072d5", "#1f2328"
MUTED, LINE, PAPER = "#5c6370", "#d0d4da", "#ffffff"
_at = torch.linspace(-0.9, 0.9, 7, dtype=torch.float64)
_flows = orbit(torch.cartesian_prod(_at, _at), 14).numpy()
_states = orbit(start, STEPS).numpy()

fig, axes = plt.subplots(2, 1, figsize=(4.8, 7.4), layout="constrained",
                         height_ratios=(5, 3))
for t in range(14):
    axes[0].plot(_flows[t:t + 2, :, 0], _flows[t:t + 2, :, 1], color=HIDDEN,
                 lw=0.8, alpha=0.5 * (1 - t / 14) + 0.06)
axes[0].plot(*_states.T, "-o", color=RNN, lw=1.8, markersize=4)
axes[0].plot(*_states[0], "o", color=RNN, markersize=10)
axes[0].plot(0, 0, "o", color=INK, markerfacecolor=PAPER, markersize=8,
             markeredgewidth=2)
axes[0].set(aspect="equal", xlim=(-1, 1), ylim=(-1, 1), xlabel="h₁",
            ylabel="h₂", xticks=(-1, 0, 1), yticks=(-1, 0, 1),
            title="Radius 1.2: out of the middle, onto a ring")
_circle = np.linspace(0, 2 * np.pi, 181)
axes[1].plot(np.cos(_circle), np.sin(_circle), "--", color=MUTED, lw=1)
axes[1].axhline(0, color=LINE, zorder=0)
axes[1].axvline(0, color=LINE, zorder=0)
_values = torch.linalg.eigvals(W).numpy()
axes[1].plot(_values.real, _values.imag, "s", color=HIDDEN, markersize=9)
axes[1].set(aspect="equal", xlim=(-2.1, 2.1), ylim=(-1.4, 1.4),
            xticks=(-1, 0, 1), yticks=(-1, 0, 1), xlabel="real part",
            ylabel="imaginary part", title="Eigenvalues of W, outside 1")
plt.show()
