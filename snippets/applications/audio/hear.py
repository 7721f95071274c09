"""What one listener hears, holds and says, frame by frame, as data."""
# time limit: 300 s

# %% listener tags=["hidden"]
import json
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import nn

_own = {}  # the sounds, the frames and the training of unfold.py
_source = Path(__file__).with_name("unfold.py").read_text()
exec(_source.split("\n# %% ask")[0], _own)
SEED, EPOCHS, WIDTH, RATE_OF_LEARNING = 0, 20, 52, 0.01  # its first net
SHOWN = {"seven": ("linda", 7), "six": ("linda", 6), "m8": ("m8", 7),
         "whisper": ("whisper", 7)}  # voice and digit
torch.manual_seed(SEED)
_net = _own["Early"](nn.GRU(_own["BANDS"], WIDTH, batch_first=True))
_own["train"](_net, rate=RATE_OF_LEARNING, epochs=EPOCHS)
_net.eval().requires_grad_(False)

# %% data tags=["hidden"]
START, AT = "seven", 5  # the word, and frames heard: in the hiss


def row(numbers, digits):
    return [round(one, digits) for one in numbers]


_zero = {name: 10 * k for k, (name, *_) in enumerate(_own["voices"])}
_clips = {name: _own["clips"][_zero[voice] + digit]
          for name, (voice, digit) in SHOWN.items()}
_clips["backwards"] = _clips["seven"].flip(0)
_known, _hear = _own["known"], {}
for _name, _clip in _clips.items():
    _mel = _own["log_mel"](_clip)  # (T, BANDS)
    _h = _net.layer((_mel - _known.mean(0)) / _known.std(0))[0]  # (T, WIDTH)
    _p = _net.out(_h).softmax(1)  # (T, 10)
    _hear[_name] = {key: [row(frame, digits) for frame in of.tolist()]
                    for key, of, digits in (("mel", _mel, 1), ("h", _h, 4),
                                            ("p", _p, 6))}
_data = {"words": _own["WORDS"], "clips": _hear,
         "hop": 1000 * _own["HOP"] / _own["RATE"],
         "frame": 1000 * _own["FRAME"] / _own["RATE"]}
Path("hear.json").write_text(json.dumps(_data, separators=(",", ":")))
_p, _mel = (torch.tensor(_hear[START][key]) for key in ("p", "mel"))
_words = _own["WORDS"]
ms = {str(n): round(_data["frame"] + _data["hop"] * (n - 1))
      for n in range(1, len(_p) + 1)}  # heard after n frames
at = {_words[d]: _p[AT - 1, d].item() for d in (6, 7)}
_last = torch.tensor(_hear["backwards"]["p"][-1])
backwards = {"word": _words[_last.argmax()], "p": _last.max().item()}
heard, end = ms[str(AT)], _p[-1, 7].item()

# %% start tags=["hidden"]
HIDDEN, GRU, WRITE, INK = "#2072d5", "#0a7f6f", "#b53958", "#1f2328"
_ms = list(ms.values())
_fig, (_top, _ax) = plt.subplots(2, 1, figsize=(4.8, 3.6), sharex=True,
                                 layout="constrained", height_ratios=(2, 3))
_top.contourf(_ms, range(1, 25), _mel.T, (-9, -7, -5, -3, -1, 9), colors=[
    (HIDDEN, a) for a in (0.05, 0.2, 0.4, 0.65, 0.95)])
_top.set(title="“seven”, by linda", ylabel="band", yticks=(1, 24))
for _d, _colour, _y in ((7, GRU, 1.04), (6, WRITE, 0.08)):
    _ax.plot(_ms, _p[:, _d], color=_colour)
    _ax.text(_ms[-1], _y, _words[_d], color=_colour, ha="right")
for _one in (_top, _ax):
    _one.axvline(heard, color=INK, linewidth=1.5)
_ax.text(heard + 8, 0.62, f"{heard} ms heard", color=INK)
_ax.set(xlabel="ms heard so far", ylabel="probability", ylim=(0, 1.2),
        yticks=(0, 1))
plt.show()
