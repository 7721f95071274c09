"""Rivals without a network: counting (Kneser-Ney) and xz, on the same text."""

# %% plan tags=["hidden"]
import lzma
import math
from collections import Counter, defaultdict
from pathlib import Path

ORDERS = 8  # up to eight characters at a time: seven before, one to guess
DISCOUNTS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def mixed(counts, character, p, discount):
    """The discounted count, and the discount's share of the guess p."""
    if not counts:
        return p
    kept = max(counts[character] - discount, 0)
    return (kept + discount * len(counts) * p) / counts.total()


def counted(text):
    """Per length of context: what came next, and after how many kinds."""
    came = [defaultdict(Counter) for _ in range(ORDERS)]
    kinds = [defaultdict(Counter) for _ in range(ORDERS)]
    for i, character in enumerate(text):
        for n in range(min(ORDERS, i + 1)):
            came[n][text[i - n : i]][character] += 1
    for n in range(1, ORDERS):
        for context, counts in came[n].items():
            kinds[n - 1][context[1:]].update(counts.keys())
    return came, kinds


def chances(tables, before, character, V, discount):
    """Its probability after `before`, from the model of each order."""
    came, kinds = tables
    p, guesses = 1 / V, []
    for n in range(ORDERS):
        context = before[len(before) - n :] if n <= len(before) else None
        guesses.append(mixed(came[n].get(context), character, p, discount))
        p = mixed(kinds[n].get(context), character, p, discount)
    return guesses


def bits(tables, piece, V, discount):
    """Bits per character of a piece, from the model of each order."""
    spent = [0.0] * ORDERS
    for i in range(1, len(piece)):
        before = piece[max(0, i - ORDERS + 1) : i]
        guesses = chances(tables, before, piece[i], V, discount)
        for n, p in enumerate(guesses):
            spent[n] -= math.log2(p) / (len(piece) - 1)
    return spent


def packed(text):
    """Its size in bits after xz, at its strongest."""
    return 8 * len(lzma.compress(text.encode(), preset=9 | 2**31))


def prepared():
    """The study's text, its rare characters made one; and its alphabet."""
    source = Path(__file__).with_name("nets.py").read_text()
    nets = {}
    exec(source.split("\n# %% net")[0], nets)
    known = set(nets["alphabet"])
    texts = {part: "".join(c if c in known else nets["UNKNOWN"] for c in text)
             for part, text in nets["parts"].items()}
    return texts, len(known), nets["fingerprint"]


def cut(text, size=1000):
    starts = range(0, len(text) - size + 1, size)
    return [text[i : i + size] for i in starts]


def run():
    """Discounts by the validation text, scores on the test text."""
    texts, V, fingerprint = prepared()
    tables, tried = counted(texts["train"]), {}
    for discount in DISCOUNTS:
        scores = [bits(tables, piece, V, discount)
                  for piece in cut(texts["validation"])]
        tried[discount] = [sum(s) / len(scores)
                           for s in zip(*scores, strict=True)]
    best = [min(DISCOUNTS, key=lambda d: tried[d][n]) for n in range(ORDERS)]
    test = {d: [bits(tables, piece, V, d) for piece in cut(texts["test"])]
            for d in sorted(set(best))}
    xz = {part: (packed(texts["train"] + texts[part]) - packed(texts["train"]))
          / len(texts[part]) for part in ("validation", "test")}
    alone = packed(texts["test"]) / len(texts["test"])
    return {"fingerprint": fingerprint, "discount": best, "xz": xz,
            "xz_alone": alone,
            "validation": [tried[d][n] for n, d in enumerate(best)],
            "test": [[piece[n] for piece in test[d]]
                     for n, d in enumerate(best)]}


plan = {"all": {}}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
NAMES = ("unigram", "bigram", "trigram", "fourgram", "fivegram", "sixgram",
         "sevengram", "eightgram")
_all = runs["all"]
test = {name: sum(scores) / len(scores)
        for name, scores in zip(NAMES, _all["test"], strict=True)}
validation = dict(zip(NAMES, _all["validation"], strict=True))
discount = dict(zip(NAMES, _all["discount"], strict=True))
strongest = min(NAMES, key=validation.get)
best, longest = test[strongest], _all["discount"][-1]
xz, xz_alone = _all["xz"]["test"], _all["xz_alone"]
fingerprint = _all["fingerprint"]
