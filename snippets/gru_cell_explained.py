"""Every operation of one step of PyTorch's GRU, drawn from its wiring."""

# %% wiring tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patches
from matplotlib.path import Path

INK, PANEL, PAPER = "#1f2328", "#eef1f4", "#ffffff"
INPUT, HIDDEN, CANDIDATE = "#6a7680", "#2072d5", "#5216c0"
KEEP, WRITE, READ = "#996c14", "#b53958", "#115f7f"

# name: operation, place in points, colour; a learned map: half size, word
NODES = {
    "x": ("", 80, 9, INPUT),
    "h": ("", 11, 262, HIDDEN),
    "z": ("σ", 71, 103, KEEP, 27, 20, "update"),
    "r": ("σ", 136, 103, READ, 27, 20, "reset"),
    "hn": ("W h + b", 204, 103, HIDDEN, 30, 20),
    "in": ("W x + b", 276, 103, INPUT, 30, 20),
    "looked at": ("×", 204, 150, CANDIDATE),
    "both": ("+", 276, 150, CANDIDATE),
    "n": ("tanh", 276, 189, CANDIDATE),
    "1 − z": ("1−", 136, 228, WRITE),
    "new": ("×", 276, 228, CANDIDATE),
    "kept": ("×", 71, 262, HIDDEN),
    "sum": ("+", 276, 262, HIDDEN),
    "h′": ("", 334, 262, HIDDEN),
}
# from, to, and the corners between
WIRES = [
    ("x", "z", (80, 36)),
    ("x", "r", (80, 36), (145, 36)),
    ("x", "in", (80, 36), (276, 36)),
    ("h", "z", (34, 262), (34, 58), (62, 58)),
    ("h", "r", (34, 262), (34, 58), (127, 58)),
    ("h", "hn", (34, 262), (34, 58), (204, 58)),
    ("h", "kept"),
    ("r", "looked at", (136, 150)),
    ("hn", "looked at"),
    ("looked at", "both"),
    ("in", "both"),
    ("both", "n"),
    ("n", "new"),
    ("z", "1 − z", (71, 228)),
    ("1 − z", "new"),
    ("z", "kept"),
    ("kept", "sum"),
    ("new", "sum"),
    ("sum", "h′"),
]
# the state runs on thick wires; letters say what a wire carries
STATES = {"h", "kept", "sum"}
LETTERS = {
    "x": (80, 9), "h": (11, 262), "h′": (334, 262), "z": (61, 134),
    "r": (127, 134), "n": (266, 211), "1 − z": (206, 238),
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
fig = plt.figure(figsize=(4.8, 4.25))
ax = fig.add_axes([0, 0, 1, 1], xlim=(0, 345.6), ylim=(0, 306))
ax.axis("off")
draw(ax, NODES, WIRES, LETTERS, (36, 34), 276, 240)
ax.text(174, 296, "h′ = (1 − z) × n + z × h", va="center", ha="center")
ax.text(192, 169, "r acts after W h + b", ha="center")
plt.show()
