"""Three sequence tasks, one shape: inputs, states carried on, an output."""

# %% parts tags=["hidden"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, MUTED = "#1f2328", "#5c6370"
PANEL, PAPER = "#eef1f4", "#ffffff"
INPUT, HIDDEN = "#6a7680", "#2072d5"
INPUTS, STATES, OUTPUT, TITLE = 26, 86, 146, 178  # heights, in points


def arrow(ax, start, end, colour, width):
    ax.add_patch(FancyArrowPatch(
        start, end, arrowstyle="-|>", mutation_scale=10, lw=width,
        color=colour, shrinkA=0, shrinkB=0, joinstyle="miter",
        capstyle="butt",
    ))  # fmt: skip


def box(ax, x, y, half, text, face, edge):
    ax.add_patch(FancyBboxPatch(
        (x - half + 6, y - 9), 2 * half - 12, 18, fc=face, ec=edge, lw=1.2,
        boxstyle="round,pad=6", zorder=3,
    ))  # fmt: skip
    ax.text(x, y, text, ha="center", va="center", zorder=4)


def letter(ax, x, y, step):
    style = {"color": HIDDEN, "weight": "bold", "va": "center"}
    ax.text(x + 2, y, "h", size=15, ha="right", **style)
    ax.text(x + 2, y - 4, step, size=10.5, **style)


# %% inputs tags=["hidden"]
def words(ax, x, y):
    for place, word in zip(x, ("once", "upon", "a"), strict=True):
        ax.text(place, y, word, ha="center", va="center")


def prices(ax, x, y):
    ax.plot(x, y + np.array([1, 12, 6]), "-o", color=INPUT, lw=1.7)
    for place, day in zip(x, ("Mon", "Tue", "Wed"), strict=True):
        ax.text(place, y - 14, day, ha="center", va="center")


def sound(ax, x, y):
    """How loud a short word is, with a dotted line between the steps."""
    pitch = x[1] - x[0]
    t = (np.arange(36) + 0.5) / 36
    loud = 2 + 16 * np.exp(-(((t - 0.27) / 0.13) ** 2))
    loud += 8 * np.exp(-(((t - 0.72) / 0.13) ** 2))
    ax.vlines(x[0] + pitch * (3 * t - 0.5), y - loud, y + loud, color=INPUT,
              lw=2.4, capstyle="round")
    ax.vlines(x[:2] + pitch / 2, y - 20, y + 20, color=MUTED, ls=":", lw=1.2)


TASKS = [
    ("Text → next word", words, "time"),
    ("Stock prices → tomorrow’s price", prices, "Thu: ?"),
    ("Audio → recognised word", sound, "yes"),
]


# %% figure tags=["hidden"]
def task(ax, left, y, pitch, title, inputs, output):
    """One task; its first step stands at left."""
    ax.text(left - 20, y + TITLE, title, weight="bold", va="center")
    x = left + pitch * np.arange(3)
    inputs(ax, x, y + INPUTS)
    for step, place in enumerate(x, 1):
        arrow(ax, (place, y + INPUTS + 21), (place, y + STATES - 15),
              INPUT, 1.7)
        box(ax, place, y + STATES, 20, "cell", PANEL, "none")
        if step < 3:
            arrow(ax, (place + 20, y + STATES),
                  (place + pitch - 20, y + STATES), HIDDEN, 3)
            letter(ax, place + pitch / 2, y + STATES + 14, step)
    arrow(ax, (place, y + STATES + 15), (place, y + OUTPUT - 15), HIDDEN, 3)
    letter(ax, place - 15, y + (STATES + OUTPUT) / 2, 3)
    box(ax, place, y + OUTPUT, 30, output, PAPER, INK)


def rows(ax, y):
    for height, word in zip((INPUTS, STATES, OUTPUT),
                            ("input", "states", "output"), strict=True):
        ax.text(5, y + height, word, color=MUTED, va="center")


def drawing(width, height):
    fig = plt.figure(figsize=(width / 72, height / 72))
    ax = fig.add_axes([0, 0, 1, 1], xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return ax


ax = drawing(691.2, 190)
rows(ax, 0)
for left, each in zip((80, 288, 516), TASKS, strict=True):
    task(ax, left, 0, 70, *each)
ax = drawing(345.6, 594)
for k, each in enumerate(TASKS):
    rows(ax, 404 - 202 * k)
    task(ax, 105, 404 - 202 * k, 92, *each)
plt.show()
