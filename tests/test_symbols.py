"""One quantity, one name: formulas, their legends and the code agree."""

import ast
import importlib
import os
import re
from fnmatch import fnmatch
from pathlib import Path

import markdown
import pytest
from lxml import html as lxml

from hooks import html
from hooks.snippet import PressError

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
HEAD = "| symbol | in code | shape | is |\n|---|---|---|---|\n"
ADVICE = "(give it a row: symbol, in code, shape, is)"
SYM = ".//*[@data-sym]"
T = "| $t$ | – | number | the step |\n"


def page(text: str) -> lxml.HtmlElement:
    """A page's Markdown as the site sets it."""
    extensions = ["tables", "pymdownx.arithmatex", "pymdownx.superfences", "pymdownx.highlight"]
    options = {"pymdownx.arithmatex": {"generic": True}}
    content = markdown.markdown(text, extensions=extensions, extension_configs=options)
    return lxml.fromstring(f"<main>{html.set_formulas(content, 'page.md', text)}</main>")


def marked(rows: str, formula: str) -> list[tuple[str, str]]:
    """The symbols marked in one displayed formula: what is marked, and its legend's first cell."""
    made = page(f"$$\n{formula}\n$$\n\n{HEAD}{rows}")
    found = made.xpath("//math[@display]//*[@data-sym]")
    cells = [made.xpath(f"//*[@id='{node.get('data-sym')}']/ancestor::tr/td") for node in found]
    return [(node.text_content(), cells[0].text_content()) for node, cells in zip(found, cells, strict=True)]


def faults(text: str) -> list[str]:
    with pytest.raises(PressError) as raised:
        page(text)
    return raised.value.faults


# --- A formula and its legend ----------------------------------------------------


@pytest.mark.parametrize(
    ("row", "use"),
    [
        ("h_t", "h_t"),
        ("h_t", "h_{t-1}"),
        ("h_t", "h_0"),
        ("h_{t-1}", "h_t"),
        ("h_t", "h_t^2"),
        (r"h_t", r"{h}_{t+1}^\top"),
        ("h_t^{(t)}", "h_{t-1}^{(2)}"),
        ("h_t^{(t)}", "h_0^{(t+1)}"),
        ("h'", "h'"),
        (r"h_{t\mathrm{p}}", r"h_{1\mathrm{p}}"),
        (r"W_{\mathrm{hh}}", r"W_{\mathrm{hh}}"),
        (r"W_{\mathrm{hh}}", r"W^\top_{\mathrm{hh}}"),
        (r"W_{\mathrm{i\ast}}", r"W_{\mathrm{if}}"),
        (r"W_{\mathrm{\ast h}}", r"W_{\mathrm{hh}}"),
        (r"a^{\ast}_t", r"a^{\mathrm{f}}_3"),
        (r"\bar{h}_t", r"\bar{h}_{t-1}"),
        (r"\tilde h", r"\tilde{h}"),
        (r"\delta_t", r"\delta_{t+1}"),
        (r"\frac{\partial L}{\partial h_t}", r"\frac{\partial L}{\partial h_{t-1}}"),
        (r"\lVert h_t \rVert", r"\lVert h_{t-1} \rVert"),
        (r"\lVert h_t \rVert_2", r"\lVert h_1 \rVert_2"),
        (r"\lambda", r"\lambda^3"),
        (r"\sigma'", r"\sigma'"),
        (r"\mathrm{diag}", r"\mathrm{diag}"),
        (r"\Sigma", r"\Sigma"),
        (r"h_t", r"\boxed{h_t}"),
        (r"h_t", r"\\ h_t"),
    ],
)
def test_a_row_defines(row, use):
    (symbol, cell) = marked(f"| ${row}$ | `h` | (B, H) | words |\n{T}", rf"1 + {use} \cdot 2")[0]
    assert symbol and cell


@pytest.mark.parametrize(
    ("row", "use", "unknown"),
    [
        ("h_t", "h", "h"),
        ("h", "h_t", "h_t"),
        ("h_1", "h_2", "h_2"),
        ("h_t", "c_t", "c_t"),
        ("h_t", "h_t'", "h_t^′"),
        ("h_t", "h_t^*", "h_t^∗"),
        ("h_t", r"\bar{h}_t", "h‾_t"),
        ("h_t", r"\mathbf{h}_t", "𝐡_t"),
        ("h_t", r"h_{t-k}", "k"),
        ("h_t", r"h_t^k", "k"),
        ("h_t", r"h_{\mathrm{last}}", "h_last"),
        (r"W_{\mathrm{ih}}", r"W_{\mathrm{hh}}", "W_hh"),
        (r"W_{\mathrm{ih}}", "W_{ih}", "W_ih"),
        (r"W_{\mathrm{i\ast}}", r"W_{\mathrm{hh}}", "W_hh"),
        (r"\sigma", r"\sigma'(1)", "σ^′"),
        ("h_t", r"\sum_{j=1}^{9} h_t", "j"),
        ("h_t", r"\frac{\partial L}{\partial h_t}", "L"),
        ("h_t", r"\lVert U \rVert", "U"),
        ("h_t", r"\begin{aligned} h_t &= 1 \\ &= q \end{aligned}", "q"),
        ("h_t", r"\mathrm{loss}(h_t)", "loss"),
        (r"\sigma", r"\sigma(T)", "T"),
    ],
)
def test_a_row_does_not_define(row, use, unknown):
    said = faults(f"Words.\n\n$$\n{use}\n$$\n\n{HEAD}| ${row}$ | `h` | (B, H) | words |\n{T}")
    assert said == [f"docs/page.md:4: no legend of this page defines '{unknown}' {ADVICE}"]


@pytest.mark.parametrize("use", [r"\tanh 2 \le \max(1, 3)", r"\sum \partial \top \odot \text{if any}", r"10^{-12}"])
def test_what_needs_no_row(use):
    assert marked(T, use) == []


def test_the_row_of_this_very_index_comes_first():
    rows = "| $h_t$ | `h` | (H) | any |\n| $h_0$ | `h_0` | (H) | the first |\n" + T
    assert marked(rows, "h_0 + h_1") == [("h0", "h0"), ("h1", "ht")]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("| $h_t$ |  | (H) | words |", "lacks"),
        ("| $h_t$ | h | (H) | words |", "lacks"),
        ("| $h_t$ | `h` |  | words |", "lacks"),
        ("| $h_t$ | `h` | (H) |  |", "lacks"),
        ("|  | `h` | (H) | words |", "lacks"),
        ("| $h_t = 1$ | `h` | (H) | words |", "lacks"),
        ("| $h_t$, $c_t$ | `h`, `c`, `d` | (H) | words |", "more symbols than names or shapes"),
        ("| $a_t$, $b_t$, $c_t$ | `a`, `b` | (H) | words |", "more symbols than names or shapes"),
        ("| $t$ | – | number | the sequence |", "'t' is defined twice, differently"),
        ("| $t$ | – | (T) | the step |", "'t' is defined twice, differently"),
    ],
)
def test_a_bad_row(row, why):
    said = faults(f"{HEAD}{T}{row}\n\nWords.\n\n$$\nt\n$$\n")
    assert re.match(r"docs/page.md:\d+: ", said[0]) and why in said[0] and said[0].endswith(")")


def test_every_fault_of_a_page_is_named_once_with_its_line():
    said = faults(f"A $u$.\n\n$$\n1 +\nv + u\n$$\n\nThen $v$ and $w$.\n\n{HEAD}{T}")
    assert [re.match(r"docs/page.md:(\d+): .*'(\w)'", fault).groups() for fault in said] == [
        ("1", "u"), ("4", "v"), ("8", "w")
    ]


def test_the_same_row_may_stand_twice():
    made = page(f"$$\nt\n$$\n\n{HEAD}{T}\nAgain:\n\n{HEAD}{T}")
    assert made.xpath("//@id") == ["sym-t"]


def test_a_page_without_display_or_legend_needs_none():
    made = page("Inline $q$ and $h_t$.")
    assert not made.xpath("//@data-sym") and made.xpath("string(//msub/@class)") == "role-hidden"


@pytest.mark.parametrize("line", ["|:--|:-:|--:|:-:|", "| --- | --- | --- | --- |"])
def test_a_legend_may_align_its_columns(line):
    assert page(f"$$\nt\n$$\n\n{HEAD}{T}".replace("|---|---|---|---|", line)).xpath("//@id") == ["sym-t"]


def test_a_table_with_more_columns_is_no_legend():
    wide = f"{HEAD}{T}".replace("is |", "is | source |").replace("---|\n", "---|---|\n")
    assert faults(f"$$\nt\n$$\n\n{wide}")[0] == f"docs/page.md:2: no legend of this page defines 't' {ADVICE}"


def test_roles_are_those_of_the_letters():
    rows = "| $h_t$ | `h` | (H) | state |\n| $n$ | `n` | number | how many |\n"
    rows += "| $\\bar{h}_t$ | `dh` | (H) | gradient |\n"
    made = page(f"$$\nh_t + n + \\bar{{h}}_t\n$$\n\n{HEAD}{rows}{T}")
    classes = [node.get("class") for node in made.xpath("//math[@display]//*[@data-sym]")]
    assert classes == ["sym role-hidden", "sym", "sym"]


def test_names_in_code_and_prose():
    code = '```python\nh = f(h=h)  # h\nx.h = "h" + h.T\n```\n\n`h` and `h.T` and **h**, **state h**, **oh**.\n'
    made = page(f"$$\nh_t\n$$\n\n{HEAD}| $h_t$ | `h` | (H) | words |\n{T}\n{code}")
    block, *prose = made.xpath("//div[@class='highlight']"), *made.xpath("//p[code]")
    before = [(node.getprevious().text if node.getprevious() is not None else "") for node in block[0].xpath(SYM)]
    assert len(before) == 3 and "." not in before, "h =, the value of h=h, and h.T; no attribute, keyword, text"
    assert [node.text for node in block[0].xpath(SYM)] == ["h"] * 3
    assert [(node.tag, node.text) for node in prose[0].xpath(SYM)] == [("code", "h"), ("span", "h"), ("span", "h")]
    marks = [node.get("class") for node in (*block[0].xpath(SYM), *prose[0].xpath(SYM))]
    assert {mark.removeprefix("n ") for mark in marks} == {"sym role-hidden"}


# --- The site ----------------------------------------------------------------------

PAGES = sorted(file for file in SITE.rglob("index.html") if "<th>symbol</th>" in file.read_text())
SCHOOL = {"tanh", "artanh", "exp", "log", "max", "min", "diag", "d", "e", "sin", "cos", "ln", "lim", "ℝ", "sign"}
every_page = pytest.mark.parametrize("file", PAGES, ids=lambda file: file.parent.name)


def test_every_page_with_a_displayed_formula_has_a_legend():
    shown = {file for file in SITE.rglob("*.html") if 'display="block"' in file.read_text()}
    assert len(shown) >= 3 and shown <= set(PAGES)


@every_page
def test_every_symbol_tells_a_meaning_and_a_shape(file):
    made = lxml.parse(file)
    for node in made.xpath("//math[@display]//mi"):
        if node.text.isalpha() and node.text not in SCHOOL:
            known = node.xpath("ancestor-or-self::*/@data-sym")
            assert known, f"{file}: {node.text}"
            cells = made.xpath(f"//*[@id='{known[-1]}']/ancestor::tr/td")
            head = made.xpath(f"//*[@id='{known[-1]}']/ancestor::table//th/text()")
            assert head == ["symbol", "in code", "shape", "is"]
            assert all(cell.text_content().strip() for cell in cells)
    for place in set(made.xpath("//@data-sym")):
        assert made.xpath(f"//td//math[@id='{place}']"), "leads to no row"


def legend(twin: str) -> list[tuple[str, str]]:
    """(TeX, name in code) of every symbol of a published page."""
    pairs = []
    for table in re.findall(re.escape(HEAD) + r"((?:\|.*\n)+)", twin):
        for row in table.splitlines():
            symbols, names = (re.findall(r"[$`]([^$`]+)[$`]|–", cell) for cell in row.split(" | ")[:2])
            pairs += [(tex, names[n] if len(names) > 1 else names[0]) for n, tex in enumerate(symbols)]
    return pairs


def agrees(tex: str, name: str) -> bool:
    """Whether a name in code is the symbol's letter with its label: W_{\\mathrm{ih}} is W_ih, h_{t-1} is h."""
    if name.startswith("torch."):
        return hasattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
    if not re.match(r"[xhcifogrznWb](_|$)", tex) and re.fullmatch(r"[A-Za-z]{3,}_?", name):  # threshold for \tau
        return True
    tex = tex.replace(r"\max", r"\mathrm{max}")
    plain = re.fullmatch(r"([a-zA-Z])'*(?:\^\\?\w+|\^\{.*?\})?(?:_(\w|\{.*\}))?(?:\^\{.*?\})?", tex)
    if not plain:  # Greek or decorated: its last letter outside an index stands in the name
        letters = re.findall(r"[a-zA-Z]", re.sub(r"_\w|_\{.*?\}|\\\w+", "", tex))
        return not letters or letters[-1] in name
    label = "".join(re.findall(r"\\mathrm\{((?:\w|\\ast)+)\}", plain[2] or "")).replace(r"\ast", "*")
    bare = plain[1], f"{plain[1]}_{label}"
    return any(fnmatch(name, pattern) for pattern in bare[len(label) > 1 :])


def disagreements(twin: str) -> set[str]:
    """Where the legend of a published page and its code differ."""
    rows = [(tex, name) for tex, name in legend(twin) if name]
    names = {name for _, name in rows}
    wrong = {f"{tex} is not {name}" for tex, name in rows if not agrees(tex, name)}
    sources = re.findall(r"^```python\n(.*?)^```", twin, re.M | re.S)
    trees = [ast.parse(source) for source in sources]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    used = {getattr(node, of, None) for node in nodes for of in ("id", "arg", "attr")}
    wrong |= {f"{name} is not in the code" for name in names if "." not in name and name not in used}
    for step in (node for node in nodes if getattr(node, "name", "") in ("rnn_step", "lstm_step", "gru_step")):
        bound = {node.arg for node in ast.walk(step.args) if isinstance(node, ast.arg)}
        bound |= {n.id for n in ast.walk(step) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        quantities = {name for name in bound if len(name) == 1 or re.fullmatch(r"[Wb]_\w+", name)}
        defined = {name for name in quantities if name in names or any(agrees(tex, name) for tex, _ in rows)}
        wrong |= {f"{step.name}: {name} is in no legend" for name in quantities - defined}
    return wrong


@every_page
def test_symbols_and_names_in_code_agree(file):
    twin = file.with_suffix(".md").read_text()
    assert legend(twin)
    assert not disagreements(twin)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_renaming_either_is_noticed(name):
    twin = (SITE / name / "index.md").read_text()
    for tex, word in legend(twin):
        if word and "." not in word:
            parts = re.split(r"(^```python\n.*?^```)", twin, flags=re.M | re.S)
            parts[1::2] = [re.sub(rf"\b{word}\b(?!\")", "q_q", part) for part in parts[1::2]]
            in_code = "".join(parts)
            in_legend = twin.replace(f"| `{word}` |", "| `q_q` |")
            in_symbol = twin.replace(f"| ${tex}$ |", f"| $q{tex[1:]}$ |")
            for changed in (in_code, in_legend, in_symbol):
                assert changed == twin or disagreements(changed), f"{tex} and {word}"
            assert in_code != twin


@pytest.mark.parametrize(
    ("tex", "name", "same"),
    [
        ("h_t", "h", True), ("h_t", "s", False), ("h_t", "hidden", False), (r"h_{t\mathrm{p}}", "h", True),
        ("L", "loss", True), (r"W_{\mathrm{ih}}", "W_ih", True), (r"W_{\mathrm{ih}}", "W_hh", False),
        (r"W_{\mathrm{i\ast}}", "W_ih", True), (r"W_{\mathrm{i\ast}}", "W_hh", False), (r"W_{\mathrm{ih}}", "W", False),
        (r"\sigma", "torch.sigmoid", True), (r"\sigma", "torch.sigma", False), (r"\bar{h}_t", "dh", True),
        (r"\bar{h}_t", "dc", False), (r"\frac{\partial L}{\partial h_t}", "dh", True),
    ],
)  # fmt: skip
def test_what_agrees(tex, name, same):
    assert agrees(tex, name) is same
