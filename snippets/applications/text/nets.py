"""Character models of Python's manual: RNN, LSTM and GRU of equal size."""
# time limit: 300 s

# %% text
import copy
import hashlib
import math
from collections import Counter
from pydoc_data import topics as manual

import torch
from torch import nn
from torch.nn.functional import cross_entropy

SALT = "27"  # decides which topics are held out
FOLD = str.maketrans("“”‘’—–", "\"\"''--")
RUN, LETTERS = 5, 0.6  # words in a row, share of letters
RARE, UNKNOWN = 20, "□"  # characters rarer than this become one


def part_of(topic):
    """By the topic's name: the same part in every version of Python."""
    eighth = hashlib.sha256((SALT + topic).encode()).digest()[0] // 32
    return ("test", "validation", "train")[min(eighth, 2)]


def is_new_prose(paragraph, seen):
    """Mostly letters, and at most half of its runs of words seen before."""
    words = paragraph.lower().split()
    ink = "".join(words)
    starts = range(max(1, len(words) - RUN + 1))
    runs = {tuple(words[i : i + RUN]) for i in starts}
    prose = sum(map(str.isalpha, ink)) >= max(1, LETTERS * len(ink))
    new = 2 * len(runs & seen) <= len(runs)
    if prose and new:
        seen |= runs
    return prose and new


parts, seen = {"test": "", "validation": "", "train": ""}, set()
for part in parts:
    for topic in sorted(filter(lambda t: part_of(t) == part, manual.topics)):
        for paragraph in manual.topics[topic].translate(FOLD).split("\n\n"):
            if is_new_prose(paragraph, seen):
                parts[part] += paragraph.strip("\n") + "\n\n"
often = [c for c, n in Counter(parts["train"]).items() if n >= RARE]
alphabet = UNKNOWN + "".join(sorted(often))
place = {character: i for i, character in enumerate(alphabet)}
sizes = {part: len(text) for part, text in parts.items()}
fingerprint = hashlib.sha256("".join(parts.values()).encode()).hexdigest()[:8]
print("characters:", sizes, "different:", len(alphabet))
print("fingerprint:", fingerprint)


# %% net
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
WIDTHS = {"rnn": 161, "lstm": 83, "gru": 96}  # for equal size
INPUT_SIZE = 24


class Guesser(nn.Module):
    def __init__(self, cell):
        super().__init__()
        V, H = len(alphabet), WIDTHS[cell]
        self.embed = nn.Embedding(V, INPUT_SIZE)
        self.recurrent = LAYERS[cell](INPUT_SIZE, H, batch_first=True)
        self.score = nn.Linear(H, V)

    def forward(self, x, state=None):  # x: (B, T)
        h, state = self.recurrent(self.embed(x), state)  # h: (B, T, H)
        return self.score(h), state  # scores: (B, T, V)


for cell in WIDTHS:
    parameters = sum(p.numel() for p in Guesser(cell).parameters())
    print(f"{cell:7}{WIDTHS[cell]:4} units{parameters:7} parameters")

# %% train
B, T, PIECE = 16, 64, 1000  # streams, steps per update, piece to score


def encode(text):
    return torch.tensor([place.get(character, 0) for character in text])


def pieces(text):
    cuts = range(0, len(text) - PIECE + 1, PIECE)
    return torch.stack([encode(text[i : i + PIECE]) for i in cuts])


@torch.no_grad()
def bits(model, x):  # x: (N, PIECE)
    """Bits per character of each piece; the state starts at zero."""
    nats = cross_entropy(model(x[:, :-1])[0].mT, x[:, 1:], reduction="none")
    return nats.mean(1) / math.log(2)  # (N,)


def training(model, streams, lr, marks):
    """At each mark: the updates so far, and the model with mean weights."""
    mean, t, state = copy.deepcopy(model), 0, None
    now, then = [*model.parameters()], [p.detach() for p in mean.parameters()]
    adam = torch.optim.Adam(now, lr, betas=(0.9, 0.99), foreach=True)
    for update in range(1, marks[-1] + 1):
        window = streams[:, t : t + T + 1]  # (B, T + 1)
        scores, state = model(window[:, :-1], state)  # (B, T, V)
        loss = cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten())
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(now, 1.0)
        adam.step()
        state = (tuple(s.detach() for s in state)
                 if isinstance(state, tuple) else state.detach())
        t += T
        if t + T >= streams.shape[1]:  # all is read: begin again
            t, state = 0, None
        torch._foreach_lerp_(then, [p.detach() for p in now], 9 / (update + 8))
        if update in marks:
            yield update, mean


length = sizes["train"] // B
streams = encode(parts["train"][: B * length]).view(B, length)
torch.manual_seed(0)
for update, model in training(Guesser("lstm"), streams, 0.02, (100, 200)):
    score = bits(model, pieces(parts["validation"])).mean()
    print(f"after {update} updates: {score:.2f} bits per character")

# %% meaning tags=["hidden"]
import base64
import time

STEPS = {"rnn": torch.rnn_tanh_cell, "lstm": torch.lstm_cell,
         "gru": torch.gru_cell}
OTHERS, RIDGE = 20, 10.0  # random units beside the one found; probes


def labels(text):
    """What is true after each character: one list of numbers each."""
    told = {"quotes": [], "column": [], "capitals": [], "depth": []}
    inside = column = depth = 0
    for i, character in enumerate(text):
        if text[i - 1 : i + 1] == "\n\n":
            inside = depth = 0
        inside ^= character == '"'
        depth = max(0, depth + (character in "([{") - (character in ")]}"))
        column = 0 if character == "\n" else column + 1
        word = text[i - 1 : i + 1] if i else character
        told["quotes"].append(inside)
        told["column"].append(column)
        told["capitals"].append(int(word.isupper() and word.isalpha()))
        told["depth"].append(depth)
    whole = len(text) // PIECE * PIECE  # cut as the text is, (N, PIECE - 1)
    return {name: torch.tensor(told[name][:whole]).view(-1, PIECE)[:, :-1]
            for name in told}


@torch.no_grad()
def hidden(model, x):
    """The hidden state after each character but the last: (N, I, H)."""
    return model.recurrent(model.embed(x[:, :-1]))[0].double()


def correlations(h, label):  # (N, T, H), (N, T)
    h, label = h.flatten(0, 1), label.flatten().double()
    h, label = h - h.mean(0), label - label.mean()
    return (label @ h) / (h.norm(dim=0) * label.norm()).clamp(min=1e-9)


def units(model, early, late, told):
    """Per label: the unit found on early text, and its r there and later."""
    found, h, later = {}, hidden(model, early), hidden(model, late)
    for name in told["validation"]:
        r = correlations(h, told["validation"][name])
        unit = r.abs().argmax().item()
        again = correlations(later, told["test"][name])[unit].item()
        found[name] = {"unit": unit, "r": r[unit].item(), "later": again}
    return found


def area(score, true):
    """Chance that a true case scores above a false one (ties: half)."""
    gaps = score[true][:, None] - score[~true]
    return ((gaps > 0).double() + (gaps == 0).double() / 2).mean().item()


def probes(model, early, late, told):
    """How well a linear reading of the whole state tells, on later text."""
    def cases(x, part, name):
        depth = told[part]["depth"]
        keep = depth >= (name == "nested")  # within some bracket, or all
        true = {"quotes": told[part]["quotes"] > 0, "nested": depth > 1}[name]
        h = hidden(model, x)[keep]
        return torch.cat((h, torch.ones_like(h[:, :1])), 1), true[keep]

    areas = {}
    for name in ("quotes", "nested"):
        h, true = cases(early, "validation", name)
        A = h.T @ h + RIDGE * torch.eye(h.shape[1])
        w = torch.linalg.solve(A, h.T @ (2 * true.double() - 1))
        h, true = cases(late, "test", name)
        step = max(1, len(h) // 5000)
        areas[name] = area((h @ w)[::step], true[::step])
    return areas


@torch.no_grad()
def clamped(cell, model, x, fixed, value):
    """Bits of each next character and of a quote, some units' h held.

    x: (R, T), fixed: (R, H) true where h is held, value: (H,).
    """
    weights = list(model.recurrent.parameters())
    h = c = torch.zeros(fixed.shape)  # (R, H)
    costs, quotes = [], []
    for now, then in zip(x.T[:-1], x.T[1:], strict=True):
        state = (h, c) if cell == "lstm" else h
        h = STEPS[cell](model.embed(now), state, *weights)
        h, c = h if cell == "lstm" else (h, c)
        h = torch.where(fixed, value, h)
        guess = model.score(h).log_softmax(-1) / -math.log(2)  # (R, V)
        costs.append(guess.gather(1, then[:, None])[:, 0])
        quotes.append(guess[:, place['"']])
    return torch.stack(costs, 1), torch.stack(quotes, 1)  # (R, T - 1)


def ablation(cell, model, x, told, unit, mean):
    """Intact, without the unit, without others: bits, P(closing quote)."""
    H = WIDTHS[cell]
    order = torch.randperm(H, generator=torch.Generator().manual_seed(0))
    tried = [[], [unit], *order[order != unit][:OTHERS, None].tolist()]
    inside = told["test"]["quotes"][::2] > 0  # (N, PIECE - 1)
    close = inside & (x[:, 1:] == place['"'])
    out = {"bits": [], "closing": [], "too_soon": []}
    for k in tried:
        fixed = torch.zeros(len(x), H, dtype=torch.bool)
        fixed[:, k] = True
        costs, quotes = clamped(cell, model, x, fixed, mean)
        p = 2.0 ** -quotes
        out["bits"].append(costs.mean().item())
        out["closing"].append(p[close].mean().item())
        out["too_soon"].append(p[inside & ~close].mean().item())
    return {"closings": int(close.sum()), **out}


# %% study tags=["hidden"]
UPDATES = {"rnn": 2600, "lstm": 3500, "gru": 1500}  # about equal time
RATE = {"rnn": 0.005, "lstm": 0.02, "gru": 0.005}  # see rates_long.py
MARKS = (12, 25, 50, 100, 200, 400, 800, 1500)
MOMENTS, HEAT = (100, 400, 1500), (0.3, 0.6, 1.0, 1.5)


@torch.no_grad()
def write(model, start, heat, length=200):
    """A text that goes on from the start; the heat divides the scores."""
    chance, written = torch.Generator().manual_seed(27), start
    x, state = encode(start)[None], None
    for _ in range(length):
        scores, state = model(x, state)
        p = (scores[:, -1] / heat).softmax(-1)
        x = torch.multinomial(p, 1, generator=chance)  # (1, 1)
        written += alphabet[x.item()]
    return written


def export(model):
    """Weights as int8, a scale for each row; and the model they give."""
    weights, rounded = {}, copy.deepcopy(model)
    for name, p in rounded.named_parameters():
        w = p.detach().view(-1, p.shape[-1])  # a bias is one row
        scale = w.abs().amax(1, keepdim=True) / 127
        q = (w / scale.clamp(min=1e-12)).round().to(torch.int8)
        p.data = (q * scale).view_as(p)
        weights[name] = {"shape": list(p.shape), **{
            key: base64.b64encode(value.numpy().tobytes()).decode()
            for key, value in (("int8", q), ("scale", scale))}}
    return weights, rounded


def speed(rounds=12, updates=15):
    """Milliseconds per update: the cells take turns, the shortest counts."""
    best = dict.fromkeys(UPDATES, math.inf)
    for cell in list(UPDATES) * rounds:
        turn = training(Guesser(cell), streams, 0.01, (2, updates + 2))
        begun = (next(turn), time.process_time())[1]
        spent = (next(turn), time.process_time() - begun)[1]
        best[cell] = min(best[cell], spent / updates * 1000)
    return best


def reading(cell, seed, model, early, late):
    """What the model's units and its whole state tell."""
    told = {part: labels(parts[part]) for part in ("validation", "test")}
    torch.manual_seed(seed)
    result = {"units": units(model, early, late, told)}
    both = {"untrained": Guesser(cell), "trained": model}
    result["probes"] = {key: probes(both[key], early, late, told)
                        for key in both}
    mean = hidden(model, early).mean((0, 1)).float()
    unit = result["units"]["quotes"]["unit"]
    result["ablation"] = ablation(cell, model, late[::2], told, unit, mean)
    return result


def run(cell, seed=0):
    if cell == "speed":
        return speed()
    torch.manual_seed(seed)
    early, late = pieces(parts["validation"]), pieces(parts["test"])
    result = {"curve": {}, "samples": {}}
    marks = sorted({*MARKS, UPDATES[cell]})
    for update, model in training(Guesser(cell), streams, RATE[cell], marks):
        result["curve"][update] = bits(model, early).mean().item()
        if update == MARKS[-1]:
            result["equal"] = bits(model, late).mean().item()
        if seed == 0 and update in MOMENTS:
            result["samples"][update] = write(model, "The ", 1.0)
    result["test"] = bits(model, late).tolist()
    result |= reading(cell, seed, model, early, late)
    if seed == 0:
        weights, rounded = export(model)
        result |= {"weights": weights, "alphabet": alphabet,
                   "rounded": bits(rounded, late).tolist(),
                   "fingerprint": fingerprint, "sizes": sizes,
                   "heat": {str(t): write(rounded, "The ", t) for t in HEAT}}
    return result


plan = {f"{cell} {seed}": {"cell": cell, "seed": seed}
        for seed in range(5) for cell in UPDATES}
plan["speed"] = {"cell": "speed"}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}
