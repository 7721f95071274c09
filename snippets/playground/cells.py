"""One unit of each cell: its drawing's wires, its start, and what it does."""

# %% wiring tags=["hidden"]
import json

import matplotlib.pyplot as plt
import torch

INK, LINE = "#1f2328", "#d0d4da"
COLOURS = {
    "input": "#6a7680", "hidden": "#2072d5", "cell": "#115123",
    "keep": "#996c14", "write": "#b53958", "read": "#115f7f",
    "candidate": "#5216c0",
}  # fmt: skip
WEIGHTS = {  # in the order of the explorable
    "rnn": "W_ih W_hh b",
    "lstm": "W_ii W_if W_ig W_io W_hi W_hf W_hg W_ho b_i b_f b_g b_o",
    "gru": "W_ir W_iz W_in W_hr W_hz W_hn b_r b_z b_in b_hn",
}
PULSE, NOISE, STEPS = 1.0, -0.4, 12
WRITTEN, DISTURBED = 2, 8  # the steps of the two inputs

# nodes: operation, place, role; a learned map: half its size, word.
# wires: from, to, the corners between. y runs down.
LSTM = {
    "nodes": {
        "x": ["", 82, 274, "input"],
        "h": ["", 20, 222, "hidden"],
        "c": ["", 20, 44, "cell"],
        "f": ["σ", 72, 166, "keep", 26, 20, "forget"],
        "i": ["σ", 130, 166, "write", 26, 20, "input"],
        "g": ["tanh", 196, 166, "candidate", 35, 20, "candidate"],
        "o": ["σ", 260, 166, "read", 25, 20, "output"],
        "kept": ["×", 72, 44, "cell"],
        "new": ["×", 162, 104, "candidate"],
        "sum": ["+", 162, 44, "cell"],
        "squashed": ["tanh", 298, 78, "cell"],
        "shown": ["×", 298, 112, "hidden"],
        "h′": ["", 340, 222, "hidden"],
        "c′": ["", 340, 44, "cell"],
    },
    "wires": [
        ["x", "f", [82, 244]],
        *(["x", n, [82, 244], [k, 244]] for n, k in
          (("i", 140), ("g", 206), ("o", 270))),
        *(["h", n, [k, 222]] for n, k in
          (("f", 62), ("i", 120), ("g", 186), ("o", 250))),
        ["c", "kept"], ["f", "kept"],
        ["i", "new", [130, 104]], ["g", "new", [196, 104]],
        ["kept", "sum"], ["new", "sum"],
        ["sum", "squashed", [298, 44]], ["sum", "c′"],
        ["squashed", "shown"], ["o", "shown", [260, 112]],
        ["shown", "h′", [298, 222]],
    ],
    "thick": ["c", "kept", "sum", "h", "shown"],
    "numbers": {
        "x": [82, 274], "h": [20, 222], "c": [20, 44], "f": [72, 133],
        "i": [130, 133], "g": [196, 133], "o": [259, 133],
        "kept": [116, 44], "new": [162, 74], "h′": [340, 222],
        "c′": [340, 44],
    },
    "panel": [42, 14, 276, 242], "height": 288,
    "main": ["b_f", "b_i", "W_if", "W_ii", "W_ig", "b_o"],
    "w": {"b_f": 4, "b_i": -4, "W_ii": 6, "W_ig": 1.5, "b_o": 2},
    "poor": {"W_ig": 1},
}  # fmt: skip
GRU = {
    "nodes": {
        "x": ["", 96, 316, "input"],
        "h": ["", 20, 44, "hidden"],
        "z": ["σ", 86, 210, "keep", 27, 20, "update"],
        "r": ["σ", 148, 210, "read", 27, 20, "reset"],
        "Wh": ["W h + b", 212, 210, "hidden", 31, 20],
        "Wx": ["W x + b", 281, 210, "input", 31, 20],
        "looked at": ["×", 212, 146, "candidate"],
        "both": ["+", 281, 146, "candidate"],
        "n": ["tanh", 281, 112, "candidate"],
        "1 − z": ["1−", 126, 76, "write"],
        "new": ["×", 281, 76, "candidate"],
        "kept": ["×", 86, 44, "hidden"],
        "sum": ["+", 281, 44, "hidden"],
        "h′": ["", 340, 44, "hidden"],
    },
    "wires": [
        ["x", "z", [96, 286]], ["x", "r", [96, 286], [158, 286]],
        ["x", "Wx", [96, 286], [281, 286]],
        *(["h", n, [50, 44], [50, 264], [k, 264]] for n, k in
          (("z", 76), ("r", 138), ("Wh", 212))),
        ["h", "kept"], ["r", "looked at", [148, 146]],
        ["Wh", "looked at"], ["looked at", "both"], ["Wx", "both"],
        ["both", "n"], ["n", "new"], ["z", "1 − z", [86, 76]],
        ["1 − z", "new"], ["z", "kept"], ["kept", "sum"],
        ["new", "sum"], ["sum", "h′"],
    ],
    "thick": ["h", "kept", "sum"],
    "numbers": {
        "x": [96, 316], "h": [20, 44], "z": [86, 130], "r": [148, 176],
        "Wh": [212, 177], "Wx": [281, 177], "n": [230, 112],
        "1 − z": [204, 76], "kept": [184, 44], "h′": [340, 44],
    },
    "panel": [42, 14, 276, 284], "height": 330,
    "main": ["b_z", "W_iz", "W_in", "b_r", "W_ir", "W_hn"],
    "w": {"b_z": 4, "W_iz": -6, "W_in": 1.5, "W_hn": 1},
    "poor": {"W_in": 1},
}  # fmt: skip
RNN = {
    "nodes": {
        "x": ["", 184, 208, "input"],
        "h": ["", 20, 56, "hidden"],
        "Wh": ["W h", 83, 56, "hidden", 26, 20],
        "Wx": ["W x + b", 184, 142, "input", 31, 20],
        "sum": ["+", 184, 56, "hidden"],
        "out": ["tanh", 284, 56, "hidden"],
        "h′": ["", 340, 56, "hidden"],
    },
    "wires": [
        ["x", "Wx"], ["h", "Wh"], ["Wh", "sum"], ["Wx", "sum"],
        ["sum", "out"], ["out", "h′"],
    ],
    "thick": ["h", "Wh", "sum", "out"],
    "numbers": {
        "x": [184, 208], "h": [20, 56], "Wh": [141, 56],
        "Wx": [184, 96], "sum": [229, 56], "h′": [340, 56],
    },
    "panel": [42, 20, 276, 170], "height": 222,
    "main": ["W_hh", "W_ih", "b"],
    "w": {"W_hh": 0.9, "W_ih": 2},
    "poor": {"W_ih": 1, "W_hh": 0.5},
}  # fmt: skip


# %% compute tags=["hidden"]
CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
GATES = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}
ROLES = {
    "x": "input", "f": "keep", "z": "keep", "i": "write", "r": "read",
    "o": "read", "g": "candidate", "n": "candidate", "c": "cell",
    "h": "hidden",
}  # fmt: skip


def follow(kind, x):
    """Gates and states by step, and the last state's derivative by x."""
    w, k = CELLS[kind]["w"], GATES[kind]
    h, c, steps = torch.zeros(1), torch.zeros(1), []
    for now in x:
        a = {g: w.get(f"W_i{g}", 0) * now + w.get(f"W_h{g}", 0) * h
             + w.get(f"b_{g}", 0) for g in k}  # fmt: skip
        s = {g: a[g].tanh() if g in "gnh" else a[g].sigmoid() for g in k}
        if kind == "lstm":
            c = s["c"] = s["f"] * c + s["i"] * s["g"]
            h = s["h"] = s["o"] * c.tanh()
        elif kind == "gru":
            old = s["r"] * w.get("W_hn", 0) * h  # b_hn starts at 0
            s["n"] = (w["W_in"] * now + w.get("b_in", 0) + old).tanh()
            h = s["h"] = (1 - s["z"]) * s["n"] + s["z"] * h
        else:
            h = s["h"] = torch.tanh(w["W_ih"] * now + w["W_hh"] * h)
        steps.append({"x": now} | s)
    (slope,) = torch.autograd.grad(c if kind == "lstm" else h, x)
    return [{g: v.item() for g, v in s.items()} for s in steps], slope


x = torch.zeros(STEPS)
x[WRITTEN - 1], x[DISTURBED - 1] = PULSE, NOISE
told = {kind: follow(kind, x.clone().requires_grad_()) for kind in CELLS}
kept = {kind: made[-1]["h"] for kind, (made, _) in told.items()}
slope = {kind: float(one[WRITTEN - 1]) for kind, (_, one) in told.items()}
start = [round(float(one), 3) for one in x]
for kind, one in CELLS.items():
    names = WEIGHTS[kind].split()
    more = {key: [one[key].get(name, 0) for name in names]
            for key in ("w", "poor")}  # fmt: skip
    given = {"kind": kind, "x": start, "t": STEPS, "s": WRITTEN} | one | more
    with open(f"{kind}.json", "w") as file:
        json.dump(given, file, separators=(",", ":"), ensure_ascii=False)


# %% lstm tags=["hidden"]
def row(ax, name, values, colour):
    """One quantity as a bar for each step."""
    ax.bar(range(1, STEPS + 1), values, 0.6, color=colour)
    ax.axhline(0, color=LINE, lw=1)
    top = max(1, *map(abs, values))
    low = min(0, *values)
    ax.set(xlim=(0.3, 12.7), ylim=(1.1 * min(low, -0.05 * top), 1.1 * top))
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_ylabel(name, rotation=0, color=colour, ha="right", va="center")
    shown = f"{values[-1]:.2f}".replace("-", "−")
    ax.text(12.6, 0.5 * top, shown, color=INK, va="center")


def tracks(kind, names):
    """Every quantity over time, and what reaches the last state."""
    steps, reach = told[kind]
    size = (4.8, 0.5 * len(names) + 0.9)
    axes = plt.subplots(len(names) + 1, figsize=size)[1]
    for ax, name in zip(axes, names, strict=False):
        row(ax, name, [step[name] for step in steps], COLOURS[ROLES[name]])
    state = "c" if kind == "lstm" else "h"
    row(axes[-1], f"∂{state}/∂x", reach.tolist(), COLOURS[ROLES[state]])
    axes[-1].set(xticks=range(1, STEPS + 1), xlabel="step")
    plt.show()


tracks("lstm", "xfigoch")

# %% gru tags=["hidden"]
tracks("gru", "xzrnh")

# %% rnn tags=["hidden"]
tracks("rnn", "xh")
