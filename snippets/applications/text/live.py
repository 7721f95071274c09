"""The recorded nets for the reader's browser, and what they say at first."""

# %% nets tags=["hidden"]
import base64
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

START = 'A "for" loop ends with its list, a "while'
BEFORE = "\n\n"  # a paragraph begins
STEPS = {"rnn": torch.rnn_tanh_cell, "lstm": torch.lstm_cell,
         "gru": torch.gru_cell}
_here = Path(__file__)
_runs = json.loads(_here.with_name("nets.json").read_text())["runs"]
_first = {cell: _runs[f"{cell} 0"] for cell in STEPS}
_alphabet = _first["rnn"]["alphabet"]
_nets = {}  # the study's text and layers, but with the record's alphabet
exec(_here.with_name("nets.py").read_text().split("\nlength = ")[0], _nets)
_nets |= {"alphabet": _alphabet,
          "place": {character: i for i, character in enumerate(_alphabet)}}


def matrix(part):
    """The weights that an export holds, (rows, columns) or a bias."""
    q = np.frombuffer(base64.b64decode(part["int8"]), np.int8)
    scale = np.frombuffer(base64.b64decode(part["scale"]), np.float32)
    rows = q.reshape(len(scale), -1).astype(np.float32) * scale[:, None]
    return torch.tensor(rows.reshape(part["shape"]))


def loaded(cell):
    model = _nets["Guesser"](cell)
    model.load_state_dict({name: matrix(part) for name, part
                           in _first[cell]["weights"].items()})
    return model.eval()


# %% guess tags=["hidden"]
@torch.no_grad()
def guess(cell, text, unit=None, value=0.0):
    """Chances of the next character, perhaps with a unit held: (V,)."""
    model = _models[cell]
    h = c = torch.zeros(1, model.score.in_features)
    for x in _nets["encode"](text):
        state = (h, c) if cell == "lstm" else h
        h = STEPS[cell](model.embed(x[None]), state,
                        *model.recurrent.parameters())
        h, c = h if cell == "lstm" else (h, c)
        if unit is not None:
            h[:, unit] = value
    return model.score(h)[0].softmax(-1)


_models = {cell: loaded(cell) for cell in STEPS}
_early = _nets["pieces"](_nets["parts"]["validation"])
with torch.no_grad():
    _mean = {cell: _model.recurrent(_model.embed(_early[:, :-1]))[0]
             .mean((0, 1)) for cell, _model in _models.items()}
unit = {cell: _first[cell]["units"]["quotes"]["unit"] for cell in STEPS}
_p = {cell: guess(cell, BEFORE + START) for cell in STEPS}
_quote = _alphabet.index('"')
intact = {cell: _p[cell][_quote].item() for cell in STEPS}
held = {cell: guess(cell, BEFORE + START, unit[cell],
                    _mean[cell][unit[cell]])[_quote].item() for cell in STEPS}

# %% weights tags=["hidden"]
_data = {"alphabet": _alphabet, "start": START, "before": BEFORE, "nets": {
    cell: {"weights": _first[cell]["weights"],
           "mean": [round(one, 5) for one in _mean[cell].tolist()],
           "units": {name: [found["unit"], round(found["later"], 2)]
                     for name, found in _first[cell]["units"].items()}}
    for cell in STEPS}}
Path("nets.json").write_text(json.dumps(_data, separators=(",", ":")))

# %% start tags=["hidden"]
INK, MUTED = "#1f2328", "#5c6370"
COLOURS = {"rnn": "#c2410c", "lstm": "#1e1b6b", "gru": "#0a7f6f"}
NAMES, MANY = {" ": "space", "\n": "newline"}, 6
fig, axes = plt.subplots(1, 3, figsize=(4.8, 2.9), layout="constrained")
for ax, cell in zip(axes, STEPS, strict=True):
    _top = _p[cell].argsort(descending=True)[:MANY].tolist()
    for _row, _i in enumerate(_top):
        _share = _p[cell][_i].item()
        ax.barh(_row, _share, height=0.62, color=COLOURS[cell])
        ax.text(_share + 0.03, _row, f"{_share:.0%}", color=INK, va="center")
    ax.set_yticks(range(MANY), [NAMES.get(_alphabet[_i], _alphabet[_i])
                                for _i in _top])
    ax.set_ylim(MANY - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.set_xticks([])
    ax.spines[["bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_title(cell.upper(), color=COLOURS[cell], weight="bold", loc="left")
fig.suptitle(f"{START} …", color=MUTED, x=0.02, ha="left")
plt.show()
