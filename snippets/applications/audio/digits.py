"""Spoken digits: made, heard as log-mel frames, and told apart by a GRU."""
# time limit: 300 s

# %% voices
import ctypes
import math
import shutil
import tempfile

import espeakng_loader
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

WORDS = ("zero", "one", "two", "three", "four",
         "five", "six", "seven", "eight", "nine")
PARTS = {"train": """Andy Annie AnxiousAndy Demonic Diogo Gene Marco Mike
    Nguyen RicishayMax RicishayMax2 RicishayMax3 Storm Tweaky UniRobot belinda
    announcer croak ed edward f1 f2 f4 f5 grandma ian kaukovalta klatt klatt3
    m2 m3 m4 m5 m6 m7 max michel norbert pablo pedro quincy robosoft robosoft2
    robosoft4 robosoft6 robosoft7 robosoft8 sandro shelby""",
         "validation": """Alex Andrea Lee adam aunty boris f3 iven iven2 iven3
    iven4 m1""",
         "test": """Alicia Denis Hugo Jacky Mario Michael anika anikaRobot
    antonio david gustave john linda m8 marcelo paul rob steph steph3 travis
    victor whisper whisperf zac"""}
ACCENTS = ("en", "en-US", "en-US-nyc", "en-029", "en-GB-scotland",
           "en-GB-x-rp", "en-GB-x-gbclan", "en-GB-x-gbcwmd")
# each with an accent, a pitch (30 to 70 of 99) and words a minute (140 to 200)
voices = [(name, ACCENTS[k % 8], 30 + 17 * k % 41, 140 + 23 * k % 61)
          for k, name in enumerate(" ".join(PARTS.values()).split())]
MADE, RATE = 22050, 8000  # samples a second, as made and as heard


# %% speak
def speak(voices):
    """Every voice says the ten digits -> clips: bytes, 16 bits at MADE."""
    with tempfile.TemporaryDirectory() as folder:  # a copy starts anew
        library = shutil.copy(espeakng_loader.get_library_path(), folder)
        espeak, clips = ctypes.CDLL(library), []
    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int,
                      ctypes.c_void_p)
    def take(samples, count, events):
        clips[-1] += ctypes.string_at(samples, 2 * count) if samples else b""
        return 0  # go on
    data = espeakng_loader.get_data_path().encode()
    assert espeak.espeak_Initialize(2, 0, data, 0x8000) == MADE  # no playing
    codes = [espeak.espeak_ng_SetRandSeed(ctypes.c_long(1))]
    espeak.espeak_SetSynthCallback(take)
    for name, accent, pitch, pace in voices:
        voice = f"gmw/{accent}+{name}".encode()
        codes += [espeak.espeak_SetVoiceByName(voice),
                  espeak.espeak_SetParameter(1, pace, 0),
                  espeak.espeak_SetParameter(3, pitch, 0)]
        for word in WORDS:
            clips.append(b"")
            codes.append(espeak.espeak_Synth(word.encode(), len(word) + 1,
                                             0, 1, 0, 1, None, None))
    assert not any(codes), codes  # each is 0 if all went well
    return clips


# %% resample
def resample(clip):
    """Bytes at MADE -> 16 bits at RATE: what is too high is left out."""
    wave = torch.frombuffer(bytearray(clip), dtype=torch.int16).double()
    n = round(len(wave) * RATE / MADE)
    low = torch.fft.rfft(wave)[:n // 2 + 1] * n / len(wave)
    wave = torch.fft.irfft(low, n).round()
    return wave.clamp(-2**15, 2**15 - 1).short()  # (n)


clips = [resample(clip) for clip in speak(voices)]
digits = torch.arange(10).repeat(len(voices))

# %% features
FRAME, HOP, FFT, BANDS = 200, 80, 256, 24  # 25 ms of sound every 10 ms
# edges of the bands in Hz, evenly spaced in mel = 2595 log10(1 + Hz / 700)
edges = torch.linspace(0, math.log10(1 + RATE / 2 / 700), BANDS + 2)
edges = 700 * (10 ** edges[:, None] - 1)  # (BANDS + 2, 1)
hertz = torch.arange(FFT // 2 + 1) * RATE / FFT
rise = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
fall = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
filters = torch.minimum(rise, fall).clamp(min=0)  # (BANDS, FFT / 2 + 1)


def log_mel(clip):
    """A clip at RATE -> log power in BANDS, frame by frame: (T, BANDS)."""
    frames = (clip / 2**15).unfold(0, FRAME, HOP)  # (T, FRAME)
    spectrum = torch.fft.rfft(frames * torch.hann_window(FRAME), FFT)
    return torch.log(spectrum.abs() ** 2 @ filters.T + 1e-4)


heard = [log_mel(clip) for clip in clips]
lengths = torch.tensor([len(frames) for frames in heard])  # (850)
sizes = [10 * len(part.split()) for part in PARTS.values()]
rows = dict(zip(PARTS, torch.arange(len(clips)).split(sizes), strict=True))
known = torch.cat(heard[:sizes[0]])  # of the voices to train on alone
x = pad_sequence([(frames - known.mean(0)) / known.std(0)
                  for frames in heard], batch_first=True)  # (850, T, BANDS)


# %% listen
class Listener(nn.Module):
    """A recurrent layer reads the frames; its last state names the digit."""

    def __init__(self, layer):
        super().__init__()
        self.layer, D = layer, 1 + layer.bidirectional
        self.out = nn.Linear(D * layer.hidden_size, 10)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, True, False)
        last = self.layer(packed)[1]
        h_n = last[0] if isinstance(last, tuple) else last  # (D, B, H)
        return self.out(torch.cat(h_n.unbind(), dim=1))  # (B, 10)


# %% train
def train(net, rate, epochs):
    optimizer = torch.optim.Adam(net.parameters(), rate, fused=True)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0, epochs)
    for _ in range(epochs):
        for some in torch.randperm(sizes[0]).split(32):
            logits = net(x[some], lengths[some])
            loss = nn.functional.cross_entropy(logits, digits[some])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        slower.step()


# %% short
torch.manual_seed(0)
gru = Listener(nn.GRU(BANDS, 52, batch_first=True))
train(gru, rate=0.005, epochs=10)
right = gru(x, lengths).argmax(dim=1) == digits  # (850)
for part in ("train", "validation"):
    print(f"{part:10} {right[rows[part]].float().mean():.0%}")

# %% rearrange tags=["hidden"]
WIDTH = {"rnn": 96, "lstm": 44, "lstm_1": 44, "gru": 52, "bigru": 34,
         "gru_shuffled": 52, "pool": 71}  # equal parameters within 2 %
EPOCHS, RATES = 20, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
CHOICE, SEEDS = (100, 101), range(5)  # to choose a rate by, and to report
SHOWN = "linda"  # of the voices to test on, picked before any result


def rearrange(x, lengths, how):
    """Each clip's frames in another order; its padding stays where it is."""
    t = torch.arange(x.shape[1]).expand(len(x), -1)  # (B, T)
    inside = t < lengths[:, None]
    if how == "reversed":
        place = torch.where(inside, lengths[:, None] - 1 - t, t)
    else:
        place = torch.where(inside, torch.rand(t.shape), 1 + t).argsort(dim=1)
    return x.gather(1, place[:, :, None].expand_as(x))  # (B, T, BANDS)


# %% shuffled tags=["hidden"]
class Shuffled(Listener):
    """A listener to whom each clip comes with its frames shuffled."""

    def forward(self, x, lengths):
        return super().forward(rearrange(x, lengths, "shuffled"), lengths)


# %% pool tags=["hidden"]
class Pool(nn.Module):
    """Looks at each frame alone, then at the mean of what it saw."""

    def __init__(self, H):
        super().__init__()
        self.look = nn.Sequential(nn.Linear(BANDS, H), nn.ReLU(),
                                  nn.Linear(H, H), nn.ReLU())
        self.out = nn.Sequential(nn.Linear(H, H), nn.ReLU(), nn.Linear(H, 10))

    def forward(self, x, lengths):
        inside = torch.arange(x.shape[1]) < lengths[:, None]  # (B, T)
        seen = self.look(x) * inside[:, :, None]  # (B, T, H)
        return self.out(seen.sum(dim=1) / lengths[:, None])  # (B, 10)


# %% build tags=["hidden"]
def build(kind):
    H = WIDTH[kind]
    if kind == "pool":
        return Pool(H)
    cell = {"r": nn.RNN, "l": nn.LSTM}.get(kind[0], nn.GRU)
    layer = cell(BANDS, H, batch_first=True, bidirectional=kind == "bigru")
    if kind == "lstm_1":  # forget bias 1: rows H to 2H
        nn.init.constant_(layer.bias_ih_l0[H:2 * H], 1.0)
        nn.init.zeros_(layer.bias_hh_l0[H:2 * H])
    return (Shuffled if kind == "gru_shuffled" else Listener)(layer)


# %% trained tags=["hidden"]
def trained(kind, rate, seed):
    torch.manual_seed(seed)
    net = build(kind)
    train(net, rate, EPOCHS)
    return net.requires_grad_(False)


# %% probe tags=["hidden"]
def answers(net, x, lengths):
    """The digits it names, one letter a clip: "0123..."."""
    return "".join(map(str, net(x, lengths).argmax(dim=1).tolist()))


def probe(net, seed, words):
    """Its answers to the test voices' clips: whole, rearranged, cut short."""
    torch.manual_seed(seed)
    r, fit = rows["test"], rows["train"]
    found = {"whole": answers(net, x[r], lengths[r]),
             "train": answers(net, x[fit], lengths[fit])}
    for how in ("reversed", "shuffled"):
        found[how] = answers(net, rearrange(x[r], lengths[r], how), lengths[r])
    found["tenths"] = [answers(net, x[r], (lengths[r] * k + 9) // 10)
                       for k in range(1, 11)]
    for word in words:  # after each frame, the ten probabilities
        clip = 10 * [v[0] for v in voices].index(SHOWN) + WORDS.index(word)
        heard = torch.arange(1, lengths[clip] + 1)
        p = net(x[clip].expand(len(heard), -1, -1), heard).softmax(dim=1)
        found[word] = [[round(q, 3) for q in row] for row in p.tolist()]
    return found


# %% plan tags=["hidden"]
def run(kind):
    """Choose a rate on the validation voices, train anew, then test."""
    r, score = rows["validation"], {}
    for rate in RATES:
        named = [answers(trained(kind, rate, seed), x[r], lengths[r])
                 for seed in CHOICE]
        named = torch.tensor([list(map(int, text)) for text in named])
        right = named == digits[r]  # (2, clips)
        score[str(rate)] = right.double().mean().item()
    rate = float(max(score, key=score.get))
    words = ("six", "seven") if kind == "gru" else ()
    found = [probe(trained(kind, rate, seed), seed, words) for seed in SEEDS]
    return {"rate": rate, "validation": score,
            **{key: [one[key] for one in found] for key in found[0]}}


plan = {kind: {"kind": kind} for kind in WIDTH}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% named tags=["hidden"]
def named(texts):
    return np.array([list(map(int, text)) for text in texts])  # (seeds, clips)


# %% share tags=["hidden"]
def share(answers):
    """Of each seed and voice, the share of its ten digits that is right."""
    return (answers == truth).reshape(len(answers), -1, 10).mean(2)


# %% spread tags=["hidden"]
def spread(shares):
    """Mean, and 95 % of the means when seeds and voices are drawn anew."""
    dice, (S, V) = np.random.default_rng(0), shares.shape
    means = [shares[dice.integers(S, size=S)][:, dice.integers(V, size=V)]
             .mean() for _ in range(2000)]
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    return {"mean": shares.mean().item(), "low": low, "high": high}


# %% unordered tags=["hidden"]
def unordered(clip):
    """How unlike each clip to learn from, by frames in any order: (490)."""
    known, n = x[rows["train"]], lengths[rows["train"]][:, None]
    beyond = torch.arange(x.shape[1]) >= n  # (490, T)
    gap = torch.cdist(x[clip, :lengths[clip]], known)  # (490, t, T)
    there = gap.masked_fill(beyond[:, None], torch.inf).amin(2).mean(1)
    back = gap.amin(1).masked_fill(beyond, 0).sum(1) / n[:, 0]
    return there + back  # from each frame to its nearest, and back


# %% summary tags=["hidden"]
import numpy as np

test, learnt, seeds = rows["test"], rows["train"], len(SEEDS)
truth = digits[test].numpy()
_even = [nn.functional.interpolate(x[k, :n].T[None], 20, mode="linear")
         for k, n in enumerate(lengths)]  # every clip in 20 frames
_like = {"nearest": torch.cat(_even).flatten(1),
         "duration": torch.tensor([[float(len(clip))] for clip in clips])}
_like = {kind: torch.cdist(of[test], of[learnt]).argmin(1)
         for kind, of in _like.items()}
_like["nearest_set"] = torch.stack([unordered(k) for k in test]).argmin(1)
shares = {kind: share(named(one["whole"])) for kind, one in runs.items()}
shares |= {kind: share(digits[of].numpy()[None]) for kind, of in _like.items()}
accuracy = {kind: spread(one) for kind, one in shares.items()}
ahead = {kind: spread(shares["gru"] - one) for kind, one in shares.items()}
other = {how: {kind: spread(share(named(one[how]))) for kind, one
               in runs.items()} for how in ("reversed", "shuffled")}
tenths = {kind: {str(k): share(named([cut[k - 1] for cut in one["tenths"]]))
                 .mean().item() for k in range(1, 11)}
          for kind, one in runs.items()}
fit = {kind: (named(one["train"]) == digits[learnt].numpy()).mean().item()
       for kind, one in runs.items()}
rate = {kind: one["rate"] for kind, one in runs.items()}
VOICES, BOTH = len(voices), len(CHOICE)
OF = {part: len(clip) // 10 for part, clip in rows.items()}  # voices
parameters = {kind: sum(weight.numel() for weight in build(kind).parameters())
              for kind in WIDTH}
lost = max(other["reversed"][kind]["mean"] for kind in WIDTH
           if kind not in ("pool", "gru_shuffled"))
fits = min(fit[kind] for kind in WIDTH if kind != "rnn")
lead = spread(shares["nearest"] - shares["bigru"])
both = spread(shares["bigru"] - shares["gru"])
seen = max(runs["gru"]["validation"].values())
STORED, rates = len(learnt), len(RATES)

# %% sound tags=["hidden"]
import wave

_wrong = named(runs["gru"]["whole"]) != truth  # (seeds, clips)
_worst = _wrong.sum(0).argmax()  # the clip that most seeds miss
missed = {"voice": voices[test[_worst] // 10][0], "said": WORDS[truth[_worst]],
          "heard": {str(s): WORDS[int(text[_worst])] for s, text
                    in enumerate(runs["gru"]["whole"])}}
with wave.open("missed.wav", "wb") as _file:
    _file.setparams((1, 2, RATE, 0, "NONE", ""))
    _file.writeframes(clips[test[_worst]].numpy().astype("<i2").tobytes())

# %% right tags=["hidden"]
import matplotlib.pyplot as plt

MUTED, GRU, LSTM = "#5c6370", "#0a7f6f", "#1e1b6b"
LOOK = {"bigru": (GRU, "D", "GRU, both ways"), "gru": (GRU, "^", "GRU"),
        "lstm": (LSTM, "s", "LSTM"), "lstm_1": (LSTM, "s", "LSTM, bias 1"),
        "gru_shuffled": (GRU, "v", "GRU, shuffled"),
        "rnn": ("#c2410c", "o", "RNN"), "pool": (MUTED, "v", "pool"),
        "nearest": (MUTED, "*", "nearest clip"),
        "nearest_set": (MUTED, "*", "nearest set"),
        "duration": (MUTED, "*", "duration")}
_order = sorted(LOOK, key=lambda kind: accuracy[kind]["mean"])
_fig, _ax = plt.subplots(figsize=(4.8, 3.9), layout="constrained")
for _y, _kind in enumerate(_order):
    (_colour, _marker, _), _of = LOOK[_kind], accuracy[_kind]
    _ax.hlines(_y, _of["low"], _of["high"], _colour, alpha=0.3, linewidth=6)
    _ax.plot(shares[_kind].mean(1), [_y] * len(shares[_kind]), "|",
             color=_colour, markersize=11)
    _ax.plot(_of["mean"], _y, _marker, color=_colour)
_ax.set(yticks=range(10), yticklabels=[LOOK[kind][2] for kind in _order],
        xlabel="right answers, voices never heard", xlim=(0, 1.02))
plt.show()

# %% confused tags=["hidden"]
HIDDEN, WRITE, INK = "#2072d5", "#b53958", "#1f2328"
confused, _share = {}, {}
for _kind in ("gru", "pool"):
    _share[_kind] = _of = np.zeros((10, 10))
    _pair = np.tile(truth, seeds), named(runs[_kind]["whole"]).ravel()
    np.add.at(_of, _pair, 10 / len(_pair[0]))  # shares of what was said
    _a, _b = np.unravel_index((_of - 2 * np.eye(10) * _of).argmax(), (10, 10))
    confused[_kind] = {"said": WORDS[_a], "heard": WORDS[_b],
                       "share": _of[_a, _b].item()}
for _size, _grid in (((9.6, 4.7), (1, 2)), ((4.8, 8.8), (2, 1))):
    _fig, _axes = plt.subplots(*_grid, figsize=_size, layout="constrained")
    for _ax, (_kind, _of) in zip(_axes, _share.items(), strict=True):
        for _d, _row in enumerate(_of):
            _ax.scatter(range(10), [_d] * 10, 380 * _row, marker="s",
                        linewidth=0, color=[HIDDEN if k == _d else WRITE
                                            for k in range(10)])
            for _k in np.flatnonzero((_row >= 0.1) & (np.arange(10) != _d)):
                _ax.text(_k + 0.2, _d - 0.2, f"{_row[_k]:.0%}", color=INK)
        _ax.set(xticks=range(10), yticks=range(10), yticklabels=WORDS,
                xlabel="heard as", ylim=(9.6, -0.6), title=LOOK[_kind][2])
    plt.show()
_voice = shares["gru"].mean(0)  # (voices)
_odd, easy = _voice < 0.5, (_voice > 0.9).sum().item()  # number of voices
odd = {kind: one[:, _odd].mean().item() for kind, one in shares.items()}
rest = {kind: one[:, ~_odd].mean().item() for kind, one in shares.items()}
NAMED = ", ".join(np.array(PARTS["test"].split())[_odd].tolist())
