"""Makes one drawing into files: SVG in light and dark, and PNG; the house style is here."""

import json
import math
import re
from pathlib import Path

PALETTE = json.loads((Path(__file__).parent / "palette.json").read_text())
DARK = dict(PALETTE.values())  # light -> dark
INK, MUTED, LINE = (PALETTE[role][0] for role in ("ink", "muted", "line"))
PNG_WIDTH = 1620  # px; for the README, for sharing and for notebooks

STYLE = {
    "svg.fonttype": "none",  # text stays text: the reader's own font, found by search
    "svg.hashsalt": "day27",  # element ids repeat from build to build
    "font.family": "sans-serif",
    "font.size": 11.5,  # a figure 4.8 in wide fills a phone's column at this size
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "savefig.transparent": True,
}
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
BLACK = re.compile(r"<(?:path d|text style|tspan|use)\b(?![^>]*\bfill:)")  # which matplotlib leaves out
CLIP = re.compile(r"<clipPath.*?</clipPath>", re.S)
FONT = re.compile(r"'DejaVu Sans'[^;\"]*|'DejaVu Sans Display'[^;\"]*")


def save(figure, stem: Path) -> dict:
    """Write stem.svg, stem.dark.svg and stem.png; return width and height in px.

    Raises ValueError for a colour that has no dark twin in the palette, and for pixels.
    """
    svg_file = stem.with_name(stem.name + ".svg")
    figure.savefig(svg_file, metadata={"Date": None, "Creator": None})
    svg = FONT.sub("system-ui, sans-serif", svg_file.read_text())
    svg_file.write_text(svg)
    stem.with_name(stem.name + ".dark.svg").write_text(darken(svg))
    width, height = figure.get_size_inches()
    figure.savefig(
        stem.with_name(stem.name + ".png"),
        dpi=math.ceil(PNG_WIDTH / width),
        facecolor=PALETTE["paper"][0],
        transparent=False,
        metadata={"Software": None},
    )
    return {"width": round(width * 72), "height": round(height * 72)}


def darken(svg: str) -> str:
    """The same drawing for a dark page: every colour replaced by its dark twin."""
    if "<image" in svg:
        raise ValueError("a raster image has no dark twin (draw shapes instead)")
    black = ["#000000"] if BLACK.search(CLIP.sub("", svg)) else []
    unknown = sorted({*COLOUR.findall(svg), *black} - set(DARK))
    if unknown:
        raise ValueError(
            f"colour {', '.join(unknown)} has no dark twin (use the light colours of hooks/palette.json)"
        )
    return COLOUR.sub(lambda match: DARK[match[0]], svg)
