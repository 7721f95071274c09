"""Can one RNN unit hold a bit, and let go of it when told? Many are tried."""

# %% search tags=["hidden"]
import torch

DRAWN = 200_000
STEPS, BIT, TOLD = 12, 2, 7  # the steps of the bit and of the word to forget
FORGET, HELD, GONE = 2.0, 0.5, 0.2

torch.manual_seed(0)
w, u, b = torch.empty(3, DRAWN).uniform_(-10, 10)  # W_ih, W_hh and bias
fits = torch.ones(DRAWN, dtype=torch.bool)
for bit in (1.0, -1.0):
    h = torch.zeros(DRAWN)
    for t in range(1, STEPS + 1):
        x = {BIT: bit, TOLD: FORGET}.get(t, 0.0)
        h = torch.tanh(w * x + u * h + b)
        if t == TOLD - 1:
            fits &= bit * h >= HELD
        if t > TOLD:
            fits &= h.abs() <= GONE
passed = int(fits.sum())
assert passed == 0, "the page says that none passes"
