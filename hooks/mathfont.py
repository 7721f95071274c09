"""Cuts the formula font down to the characters that the pages use."""

import re
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FONT = Path(__file__).parent / "node_modules/@fontsource/stix-two-math/files/stix-two-math-latin-400-normal.woff"
LICENSE = FONT.parent.parent / "LICENSE"
MATH = re.compile(r"<math\b.*?</math>", re.S)
ITALIC = {ord("h"): 0x210E}  # Unicode's one italic letter out of line


def italic(character: str) -> int:
    """The code a browser draws for a variable of one letter."""
    code = ord(character)
    for first, last, start in (("a", "z", 0x1D44E), ("A", "Z", 0x1D434), ("α", "ω", 0x1D6FC)):
        if first <= character <= last:
            return ITALIC.get(code, start + code - ord(first))
    return code


def subset(pages: list[str]) -> bytes:
    """A WOFF font with the glyphs, and their larger forms, of all formulas of the pages."""
    formulas = [math for page in pages for math in MATH.findall(page)]
    used = {char for math in formulas for char in re.sub(r"<.*?>", "", math)}
    used |= {"√" for math in formulas if re.search("<m(sqrt|root)", math)}  # its sign is no text
    options = Options(flavor="woff", hinting=False, layout_features=["ssty", "math", "kern"])
    font = TTFont(FONT, recalcTimestamp=False)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes={ord(char) for char in used} | set(map(italic, used)))
    subsetter.subset(font)
    font.flavor = "woff"
    out = BytesIO()
    font.save(out)
    return out.getvalue()
