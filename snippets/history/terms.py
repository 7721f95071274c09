"""The path of the state, and what each paper added to it."""

# %% parts tags=["hidden"]
import matplotlib.pyplot as plt
from matplotlib.patches import Circle, FancyBboxPatch

INK, MUTED, PANEL, PAPER = "#1f2328", "#5c6370", "#eef1f4", "#ffffff"
HIDDEN, CELL, KEEP, WRITE, READ, CANDIDATE = (
    "#2072d5", "#115123", "#996c14", "#b53958", "#115f7f", "#5216c0",
)  # fmt: skip

# a part: its colour, wires (points in a row), signs (x, y, what is in it)
RNN = HIDDEN, [[(4, 84), (134, 84)]], [(64, 84, "σ")]
LINE = CELL, [[(4, 84), (134, 84)], [(64, 73), (64, 60)]], [(64, 84, "+")]
WRITES = WRITE, [[(38, 50), (53, 50)]], [(64, 50, "×"), (28, 50, "i")]
GIVES = CANDIDATE, [[(64, 28), (64, 39)]], [(64, 18, "g")]
READS = READ, [[(108, 84), (108, 61)], [(108, 28), (108, 39)],
               [(119, 50), (134, 50)]], [(108, 50, "×"), (108, 18, "o")]
KEEPS = KEEP, [[(28, 108), (28, 95)]], [(28, 84, "×"), (28, 116, "f")]
PEEPS = READ, [[(10, 84), (10, 116), (18, 116)],
               [(10, 84), (10, 50), (18, 50)],
               [(124, 84), (124, 18), (118, 18)]], []
BLEND = KEEP, [[(4, 84), (134, 84)], [(28, 108), (28, 95)],
               [(28, 73), (28, 50), (53, 50)], [(64, 61), (64, 73)]], [
    (28, 84, "×"), (64, 84, "+"), (28, 116, "z"), (64, 50, "×"),
    (34, 38, "1 − z")]  # fmt: skip
FRESH = CANDIDATE, [[(64, 28), (64, 39)]], [(64, 18, "n")]
RESET = READ, [[(98, 18), (74, 18)]], [(108, 18, "r")]

LSTM = [LINE, WRITES, GIVES, READS]
# year, letter of the state, what was there already, what is new
CELLS = [
    ("1990 Elman", "h", [], [RNN]),
    ("1997 LSTM", "c", [], LSTM),
    ("2000 forget gate", "c", LSTM, [KEEPS]),
    ("2000 peepholes", "c", [*LSTM, KEEPS], [PEEPS]),
    ("2014 GRU", "h", [], [BLEND, FRESH, RESET]),
]


# %% figure tags=["hidden"]
def part(ax, colour, wires, signs, new):
    """One part of a cell, in its colour if new."""
    colour = colour if new else MUTED
    for points in wires:
        x, y = zip(*points, strict=True)
        wide = y[0] == y[-1] == 84 and x[-1] - x[0] > 35
        ax.plot(x, y, color=colour, lw=3.2 if wide else 1.7, zorder=1)
    for x, y, sign in signs:
        if sign in "×+σ":
            box = FancyBboxPatch((x - 15, y - 5), 30, 10, fc=PAPER, ec=colour,
                                 boxstyle="round,pad=6", zorder=2)
            ax.add_patch(box if sign == "σ" else Circle(
                (x, y), 11, fc=PAPER, ec=colour, lw=1.7, zorder=2))
        ax.text(x, y - 1, sign, color=colour, ha="center", va="center",
                zorder=3, weight="bold" if len(sign) == 1 else "normal")


def draw(columns, width, rows):
    fig = plt.figure(figsize=(width, 2.15 * rows))
    for k, (name, state, old, new) in enumerate(CELLS):
        place = (k % columns / columns, 1 - (k // columns + 1) / rows,
                 1 / columns, 1 / rows)
        ax = fig.add_axes(place, xlim=(-8, 146), ylim=(-6, 150))
        ax.axis("off")
        ax.add_patch(FancyBboxPatch((0, 2), 138, 124, fc=PANEL, ec="none",
                                    boxstyle="round,pad=4"))
        ax.text(0, 138, name, color=INK, va="center")
        ax.text(134, 94, state, color=INK, ha="right", va="center")
        for parts, is_new in ((old, False), (new, True)):
            for item in parts:
                part(ax, *item, is_new)
    plt.show()


draw(5, 9.6, 1)
draw(2, 4.8, 3)
