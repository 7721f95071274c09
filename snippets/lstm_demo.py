"""An LSTM learns to guess the next character of Python's own manual."""

# %% [markdown]
# # LSTM demo: guess the next character
#
# How well can a network guess the next character of a text, if all it keeps
# of what it has read is its state? We train one on real English, beside a
# rival without a network: counting. It needs no download and no graphics
# card.

# %% setup
import hashlib
import math
import random
import textwrap
from collections import Counter, defaultdict
from pydoc_data import topics as manual

import matplotlib.pyplot as plt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

NAME, COLOUR, MARKER = "LSTM", "#1e1b6b", "s"
MUTED = "#5c6370"
ORDERS = ("unigram", "bigram", "trigram", "fourgram", "fivegram", "sixgram")
MARKS = (6, 12, 25, 50, 100, 200, 400, 800)  # score after these updates
B, T = 32, 32  # streams read side by side, characters per update
DISCOUNT = 0.9  # best of 0.5, 0.7 and 0.9 on the validation text
PIECE = 1000  # held-out text is scored in pieces of this many characters

# %% [markdown]
# ## The text
#
# Every Python brings the text behind `help("for")`: the language's manual. It
# differs from version to version, so we print its fingerprint. We keep the
# paragraphs that end like sentences. Many stand in several topics; each is
# kept once, or the test would ask for lines that were learned. Whole topics
# are set aside: some to choose by (validation), some for the exam (test).


# %% data
def sentences(topic):
    """The topic's paragraphs that end like a sentence, each on one line."""
    paragraphs = manual.topics[topic].split("\n\n")
    lines = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return [line for line in lines if line.endswith((".", ":"))]


parts = {"test": "", "validation": "", "train": ""}
seen = set()
topics = sorted(manual.topics)
for topic in random.Random(27).sample(topics, len(topics)):
    if len(parts["test"]) < 25_000:
        part = "test"
    elif len(parts["validation"]) < 25_000:
        part = "validation"
    else:
        part = "train"
    for line in sentences(topic):
        if line not in seen:
            seen.add(line)
            parts[part] += line + "\n"

alphabet = "".join(sorted(set("".join(parts.values()))))
sizes = {part: len(parts[part]) for part in parts}
fingerprint = hashlib.sha256(str(parts).encode()).hexdigest()[:8]
print("characters:", sizes)
print("different characters:", len(alphabet))
print("fingerprint:", fingerprint)

# %% [markdown]
# ## The rival: counting
#
# How far does counting get? A unigram model knows how frequent each character
# is. A bigram model also sees the character before, a trigram model two, and
# so on. What if a stretch was never seen? Each model takes a discount off
# every count, and hands it to the guess of the next shorter model. That guess
# counts in its own way: not how often a stretch came, but after how many
# different characters (Kneser and Ney's rule).
#
# The score is bits per character: minus the base-two logarithm of the
# probability given to the character that came, on average. Less is better.
# One bit less means twice the probability.


# %% counting
class Counting:
    """Models of every order, mixed by Kneser and Ney's rule."""

    def __init__(self, text):
        # context -> what came next -> how often, and after how many kinds
        self.came, self.kinds = defaultdict(Counter), defaultdict(Counter)
        for i, character in enumerate(text):
            for n in range(min(len(ORDERS), i + 1)):
                self.came[text[i - n : i]][character] += 1
        for context, counts in self.came.items():
            if context:
                self.kinds[context[1:]].update(counts.keys())

    def bits(self, piece):
        """Bits per character of one piece under each order's model."""
        bits = [0.0] * len(ORDERS)
        for i in range(1, len(piece)):
            p = 1 / len(alphabet)
            for n in range(len(ORDERS)):
                context = piece[i - n : i] if n <= i else None
                guess = mix(self.came.get(context), piece[i], p)
                bits[n] -= math.log2(guess) / (len(piece) - 1)
                p = mix(self.kinds.get(context), piece[i], p)
        return bits


def mix(counts, character, p):
    """The discounted count, and the discount's share of the guess p."""
    if not counts:
        return p
    kept = max(counts[character] - DISCOUNT, 0)
    return (kept + DISCOUNT * len(counts) * p) / counts.total()


def cut(text):
    """The text in pieces of equal length; the rest is dropped."""
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)][:-1]


counting = Counting(parts["train"])
counted = torch.tensor([counting.bits(p) for p in cut(parts["validation"])])
rivals = {name: counted[:, n].mean().item() for n, name in enumerate(ORDERS)}
strongest = min(rivals, key=rivals.get)
for name in ORDERS:
    print(f"{name:9}{rivals[name]:5.2f} bits per character")
print("strongest of these:", strongest)

# %% [markdown]
# ## The network
#
# Each character becomes a vector. The recurrent layer takes it into its
# state. A linear layer turns the state into a score for each character that
# could come next.


# %% model
class Guesser(nn.Module):
    def __init__(self, V, input_size=64, hidden_size=128):
        super().__init__()
        self.embed = nn.Embedding(V, input_size)
        self.recurrent = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.score = nn.Linear(hidden_size, V)

    def forward(self, x, state=None):  # x: (B, T)
        h, state = self.recurrent(self.embed(x), state)  # h: (B, T, H)
        return self.score(h), state  # scores: (B, T, V)


torch.manual_seed(27)
model = Guesser(len(alphabet))
parameters = sum(p.numel() for p in model.parameters())
print("parameters:", parameters)

# %% [markdown]
# ## Training
#
# The text is cut into streams that are read side by side, a window at a time.
# The state is carried over to the next window, but detached: the memory goes
# on, the gradient stops there (truncated backpropagation through time).
# Clipping keeps one bad window from throwing the weights far off.
#
# The learning rate falls in a straight line to zero. Where it starts was
# chosen for this cell alone, on the validation text: of five rates from
# 0.005 to 0.08, the best on average over five seeds.


# %% train
def encode(text):
    return torch.tensor([alphabet.index(character) for character in text])


def bits_per_piece(model, text):
    """Bits per character of each piece; the state starts at zero."""
    x = torch.stack([encode(piece) for piece in cut(text)])  # (N, PIECE)
    with torch.no_grad():
        scores, _ = model(x[:, :-1])  # (N, PIECE - 1, V)
    nats = cross_entropy(scores.mT, x[:, 1:], reduction="none")
    return nats.mean(1) / math.log(2)  # (N,)


def train(model, streams, lr):
    adam = torch.optim.Adam(model.parameters(), lr)
    decay = torch.optim.lr_scheduler.LinearLR(adam, 1, 0, MARKS[-1])
    curve, t, state = [], 0, None
    for update in range(1, MARKS[-1] + 1):
        window = streams[:, t : t + T + 1]  # (B, T + 1)
        scores, state = model(window[:, :-1], state)  # (B, T, V)
        loss = cross_entropy(scores.mT, window[:, 1:])
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        decay.step()
        # Keep the memory, cut the gradient.
        state = tuple(s.detach() for s in state)
        t += T
        if t + T >= streams.shape[1]:  # all is read: begin again
            t, state = 0, None
        if update in MARKS:
            pieces = bits_per_piece(model, parts["validation"])
            curve.append(pieces.mean().item())
            print(f"after {update:3} updates{curve[-1]:5.2f}")
    return curve


learning_rate = 0.02
length = sizes["train"] // B
streams = encode(parts["train"][: B * length]).view(B, length)
curve = train(model, streams, learning_rate)

# %% [markdown]
# ## Which rivals does it pass, and when?
#
# Each point has had about twice the training of the point before it.

# %% figure alt="Learning curve, falling past the bigram and trigram lines"
fig, ax = plt.subplots(figsize=(4.8, 3.4), layout="constrained")
for name in ("unigram", "bigram", "trigram", strongest):
    ax.axhline(rivals[name], color=MUTED, linewidth=1)
    ax.text(MARKS[-1] * 1.5, rivals[name], name, color=MUTED, va="center")
ax.plot(MARKS, curve, color=COLOUR, marker=MARKER, linewidth=2)
ax.text(MARKS[3] * 1.15, curve[3], NAME, color=COLOUR, weight="bold")
ax.set_xscale("log", base=2)
ax.set_xticks(MARKS, MARKS)
ax.set_xlim(MARKS[0] / 1.3, MARKS[-1] * 1.3)
ax.set_xlabel("updates, doubling each time")
ax.set_title("bits per character, validation text", loc="left")
plt.show()

# %% [markdown]
# ## The exam
#
# Now the test text: topics that played no part so far. Behind each mean stand
# two standard errors over the pieces: what another stretch of these topics
# might change. Another seed comes on top of that. In the last line, a
# difference above zero says that counting is better.

# %% result
pieces = bits_per_piece(model, parts["test"])  # (N,)
counted = torch.tensor([counting.bits(p) for p in cut(parts["test"])])
baseline = {name: counted[:, n].mean().item() for n, name in enumerate(ORDERS)}
gaps = pieces - counted[:, ORDERS.index(strongest)]  # (N,)
bits, gap = pieces.mean().item(), gaps.mean().item()
bits_error = 2 * pieces.std().item() / len(pieces) ** 0.5
gap_error = 2 * gaps.std().item() / len(gaps) ** 0.5
for name in ("unigram", "bigram", "trigram", strongest):
    print(f"{name:9}{baseline[name]:5.2f} bits per character")
print(f"{NAME:9}{bits:5.2f} ± {bits_error:.2f} bits per character")
print(f"{NAME} minus {strongest}: {gap:+.2f} ± {gap_error:.2f}")

# %% [markdown]
# ## What has it learned to write?
#
# Draw a character from the network's guess, feed it back, and again. The
# state is all that it remembers of its own text.


# %% sample
@torch.no_grad()
def write(start, length):
    x, state, written = encode(start)[None], None, start  # x: (1, T)
    for _ in range(length):
        scores, state = model(x, state)
        x = torch.multinomial(scores[:, -1].softmax(-1), 1)  # (1, 1)
        written += alphabet[x.item()]
    return written


for line in write("The ", 300).splitlines():
    print(textwrap.fill(line, 60))

# %% [markdown]
# ## Your turn
#
# Add 1600 and 3200 to `MARKS`. Does the network catch the strongest rival?
# Guess before you run it.
