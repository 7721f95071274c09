"""Every operation of one LSTM step, drawn from the wiring it computes."""

# %% wiring tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patches
from matplotlib.path import Path

INK, PANEL, PAPER = "#1f2328", "#eef1f4", "#ffffff"
INPUT, HIDDEN, CELL = "#6a7680", "#2072d5", "#115123"
KEEP, WRITE, READ, CANDIDATE = "#996c14", "#b53958", "#115f7f", "#5216c0"

# name: operation, place in points, colour; a learned map: half size, word
NODES = {
    "x": ("", 73, 9, INPUT),
    "h": ("", 11, 58, HIDDEN),
    "c": ("", 11, 216, CELL),
    "f": ("σ", 63, 103, KEEP, 26, 20, "forget"),
    "i": ("σ", 121, 103, WRITE, 26, 20, "input"),
    "g": ("tanh", 184, 103, CANDIDATE, 33, 20, "candidate"),
    "o": ("σ", 248, 103, READ, 26, 20, "output"),
    "kept": ("×", 63, 216, CELL),
    "new": ("×", 152, 164, CANDIDATE),
    "sum": ("+", 152, 216, CELL),
    "squashed": ("tanh", 298, 177, CELL),
    "shown": ("×", 298, 135, HIDDEN),
    "h′": ("", 334, 58, HIDDEN),
    "c′": ("", 334, 216, CELL),
}
# from, to, and the corners between
WIRES = [
    ("x", "f", (73, 36)),
    ("x", "i", (73, 36), (131, 36)),
    ("x", "g", (73, 36), (194, 36)),
    ("x", "o", (73, 36), (258, 36)),
    ("h", "f", (53, 58)),
    ("h", "i", (111, 58)),
    ("h", "g", (174, 58)),
    ("h", "o", (238, 58)),
    ("c", "kept"),
    ("f", "kept"),
    ("i", "new", (121, 164)),
    ("g", "new", (184, 164)),
    ("kept", "sum"),
    ("new", "sum"),
    ("sum", "squashed", (298, 216)),
    ("sum", "c′"),
    ("squashed", "shown"),
    ("o", "shown", (248, 135)),
    ("shown", "h′", (298, 58)),
]
# the states run on thick wires; letters say what a wire carries
STATES = {"c", "kept", "sum", "h", "shown"}
LETTERS = {
    "x": (73, 9), "h": (11, 58), "c": (11, 216), "h′": (334, 58),
    "c′": (334, 216), "f": (54, 134), "i": (112, 134), "g": (174, 134),
    "o": (239, 134),
}  # fmt: skip


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
fig = plt.figure(figsize=(4.8, 3.6))
ax = fig.add_axes([0, 0, 1, 1], xlim=(0, 345.6), ylim=(0, 259.2))
ax.axis("off")
draw(ax, NODES, WIRES, LETTERS, (36, 34), 276, 192)
ax.text(36, 249, "c′ = f × c + i × g", va="center")
ax.text(312, 249, "h′ = o × tanh c′", va="center", ha="right")
plt.show()
