"""RNN, LSTM and GRU side by side: what each adds, and its parameters."""

# %% wiring tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patches
from matplotlib.path import Path
from torch import nn

INK, PANEL, PAPER = "#1f2328", "#eef1f4", "#ffffff"
INPUT, HIDDEN, CELL = "#6a7680", "#2072d5", "#115123"
KEEP, WRITE, READ, CANDIDATE = "#996c14", "#b53958", "#115f7f", "#5216c0"
COLOURS = {"RNN": "#c2410c", "LSTM": "#1e1b6b", "GRU": "#0a7f6f"}

# name: operation, place in points, colour; a learned map: half its size
# and wires: from, to, and the corners between
RNN = {
    "x": ("", 114, 9, INPUT), "h": ("", 9, 138, HIDDEN),
    "map": ("tanh", 114, 138, HIDDEN, 22, 15),
    "h′": ("", 219, 138, HIDDEN),
}, [("x", "map"), ("h", "map"), ("map", "h′")]  # fmt: skip
LSTM = {
    "x": ("", 49, 9, INPUT), "h": ("", 9, 50, HIDDEN),
    "c": ("", 9, 230, CELL), "f": ("σ", 43, 86, KEEP, 14, 14),
    "i": ("σ", 79, 86, WRITE, 14, 14), "o": ("σ", 158, 86, READ, 14, 14),
    "g": ("tanh", 119, 86, CANDIDATE, 19, 14), "kept": ("×", 43, 230, CELL),
    "new": ("×", 79, 158, CANDIDATE), "sum": ("+", 79, 230, CELL),
    "squashed": ("tanh", 188, 185, CELL), "shown": ("×", 188, 136, HIDDEN),
    "h′": ("", 219, 50, HIDDEN), "c′": ("", 219, 230, CELL),
}, [
    ("x", "f", (49, 32)), ("x", "i", (49, 32), (85, 32)),
    ("x", "g", (49, 32), (125, 32)), ("x", "o", (49, 32), (164, 32)),
    ("h", "f", (37, 50)), ("h", "i", (73, 50)), ("h", "g", (113, 50)),
    ("h", "o", (152, 50)), ("c", "kept"), ("f", "kept"), ("kept", "sum"),
    ("i", "new"), ("g", "new", (119, 158)), ("new", "sum"), ("sum", "c′"),
    ("sum", "squashed", (188, 230)), ("squashed", "shown"),
    ("o", "shown", (158, 136)), ("shown", "h′", (188, 50)),
]  # fmt: skip
GRU = {
    "x": ("", 57, 9, INPUT), "h": ("", 9, 230, HIDDEN),
    "z": ("σ", 51, 86, KEEP, 14, 14), "r": ("σ", 88, 86, READ, 14, 14),
    "hn": ("W h", 130, 86, HIDDEN, 18, 14), "1 − z": ("1−", 100, 197, WRITE),
    "in": ("W x", 180, 86, INPUT, 18, 14), "both": ("+", 180, 122, CANDIDATE),
    "looked at": ("×", 130, 122, CANDIDATE), "kept": ("×", 51, 230, HIDDEN),
    "n": ("tanh", 180, 159, CANDIDATE), "new": ("×", 180, 197, CANDIDATE),
    "sum": ("+", 180, 230, HIDDEN), "h′": ("", 219, 230, HIDDEN),
}, [
    ("x", "z", (57, 32)), ("x", "r", (57, 32), (94, 32)),
    ("x", "in", (57, 32), (180, 32)), ("h", "kept"),
    ("h", "z", (28, 230), (28, 50), (45, 50)), ("z", "kept"),
    ("h", "r", (28, 230), (28, 50), (82, 50)), ("z", "1 − z", (51, 197)),
    ("h", "hn", (28, 230), (28, 50), (130, 50)),
    ("r", "looked at", (88, 122)), ("hn", "looked at"), ("looked at", "both"),
    ("in", "both"), ("both", "n"), ("n", "new"),
    ("1 − z", "new"), ("kept", "sum"), ("new", "sum"), ("sum", "h′"),
]  # fmt: skip
CELLS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
STATES = {"c", "kept", "sum", "h", "shown", "map"}  # run on thick wires
ADDS = {
    "RNN": ("One map of", "x and h", "rewrites h", "at every step."),
    "LSTM": ("Adds a cell", "state c: f keeps,", "i writes,", "o reads it."),
    "GRU": ("No c: z keeps", "or rewrites h,", "r resets what", "n sees."),
}

# %% parameters tags=["hidden"]
sizes = {"input_size": 10, "hidden_size": 20}
parameters = {
    "rnn": sum(p.numel() for p in nn.RNN(**sizes).parameters()),
    "lstm": sum(p.numel() for p in nn.LSTM(**sizes).parameters()),
    "gru": sum(p.numel() for p in nn.GRU(**sizes).parameters()),
}
ratio = {name: n / parameters["rnn"] for name, n in parameters.items()}


# %% helpers tags=["hidden"]
def size(node):
    """Half the width and half the height of a node."""
    operation, _, _, _, *box = node
    return box[:2] or ((17, 17) if operation == "tanh" else (11, 11))


def edge(node, toward):
    """Where a node's outline meets a wire from or to that point."""
    away, half = np.subtract(toward, node[1:3]), np.array(size(node))
    beyond = np.abs(away) >= half
    return node[1:3] + np.where(beyond, half * np.sign(away), away)


def route(nodes, source, target, *corners):
    """The points of a wire, from its source's edge to its target's."""
    a, b = nodes[source], nodes[target]
    start = edge(a, [*corners, b[1:3]][0])
    end = edge(b, [a[1:3], *corners][-1])
    return [start, *map(np.array, corners), end]


def rounded(points, radius=8):
    """The path along a wire, round at its corners."""
    path = [points[0]]
    for k in range(1, len(points) - 1):
        before, at, after = points[k - 1 : k + 2]
        into, out = radius * np.sign([before - at, after - at])
        path += [at + into, at, at + out]
    corners = [Path.LINETO, Path.CURVE3, Path.CURVE3] * (len(points) - 2)
    return Path([*path, points[-1]], [Path.MOVETO, *corners, Path.LINETO])


def wire(ax, panel, paths, colour, width):
    """The wires of one source; what they cross passes under, in a gap."""
    for path in paths:
        gap = patches.PathPatch(path, fc="none", ec=PANEL, lw=8)
        ax.add_patch(gap).set_clip_path(panel)
    for path in paths:
        ax.add_patch(patches.FancyArrowPatch(
            path=path, arrowstyle="-|>", mutation_scale=9, color=colour,
            lw=width, joinstyle="miter", capstyle="butt",
        ))  # fmt: skip


def circle(ax, x, y, operation):
    """An operation on each component."""
    radius = 17 if operation == "tanh" else 11
    disc = patches.Circle((x, y), radius, fc=PAPER, ec=INK, zorder=3)
    ax.add_patch(disc)
    ax.text(x, y - 4, operation, ha="center", zorder=4)


def box(ax, x, y, operation, colour, w, h, word=""):
    """A learned map of what comes in, and the function it ends with."""
    ax.add_patch(patches.FancyBboxPatch(
        (x - w + 6, y - h + 6), 2 * w - 12, 2 * h - 12, fc=PAPER,
        ec=colour, lw=1.7, boxstyle="round,pad=6", zorder=3,
    ))  # fmt: skip
    ax.text(x, y + (4 if word else -4), operation, ha="center", zorder=4)
    ax.text(x, y - 13, word, ha="center", zorder=4)


def draw(ax, nodes, wires, letters, corner, width, height):
    """A whole cell on its panel."""
    panel = ax.add_patch(patches.FancyBboxPatch(
        corner, width, height, boxstyle="round,pad=12", fc=PANEL, ec="none",
    ))  # fmt: skip
    for source in dict.fromkeys(source for source, *_ in wires):
        paths = [rounded(route(nodes, *w)) for w in wires if w[0] == source]
        thick = 3 if source in STATES else 1.7
        wire(ax, panel, paths, nodes[source][3], thick)
    for operation, x, y, colour, *learned in nodes.values():
        if learned:
            box(ax, x, y, operation, colour, *learned)
        elif operation:
            circle(ax, x, y, operation)
    for name, place in letters.items():
        look = {"color": nodes[name][3], "size": 15, "weight": "bold"}
        ax.text(*place, name, ha="center", va="center", **look)


# %% figure tags=["hidden"]
def panel(fig, name, left, bottom):
    """One cell on axes in points, under a bar as long as its parameters."""
    width, height = 72 * fig.get_size_inches()
    place = [left / width, bottom / height, 230 / width, 270 / height]
    ax = fig.add_axes(place, xlim=(0, 230), ylim=(0, 270))
    ax.axis("off")
    nodes, wires = CELLS[name]
    letters = {
        key: (x, y) if not operation else (x - 9, y + 22)
        for key, (operation, x, y, *_) in nodes.items()
        if not operation or key in "figozrn"
    }
    draw(ax, nodes, wires, letters, (32, 34), 164, 208)
    length = 40 * ratio[name.lower()]
    ax.barh(264, length, left=20, height=6, color=COLOURS[name])
    ax.text(length + 25, 260, f"{ratio[name.lower()]:.0f} ×")
    return ax, f"{parameters[name.lower()]:,}"


wide = plt.figure(figsize=(9.6, 4.8))
for k, (name, adds) in enumerate(ADDS.items()):
    ax, count = panel(wide, name, 230.4 * k, 40)
    ax.text(20, 280, name, color=COLOURS[name], size=17, weight="bold")
    ax.text(208, 280, f"{count} parameters", ha="right")
    ax.text(20, -6, "{} {}\n{} {}".format(*adds), va="top")
narrow = plt.figure(figsize=(4.8, 11.55))
for k, (name, adds) in enumerate(ADDS.items()):
    ax, count = panel(narrow, name, 0, 556 - 278 * k)
    ax.text(236, 234, name, color=COLOURS[name], size=17, weight="bold")
    for row, line in enumerate([count, "parameters", "", *adds]):
        ax.text(236, 211 - 15.5 * row, line)
plt.show()
