"""The three cells turned round: each wire back, each factor beside it."""

# %% helpers tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patches
from matplotlib.path import Path

INK, PANEL, PAPER = "#1f2328", "#eef1f4", "#ffffff"
INPUT, HIDDEN, CELL = "#6a7680", "#2072d5", "#115123"
KEEP, WRITE, READ, CANDIDATE = "#996c14", "#b53958", "#115f7f", "#5216c0"


def half(node):
    """Half the width and half the height of a node: text, x, y, colour."""
    text = node[0]
    if "δ" in text:
        return 15, 9
    return (11, 11) if len(text) == 1 else (3.3 * len(text) + 2, 13)


def edge(node, toward):
    """Where a node's outline meets a wire from or to that point."""
    away, size = np.subtract(toward, node[1:3]), np.array(half(node))
    if not node[0]:
        return np.array(node[1:3])
    beyond = np.abs(away) >= size
    return node[1:3] + np.where(beyond, size * np.sign(away), away)


def rounded(points, radius=8):
    """The path along a wire, round at its corners."""
    path = [points[0]]
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        into, out = radius * np.sign([before - at, after - at])
        path += [at + into, at, at + out]
    corners = [Path.LINETO, Path.CURVE3, Path.CURVE3] * (len(points) - 2)
    return Path([*path, points[-1]], [Path.MOVETO, *corners, Path.LINETO])


def wire(ax, nodes, width, source, target, *corners):
    """A wire in the colour of its end; without a width, the gap for it."""
    a, b = nodes[source], nodes[target]
    points = [np.array(corner, float) for corner in corners]
    start = edge(a, [*corners, b[1:3]][0])
    end = edge(b, [a[1:3], *corners][-1])
    path = rounded([start, *points, end])
    if not width:
        ax.add_patch(patches.PathPatch(path, fc="none", ec=PANEL, lw=8))
        return
    ax.add_patch(patches.FancyArrowPatch(
        path=path, arrowstyle="-|>" if b[0] else "-", mutation_scale=9,
        color=b[3], lw=width, joinstyle="miter", capstyle="butt"))  # fmt: skip


def node(ax, text, x, y, colour):
    """A delta, a sum, a slope to multiply by, or a mere fork."""
    look = {"ha": "center", "va": "center", "zorder": 4}
    if "δ" in text:
        ax.text(x, y, text, color=colour, size=14, weight="bold", **look)
    elif text:
        w, h = half((text,))
        ax.add_patch(
            patches.Circle((x, y), 11, fc=PAPER, ec=INK, zorder=3)
            if text == "+" else patches.FancyBboxPatch(
                (x - w + 6, y - h + 6), 2 * w - 12, 2 * h - 12, fc=PAPER,
                ec=colour, lw=1.5, zorder=3, boxstyle="round,pad=6"))
        ax.text(x, y, text, **look)


def draw(nodes, wires, factors, thick, height):
    """A whole cell on its panel, wires first."""
    fig = plt.figure(figsize=(4.8, height / 72))
    ax = fig.add_axes([0, 0, 1, 1], xlim=(0, 345.6), ylim=(0, height))
    ax.axis("off")
    ax.add_patch(patches.FancyBboxPatch(
        (48, 34), 254, height - 68, fc=PANEL, ec="none",
        boxstyle="round,pad=12"))  # fmt: skip
    below = [way for way in wires if way[1][:2] == "δx"]
    bus = [way for way in wires if way[1] in ("δh", "both") and way[2:]]
    for way in below:
        wire(ax, nodes, 1.5, *way)
    for way in bus:
        wire(ax, nodes, 0, *way)
    for way in [way for way in wires if way not in below]:
        wire(ax, nodes, 3.5 if way[:2] in thick else 1.5, *way)
    for one in nodes.values():
        node(ax, *one)
    for text, x, y, colour, ha in factors.values():
        ax.text(x, y, text, color=colour, ha=ha, va="center")


# %% rnn tags=["hidden"]
# what it is: what stands there, where, in which colour
RNN, RNN_WIRES, RNN_FACTORS = {}, [], {}
for _k, _x in enumerate((96, 186, 276)):
    RNN |= {
        f"δy{_k}": ("δy", _x, 166, HIDDEN), f"+{_k}": ("+", _x, 126, HIDDEN),
        f"slope{_k}": ("1 − h²", _x, 84, HIDDEN),
        f"fork{_k}": ("", _x, 52, HIDDEN), f"δx{_k}": ("δx", _x, 10, INPUT),
    }  # fmt: skip
    _left = f"+{_k - 1}" if _k else "δh"
    RNN_WIRES += [
        (f"δy{_k}", f"+{_k}"), (f"+{_k}", f"slope{_k}"),
        (f"slope{_k}", f"fork{_k}"), (f"fork{_k}", f"δx{_k}"),
        (f"fork{_k}", _left, (_x - 45, 52), (_x - 45, 126)),
    ]  # fmt: skip
    RNN_FACTORS |= {
        (f"fork{_k}", _left): ("× Wᵀ", _x - 40, 62, INK, "left"),
        (f"fork{_k}", f"δx{_k}"): ("× Wᵀ", _x + 6, 34, INK, "left"),
        f"δh{_k}": ("δh", _x + 6, 106, HIDDEN, "left"),
        f"δa{_k}": ("δa", _x + 6, 60, HIDDEN, "left"),
        f"t{_k}": (("t − 1", "t", "t + 1")[_k], _x + 16, 165, INK, "left"),
    }
RNN |= {"δh": ("δh", 17, 126, HIDDEN), "later": ("", 344, 126, HIDDEN)}
RNN_WIRES += [("later", "+2")]
draw(RNN, RNN_WIRES, RNN_FACTORS,
     {way[:2] for way in RNN_WIRES if way[2:] or way[0] == "later"}, 178)
plt.show()

# %% lstm tags=["hidden"]
LSTM = {
    "δh": ("δh", 17, 58, HIDDEN), "δc": ("δc", 17, 216, CELL),
    "δx": ("δx", 76, 10, INPUT),
    "δh′": ("δh′", 330, 58, HIDDEN), "δc′": ("δc′", 330, 216, CELL),
    "shown": ("", 292, 135, HIDDEN), "both": ("+", 292, 216, CELL),
    "fork": ("", 163, 216, CELL), "kept": ("", 66, 216, CELL),
    "new": ("", 163, 164, CANDIDATE),
    "f": ("f (1 − f)", 66, 103, KEEP), "i": ("i (1 − i)", 134, 103, WRITE),
    "g": ("1 − g²", 192, 103, CANDIDATE), "o": ("o (1 − o)", 250, 103, READ),
}  # fmt: skip
LSTM_WIRES = [
    *((gate, "δx", (LSTM[gate][1] + 10, 36), (76, 36)) for gate in "ogif"),
    *((gate, "δh", (LSTM[gate][1] - 10, 58)) for gate in "ogif"),
    ("δh′", "shown", (292, 58)), ("shown", "o", (250, 135)),
    ("shown", "both"), ("δc′", "both"), ("both", "fork"), ("fork", "new"),
    ("new", "i", (134, 164)), ("new", "g", (192, 164)), ("fork", "kept"),
    ("kept", "f"), ("kept", "δc"),
]  # fmt: skip
LSTM_FACTORS = {
    ("kept", "δc"): ("× f", 44, 228, KEEP, "center"),
    ("kept", "f"): ("× c", 72, 165, CELL, "left"),
    ("new", "i"): ("× g", 149, 175, CANDIDATE, "center"),
    ("new", "g"): ("× i", 178, 175, WRITE, "center"),
    ("shown", "o"): ("× tanh c′", 286, 146, CELL, "right"),
    ("shown", "both"): ("× o (1 − tanh² c′)", 286, 190, READ, "right"),
    ("f", "δh"): ("× Wᵀ", 102, 68, INK, "center"),
    ("f", "δx"): ("× Wᵀ", 102, 46, INK, "center"),
}
draw(LSTM, LSTM_WIRES, LSTM_FACTORS, {("δc′", "both"), ("both", "fork"),
     ("fork", "kept"), ("kept", "δc")}, 256)  # fmt: skip
plt.show()

# %% gru tags=["hidden"]
GRU = {
    "δh": ("δh", 12, 262, HIDDEN), "δx": ("δx", 106, 10, INPUT),
    "δh′": ("δh′", 328, 262, HIDDEN), "both": ("+", 54, 262, HIDDEN),
    "fork": ("", 270, 262, HIDDEN), "kept": ("", 96, 262, HIDDEN),
    "n": ("1 − n²", 270, 205, CANDIDATE), "v": ("", 270, 150, CANDIDATE),
    "looked at": ("", 220, 150, CANDIDATE),
    "z": ("z (1 − z)", 96, 103, KEEP), "r": ("r (1 − r)", 168, 103, READ),
}  # fmt: skip
GRU_WIRES = [
    ("v", "δx", (270, 36), (106, 36)), ("r", "δx", (178, 36), (106, 36)),
    ("z", "δx", (106, 36)), ("looked at", "both", (220, 58), (54, 58)),
    ("r", "both", (158, 58), (54, 58)), ("z", "both", (86, 58), (54, 58)),
    ("δh′", "fork"), ("fork", "n"), ("n", "v"), ("v", "looked at"),
    ("looked at", "r", (168, 150)), ("fork", "kept"), ("kept", "z"),
    ("kept", "both"), ("both", "δh"),
]  # fmt: skip
GRU_FACTORS = {
    ("kept", "both"): ("× z", 75, 274, KEEP, "center"),
    ("kept", "z"): ("× (h − n)", 102, 190, INK, "left"),
    ("fork", "n"): ("× (1 − z)", 256, 236, WRITE, "right"),
    ("looked at", "both"): ("× r", 226, 110, READ, "left"),
    ("looked at", "r"): ("× u", 194, 161, HIDDEN, "center"),
    ("z", "both"): ("× Wᵀ", 132, 68, INK, "center"),
    ("z", "δx"): ("× Wᵀ", 132, 46, INK, "center"),
}
draw(GRU, GRU_WIRES, GRU_FACTORS, {("δh′", "fork"), ("fork", "kept"),
     ("kept", "both"), ("both", "δh")}, 300)  # fmt: skip
plt.show()
