"""How many pairs a matrix of fixed size can keep, and attention beside it."""

# %% recall
import torch

SHARP = 40.0  # queries this long make attention look at one key


def right(d, pairs, seed):
    """Share of values named when asked by key: matrix, attention."""
    generator = torch.Generator().manual_seed(seed)
    k, v = torch.randn(2, pairs, d, generator=generator)  # (pairs, d) each
    k = k / k.norm(dim=1, keepdim=True)
    C = v.T @ k  # the sum of all v k^T: mLSTM's memory with open gates
    weights = torch.softmax(SHARP * k @ k.T, dim=1)  # (pairs, pairs)
    shares = []
    for answers in (k @ C.T, weights @ v):  # (pairs, d) each
        nearest = torch.cdist(answers, v).argmin(dim=1)  # (pairs)
        shares.append((nearest == torch.arange(pairs)).float().mean().item())
    return shares


for pairs in (16, 64, 256, 1024):
    matrix, attention = right(64, pairs, seed=0)
    print(f"{pairs:4} pairs: matrix {matrix:.0%}, attention {attention:.0%}")

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

CELL, INK = "#115123", "#1f2328"
seeds = 5
PAIRS, SIZES = (8, 16, 32, 64, 128, 256, 512, 1024), (16, 32, 64)
share = {"median": {}, "low": {}, "high": {}, "attention": 1.0}
_kept = {}
for d in SIZES:
    _runs = torch.tensor([[right(d, pairs, seed) for pairs in PAIRS]
                          for seed in range(seeds)])  # (seeds, PAIRS, 2)
    _kept[d] = _runs[:, :, 0]
    share["attention"] = min(share["attention"], _runs[:, :, 1].min().item())
    for _word, _curve in (("median", _kept[d].median(0).values),
                          ("low", _kept[d].amin(0)),
                          ("high", _kept[d].amax(0))):
        share[_word][f"d{d}"] = {
            f"p{pairs}": part.item()
            for pairs, part in zip(PAIRS, _curve, strict=True)}
most, largest = max(PAIRS), max(SIZES)
numbers = {f"d{d}": d * d for d in SIZES}

fig, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
for d, style, _at in zip(SIZES, ("--", "-.", "-"), (2, 3, 5), strict=True):
    ax.fill_between(PAIRS, _kept[d].amin(0), _kept[d].amax(0), color=CELL,
                    alpha=0.2, linewidth=0)
    _curve = _kept[d].median(0).values
    ax.plot(PAIRS, _curve, style, color=CELL)
    ax.annotate(f"{d} × {d}", (PAIRS[_at], _curve[_at]), (-7, -6),
                color=CELL, textcoords="offset points", ha="right")
ax.plot(PAIRS, [1] * len(PAIRS), ":", color=INK)
ax.annotate("attention", (PAIRS[-1], 1), (0, -6), color=INK, va="top",
            textcoords="offset points", ha="right")
ax.set(xscale="log", xlabel="pairs stored", ylabel="share recalled",
       title="A matrix of fixed size fills up")
ax.set_xticks(PAIRS, [str(p) for p in PAIRS], minor=False)
ax.minorticks_off()
plt.show()
