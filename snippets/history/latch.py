"""One unit that stores a bit: what keeps it kills the gradient."""

# %% latch
import math

import torch

w = 2.0
edge = math.sqrt(1 - 1 / w)  # above it, w (1 - h²) < 1
limit = w * edge - math.atanh(edge)  # noise that a stored bit survives


def run(noise, T):
    """The states of h = tanh(w h + u), and d(last) / d(first)."""
    first = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    h, states = first, []
    for u in noise(T):
        h = torch.tanh(w * h + u)
        states.append(h.item())
    (slope,) = torch.autograd.grad(h, first)
    return states, slope.item()


def below(T):
    torch.manual_seed(0)
    return 0.95 * limit * (2 * torch.rand(T, dtype=torch.float64) - 1)


states, slope = run(below, 200)
print(f"noise below {limit:.3f}: bit kept: {min(states) > edge},",
      f"gradient below 1e-20: {abs(slope) < 1e-20}")
states, _ = run(lambda T: [-1.05 * limit] * T, 200)
lost = states[-1] < 0
print(f"noise above {limit:.3f}: bit lost: {lost}")
