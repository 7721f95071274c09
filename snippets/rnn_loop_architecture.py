"""One RNN cell as a loop, and the same loop unrolled in time."""

# %% cell tags=["hidden"]
import matplotlib.pyplot as plt
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

INK, PANEL, PAPER = "#1f2328", "#eef1f4", "#ffffff"
INPUT, HIDDEN = "#6a7680", "#2072d5"
PITCH = 140  # from one step to the next, in points
W_HH, ADD, TANH, RIGHT = 24, 59, 92, 115  # along the state line, in a cell
W_IH, X = -50, -104  # heights below the state line


def letter(ax, x, y, name, sub, colour, size=15):
    """A quantity's letter and its index, together centred on x, y."""
    shift = {"t−1": -8, "hh": 0, "ih": 2}.get(sub, 2)
    style = {"color": colour, "weight": "bold", "zorder": 4}
    ax.text(x + shift, y, name, size=size, ha="right", va="center", **style)
    ax.text(x + shift, y - 4, sub, size=10.5, va="center", **style)


def toward(at, point, radius=9):
    """A little way from a corner to the next or last point."""
    (x, y), (u, v) = at, point
    far = abs(u - x) + abs(v - y)  # corners are square
    return x + radius * (u - x) / far, y + radius * (v - y) / far


def wire(ax, points, colour, width, head="-|>"):
    """A line along the points with an arrow's head, round at its corners."""
    path, codes = [points[0]], [Path.MOVETO]
    for k, at in enumerate(points[1:-1]):
        path += [toward(at, points[k]), at, toward(at, points[k + 2])]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    ax.add_patch(FancyArrowPatch(
        path=Path([*path, points[-1]], [*codes, Path.LINETO]), lw=width,
        arrowstyle=head, mutation_scale=10, color=colour, capstyle="butt",
        joinstyle="miter",
    ))  # fmt: skip


def shared(ax, right, y, colour, drop=0):
    """A dotted tie between the copies of a weight, a step apart."""
    left = right - PITCH
    ax.plot([left, left, right, right], [y - drop, y, y, y - drop], ":",
            color=colour, lw=1.7, zorder=1)
    ax.text((left + right) / 2, y + 9, "shared", ha="center", va="center")


def learned(ax, x, y, sub, colour):
    """A learned map: multiply by a weight matrix."""
    ax.add_patch(FancyBboxPatch(
        (x - 14, y - 8), 28, 16, boxstyle="round,pad=5", fc=PAPER,
        ec=colour, lw=1.7, zorder=3,
    ))  # fmt: skip
    letter(ax, x, y + 1, "W", sub, colour, size=13)


def operation(ax, x, y, text, radius):
    ax.add_patch(Circle((x, y), radius, fc=PAPER, ec=INK, zorder=3))
    ax.text(x, y, text, ha="center", va="center", zorder=4)


def cell(ax, x, y, step):
    """One use of the cell, with its input; the state line is at y."""
    ax.add_patch(FancyBboxPatch(
        (x + 8, y - 70), RIGHT - 16, 88, boxstyle="round,pad=8", fc=PANEL,
        ec="none", zorder=0,
    ))  # fmt: skip
    learned(ax, x + W_HH, y, "hh", HIDDEN)
    operation(ax, x + ADD, y, "+", 9)
    operation(ax, x + TANH, y, "tanh", 17)
    learned(ax, x + ADD, y + W_IH, "ih", INPUT)
    letter(ax, x + ADD, y + X, "x", step, INPUT)
    wire(ax, [(x + ADD, y + X + 10), (x + ADD, y + W_IH - 13)], INPUT, 1.7)
    wire(ax, [(x + ADD, y + W_IH + 13), (x + ADD, y - 9)], INPUT, 1.7)
    wire(ax, [(x + W_HH, y), (x + TANH, y)], HIDDEN, 3, "-")


# %% figure tags=["hidden"]
def folded(ax, x, y, margin):
    ax.text(margin, y + 76, "Folded: one cell, one loop", weight="bold")
    cell(ax, x, y, "t")
    wire(ax, [(x + TANH, y), (x + 166, y)], HIDDEN, 3)
    wire(ax, [(x + 141, y), (x + 141, y + 52), (x - 30, y + 52), (x - 30, y),
              (x + W_HH - 19, y)], HIDDEN, 3)
    letter(ax, x + 127, y + 15, "h", "t", HIDDEN)
    letter(ax, x - 14, y - 17, "h", "t−1", HIDDEN)
    ax.text(x + 58, y + 37, "next step", ha="center", va="center")


def unrolled(ax, x, y, steps):
    ax.text(x - 26, y + 76, "Unrolled: the same weights at every step",
            weight="bold")
    for step in range(steps):
        cell(ax, x + PITCH * step, y, str(step + 1))
    for step in range(1, steps):
        shared(ax, x + PITCH * step + W_HH, y + 36, HIDDEN, drop=23)
        shared(ax, x + PITCH * step + ADD, y + W_IH, INPUT)
    for step in range(steps + 1):
        left = x + PITCH * step
        start = left - 25 if step == 0 else left - PITCH + TANH
        wire(ax, [(start, y), (left + W_HH - 19, y)], HIDDEN, 3)
        letter(ax, left - 14, y + 15, "h", str(step), HIDDEN)
    ax.text(left + 8, y - 2, "…", color=HIDDEN, size=15, weight="bold")


def drawing(width, height):
    fig = plt.figure(figsize=(width / 72, height / 72))
    ax = fig.add_axes([0, 0, 1, 1], xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return ax


ax = drawing(691.2, 213)
folded(ax, 36, 118, margin=5)
unrolled(ax, 243, 118, 3)
ax = drawing(345.6, 424)
folded(ax, 104, 329, margin=6)
unrolled(ax, 32, 118, 2)
plt.show()
