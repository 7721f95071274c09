"""Ties each symbol of a page's formulas, and its name in code, to the legend row that defines it.

A legend is a table headed symbol | in code | shape | is. Symbols are compared
as MathML written in one line, with ° before an italic letter: h_{t-1} is
`°h_{°t−1}`, W_{\\mathrm{ih}} is `°W_{ih}`. Letters in italics make an index,
upright ones a label: a row for one index serves every index.
"""

import re
from dataclasses import dataclass, field
from unicodedata import normalize
from xml.etree import ElementTree as ET

from hooks.snippet import PressError

ROLES = {"x": "input", "h": "hidden", "c": "cell", "f": "keep", "z": "keep", "i": "write"} | {
    "o": "read", "r": "read", "g": "candidate", "n": "candidate"
}
KNOWN = {"d", "e", "ℝ", "tanh", "artanh", "exp", "log", "ln", "sin", "cos"} | {  # need no row
    "max", "min", "sup", "inf", "lim", "arg", "det", "tr", "diag", "sign"
}
WRAPPERS = ("math", "mrow", "mpadded", "mstyle")
BASED = ("msub", "msup", "msubsup", "mover", "menclose")  # a letter with an index, a power or an accent
MATH = re.compile(r"<math\b.*?</math>", re.S)
TITLES = [f"<th[^>]*>{title}</th>" for title in ("symbol", "in code", "shape", "is")]
HEAD = r"\s*".join(["<thead>", "<tr>", *TITLES, "</tr>"])
LEGEND = re.compile(rf"<table>\s*{HEAD}.*?</table>", re.S)
ROW = re.compile(r"<tr>\s*" + r"<td[^>]*>(.*?)</td>\s*" * 4 + "</tr>", re.S)
NAMES = {  # where a name may stand -> how it is marked
    r'(?<!<span class="o">\.</span>)<span class="n">(\w+)</span>(?!<span class="o">=</span>)': "span n",
    r"<code>([\w.]+)</code>": "code",
    r"(?:(?<=<strong>)|(?<= ))([a-z])(?=</strong>)": "span",
}


@dataclass
class Quantity:
    """What a legend's row, or one of several names in it, stands for."""

    id: str
    name: str  # in code, or "–"
    says: tuple[str, str]  # shape and meaning
    role: str

    @property
    def look(self) -> str:
        return f"sym role-{self.role}" if self.role else "sym"


def text(node: ET.Element) -> str:
    """A part of a formula in one line."""
    parts = [text(child) for child in node]
    own = (node.text or "").strip("\u2061\xa0 ")
    if node.tag in ("msub", "msup", "msubsup"):
        marks = {"msub": "_", "msup": "^", "msubsup": "_^"}[node.tag]
        return parts[0] + "".join(f"{mark}{{{part}}}" for mark, part in zip(marks, parts[1:], strict=True))
    if node.tag in ("mfrac", "mover", "menclose"):
        return f"{node.tag}({','.join(parts)})"
    italic = node.tag == "mi" and len(own) == 1 and own.isalpha() and node.get("mathvariant") != "normal"
    return "°" * italic + own + "".join(parts)


def any_index(line: str) -> str:
    """The same line for any index, and for any number in brackets above."""

    def index(match: re.Match) -> str:
        if re.search(r"°|\d", match[2]) if match[1] == "_" else match[2].startswith("("):
            return f"{match[1]}{{{re.sub('°.|[^a-zA-Z∗]', '', match[2])}#}}"
        return match[0]

    return re.sub(r"([_^])\{([^{}]*)\}", index, line)


def unwrap(node: ET.Element) -> ET.Element:
    kids = [kid for kid in node if text(kid)]
    return unwrap(kids[0]) if node.tag in WRAPPERS and len(kids) == 1 else node


def letter(node: ET.Element) -> str:
    """The letter that a symbol is made of; nothing if this is no symbol."""
    node = unwrap(node)
    if node.tag in BASED:
        return letter(node[0])
    return text(node) if node.tag == "mi" and text(node).strip("°").isalpha() else ""


def whole(node: ET.Element) -> bool:
    """A fraction or a norm may be a quantity of its own, with a row."""
    return node.tag == "mfrac" or text(node).startswith("‖")


def split(node: ET.Element) -> tuple[ET.Element, ET.Element | None]:
    """A symbol without its power, and the power; a prime or a star is no power."""
    if node.tag not in ("msup", "msubsup") or re.fullmatch("[′∗†+−]+", text(node[-1])):
        return node, None
    if node.tag == "msup":
        return node[0], node[1]
    core = ET.Element("msub")
    core.extend(node[:2])
    return core, node[2]


@dataclass
class Legend:
    """All legends of one page, and what is wrong with its formulas."""

    page: str
    quantities: dict[str, Quantity] = field(default_factory=dict)
    rows: dict[str, Quantity] = field(default_factory=dict)  # a symbol's line -> what it stands for
    anchors: dict[int, str] = field(default_factory=dict)  # number of a formula -> the id that it bears
    faults: dict[str, str] = field(default_factory=dict)

    def fault(self, line: int, what: str) -> None:
        self.faults.setdefault(what, f"docs/{self.page}:{line}: {what}")

    def add_row(self, cells: tuple[str, ...], first: int, line: int) -> None:
        """Define what a row defines; its first symbol is the page's formula number `first`."""
        symbols = [unwrap(ET.fromstring(math)) for math in MATH.findall(cells[0])]
        names = re.findall(r"<code>([\w.]+)</code>|(–)", cells[1])
        shapes = re.split(r"(?<=\)), ", cells[2].strip())
        meaning = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", cells[3])).strip()
        if not (symbols and names and shapes[0] and meaning and all(letter(s) or whole(s) for s in symbols)):
            what = "a legend's row lacks a symbol of one letter, its name, its shape or its meaning"
            return self.fault(line, f"{what} (like: | $h_t$ | `h` | (B, H) | the state |)")
        if not {len(names), len(shapes)} <= {1, len(symbols)}:
            return self.fault(line, "a legend's row has more symbols than names or shapes (one each, or one for all)")
        mine = {}
        for number, symbol in enumerate(symbols):
            key, shape = text(symbol), shapes[number % len(shapes)]
            name = "".join(names[number % len(names)])
            if known := self.rows.get(key):
                if (known.name, known.says) != (name, (shape, meaning)):
                    self.fault(line, f"'{plain(key)}' is defined twice, differently (one symbol, one meaning)")
                continue
            if (name, shape) not in mine:
                slug = "sym-" + re.sub(r"\W+|_+", "-", normalize("NFKC", plain(key))).strip("-")  # no 𝒰 in a name
                while slug in self.quantities:
                    slug += "-"
                bare = re.fullmatch(r"°(\w)(_\{.*\})?(\^\{[′(].*\})?", key)
                tensor = shape.startswith("(") or re.search(r"\{.*[°′]", key)  # not the number n
                role = ROLES.get(bare[1], "") if bare and tensor else ""
                mine[name, shape] = self.quantities[slug] = Quantity(slug, name, (shape, meaning), role)
                self.anchors[first + number] = slug
            self.rows[key] = mine[name, shape]

    def find(self, symbol: ET.Element) -> Quantity | None:
        """The row for this very symbol, else one for any index of it."""
        line = text(symbol)
        if line in self.rows:
            return self.rows[line]
        for row, quantity in self.rows.items():
            pattern = any_index(row) if re.search(r"_\{[^{}]*°|\^\{\(", row) else row
            if re.fullmatch(re.escape(pattern).replace("∗", r"[\w°∗]+"), any_index(line)):
                return quantity
        return None

    def mark(self, parent, line: int, inside: bool = False) -> None:
        """Mark the symbols of a formula; inside another symbol only see that they are defined."""
        for node in map(unwrap, parent):
            core, power = split(node)
            known = self.find(node) if node.tag in ("mi", *BASED) or whole(node) else None
            if not known and power is not None and (known := self.find(core)):
                self.mark([power], line, inside)
            if known:
                if not inside:
                    node.set("class", f"{node.get('class', '')} {known.look}".strip())
                    node.set("data-sym", known.id)
                for low in [part[1] for part in node.iter() if part.tag in ("msub", "msubsup")]:
                    self.mark([low], line, inside=True)
            elif (name := letter(node)) and name not in KNOWN and (not inside or name[0] == "°"):
                what = f"no legend of this page defines '{plain(text(core))}'"
                self.fault(line, f"{what} (give it a row: symbol, in code, shape, is)")
            else:
                self.mark(node, line, inside)


def plain(line: str) -> str:
    """A symbol as a person would type it: h_t−1."""
    return re.sub(r"m[a-z]+\(|[°{}(),]", "", line)


def tie(content: str, page: str, lines: list[int]) -> str:
    """Mark the symbols of a page's formulas (the n-th stands on line lines[n]) and their names in code."""
    starts = [match.start() for match in MATH.finditer(content)]
    legend, numbers = Legend(page), iter(range(len(starts)))
    for table in LEGEND.finditer(content):
        for row in ROW.finditer(content, *table.span()):
            first = sum(start < row.start() for start in starts)
            legend.add_row(row.groups(), first, ([1, *lines, lines[-1]] if lines else [1, 1])[first + 1])

    def formula(match: re.Match) -> str:
        number, math = next(numbers), ET.fromstring(match[0])
        if legend.rows or 'display="block"' in content:
            legend.mark(math, lines[number])
        for node in () if legend.rows else math.iter("msub"):
            if role := ROLES.get(text(node[0]).strip("°")):
                node.set("class", f"role-{role}")
        if number in legend.anchors:
            math.set("id", legend.anchors[number])
        return ET.tostring(math, encoding="unicode", short_empty_elements=False)

    content = MATH.sub(formula, content)
    if legend.faults:
        raise PressError(*legend.faults.values())
    return tie_names(content, legend)


def tie_names(content: str, legend: Legend) -> str:
    """Mark the names of a page's quantities in code, and their bold letters."""
    known = {quantity.name: quantity for quantity in reversed(legend.quantities.values())}
    known |= {line[1]: quantity for line, quantity in reversed(legend.rows.items()) if quantity.role}
    for place, shape in NAMES.items():
        tag, *more = shape.split()

        def name(match: re.Match, tag=tag, more=more) -> str:
            if not (found := known.get(match[1])):
                return match[0]
            shown = match[1].replace(".", ".<wbr>")
            return f'<{tag} class="{" ".join([*more, found.look])}" data-sym="{found.id}">{shown}</{tag}>'

        content = re.sub(place, name, content)
    return content
