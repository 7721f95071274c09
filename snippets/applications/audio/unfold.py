"""A GRU that may be asked at any moment, while a word unfolds."""
# time limit: 300 s

# %% voices tags=["hidden"]
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


# %% speak tags=["hidden"]
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


# %% resample tags=["hidden"]
def resample(clip):
    """Bytes at MADE -> 16 bits at RATE: what is too high is left out."""
    wave = torch.frombuffer(bytearray(clip), dtype=torch.int16).double()
    n = round(len(wave) * RATE / MADE)
    low = torch.fft.rfft(wave)[:n // 2 + 1] * n / len(wave)
    wave = torch.fft.irfft(low, n).round()
    return wave.clamp(-2**15, 2**15 - 1).short()  # (n)


clips = [resample(clip) for clip in speak(voices)]
digits = torch.arange(10).repeat(len(voices))

# %% features tags=["hidden"]
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


# %% listen tags=["hidden"]
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


# %% train tags=["hidden"]
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


# %% early tags=["hidden"]
class Early(Listener):
    """While it trains, each clip ends at a moment drawn at random."""

    def forward(self, x, lengths):
        if self.training:
            lengths = 1 + (lengths * torch.rand(len(lengths))).long()
        return super().forward(x, lengths)


# %% states tags=["hidden"]
def states(net, clip):
    """The ten probabilities after each frame, read from each state: (T, 10).

    One pass over the clip: the state after a frame is all that is kept.
    """
    output = net.layer(x[clip:clip + 1, :lengths[clip]])[0]  # (1, T, H)
    return net.out(output[0]).softmax(dim=1)  # (T, 10)


# %% ask tags=["hidden"]
EPOCHS, SEEDS, SHOWN, WIDTH = 20, range(5), "linda", 52
RATE_OF_LEARNING = 0.01
seeds, nets = len(SEEDS), []
for _seed in SEEDS:
    torch.manual_seed(_seed)
    nets.append(Early(nn.GRU(BANDS, WIDTH, batch_first=True)))
    train(nets[-1], rate=RATE_OF_LEARNING, epochs=EPOCHS)
    nets[-1].eval().requires_grad_(False)
test, first = rows["test"], 10 * [v[0] for v in voices].index(SHOWN)
shares = {k: [(net(x[test], (lengths[test] * k + 9) // 10).argmax(dim=1)
               == digits[test]).double().mean().item() for net in nets]
          for k in range(1, 11)}  # right when k tenths are heard
tenths = {str(k): sum(of) / seeds for k, of in shares.items()}
low, high = ({str(k): pick(of) for k, of in shares.items()}
             for pick in (min, max))

# %% sound tags=["hidden"]
import wave

_zero = {name: 10 * k for k, (name, *_) in enumerate(voices)}
_play = {f"{name}_seven": clips[_zero[name] + 7]
         for name in (SHOWN, "m8", "whisper")}
_play |= {"six": clips[first + 6], "backwards": clips[first + 7].flip(0)}
for _name, _clip in _play.items():
    with wave.open(f"{_name}.wav", "wb") as _file:
        _file.setparams((1, 2, RATE, 0, "NONE", ""))
        _file.writeframes(_clip.numpy().astype("<i2").tobytes())

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

HIDDEN, WRITE, GRU, MUTED = "#2072d5", "#b53958", "#0a7f6f", "#5c6370"
_fig, _axes = plt.subplots(4, 1, figsize=(4.8, 6.2), layout="constrained",
                           sharex=True, height_ratios=(2, 3, 2, 3))
sure, latest = {}, {}  # ms after which the word is first for good
for _top, _ax, _word in zip(_axes[::2], _axes[1::2], ("six", "seven"),
                            strict=True):
    _digit = WORDS.index(_word)
    _p = torch.stack([states(net, first + _digit) for net in nets])
    _ms = (FRAME + HOP * torch.arange(_p.shape[1])) * 1000 // RATE  # heard
    _top.contourf(_ms, range(1, BANDS + 1), heard[first + _digit].T,
                  (-9, -7, -5, -3, -1, 9), colors=[
                      (HIDDEN, a) for a in (0.05, 0.2, 0.4, 0.65, 0.95)])
    _top.set(title=f"“{_word}”", ylabel="band", yticks=(1, 24))
    _wrong = (_p.argmax(dim=2) != _digit).int()  # (seeds, T)
    _since = _wrong.flip(1).cumsum(1).eq(0).sum(1)  # right frames at the end
    assert _since.min() > 0  # all seeds end right
    sure[_word] = {str(s): _ms[-k].item() for s, k in enumerate(_since)}
    latest[_word] = max(sure[_word].values())
    _mid = _p.median(dim=0).values  # (T, 10)
    for _d in (_mid.amax(0) > 0.3).nonzero()[:, 0].tolist():
        _colour = GRU if _d == _digit else WRITE
        _ax.fill_between(_ms, _p[:, :, _d].amin(0), _p[:, :, _d].amax(0),
                         color=_colour, alpha=0.15, linewidth=0)
        _ax.plot(_ms, _mid[:, _d], color=_colour)
        _ax.text(_ms[-1], _mid[-1, _d] + 0.05, WORDS[_d], color=_colour,
                 ha="right")
    _ax.set(ylabel="probability", ylim=(0, 1.2), yticks=(0, 1))
_ax.set(xlabel="ms heard so far")
plt.show()
