"""The ledger of claims: complete both ways, and every number in prose comes from a run."""

import ast
import os
import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import html
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
PAGES = sorted((ROOT / "docs").rglob("*.md"))
MARK = re.compile(r"\[✓\]\([./]*claims\.md#(\w+)\)")
SETTING = re.compile(r"^(build|claims|ledger)\.|\.made\.|\.(seeds|rounds|rates|[A-Z_]+(\.\w+)?)$")  # said, not measured
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\.?\d*\w)|\d+ ?%|10\^|\d[eE][-+−]?\d")
VERDICT = re.compile(r"(holds|holds if .+|does not hold.*)")


def marked_tests():
    """Each test that bears a claim mark, `file::name` -> ids; a skipped test proves nothing."""
    found = {}
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            decorators = [ast.unparse(d) for d in getattr(node, "decorator_list", [])]
            claims = [d for d in decorators if d.startswith("pytest.mark.claim(")]
            if claims:
                ways_out = re.search(r"pytest\.(skip|xfail|importorskip|mark\.(skip|xfail))", ast.unparse(node))
                assert not ways_out, f"{path.name}::{node.name}"
                found[f"tests/{path.name}::{node.name}"] = set(re.findall(r"'(\w+)'", " ".join(claims)))
    return found


def ledger():
    """Rows of the published ledger: id -> (verdict, tests named, links to the bibliography)."""
    rows = {}
    for row in html.parse(SITE / "claims/index.html").xpath("//tbody/tr"):
        cells = row.xpath("td")
        names = row.xpath(".//td[1]//a[@id]/@id")
        tests = cells[-1].xpath(".//a[@class='proof']/@title")
        links = [link for link in cells[-1].xpath(".//a/@href") if "history/#" in link]
        for name in names:
            assert name not in rows, f"claim {name} has two rows"
            rows[name] = (cells[1].text_content().strip(), tests, links)
    return rows


LEDGER = ledger()
TESTS = marked_tests()


def test_every_mark_has_a_row_and_every_row_a_mark():
    marks = Counter(name for path in PAGES for name in MARK.findall(path.read_text()))
    assert set(marks) == set(LEDGER) and len(marks) > 25
    assert max(marks.values()) == 1


@pytest.mark.parametrize("name", LEDGER)
def test_a_claim_has_a_verdict_and_an_answer(name):
    verdict, tests, links = LEDGER[name]
    assert VERDICT.fullmatch(verdict), f"{name}: {verdict!r}"
    assert tests or links, f"{name}: no test and no source"
    for test in tests:
        assert name in TESTS.get(test, ()), f"{test} does not bear @pytest.mark.claim({name!r})"


def test_the_ledger_counts_its_verdicts():
    found = [re.match("holds if|holds|does not hold", verdict)[0] for verdict, *_ in LEDGER.values()]
    counts = [len(found), *map(found.count, ("holds", "holds if", "does not hold"))]
    page = (SITE / "claims/index.md").read_text()
    said = re.search(r"Of (\d+) claims, (\d+) hold, (\d+) hold if .*?, and (\d+) do", page)
    assert list(map(int, said.groups())) == counts


def test_no_claim_test_without_a_sentence():
    for test, names in TESTS.items():
        for name in names:
            assert name in LEDGER and test in LEDGER[name][1], f"{test}: claim {name!r} is not in its row of the ledger"


def bare(text):
    """Prose, captions and formulas, without powers of ten, inline code, values, addresses and versions."""
    keep_lines = lambda match: re.sub(r"[^\n]", " ", match[0])  # noqa: E731
    for pattern in (r"\$10\^\{-\d+\}\$", r"`+[^`]*`+", r"\{\{.*?\}\}",
                    r"(?<=\]\()[^)\s]*", r"<[^>]+>", r"(?:Python|MIT-0|CC BY) [\d.]+"):  # fmt: skip
        text = re.sub(pattern, keep_lines, text, flags=re.S)
    return text


def prose(path):
    """(line, text) of each line of a page's prose: no fences, nothing the press fills in."""
    text = path.read_text()
    fenced = {n for t in MarkdownIt().parse(text) if t.type == "fence" for n in range(*t.map)}
    lines = enumerate(bare(text).split("\n"))
    return [(number + 1, line) for number, line in lines if number not in fenced]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_measured_number_is_typed(path):
    """Decimals, percentages and powers of ten are values of a run: {{ snippet.name:format }}."""
    assert not [f"{path.name}:{n}: {hit[0]}" for n, line in prose(path) for hit in NUMBER.finditer(line)]


@pytest.mark.parametrize("typed", ["It is 0.63.", "by 12 %,", "1e-12", "$0.5$", '[a](b "falls to 0.5")', "it: 3.5"])
def test_a_typed_number_is_found(typed):
    assert NUMBER.search(bare(typed))


@pytest.mark.parametrize("fine", ["in 1997", "`0.005`", "$10^{-6}$", "{{ a.b:.2f }}", "[a](https://b.c/1.2)"])
def test_what_is_no_measured_number(fine):
    assert not NUMBER.search(bare(fine))


def blocks(path):
    """(line, source) of each paragraph, item, or table of a page, as written."""
    text = path.read_text()
    lines = text.split("\n")
    for token in MarkdownIt().enable("table").parse(text):
        if token.type in ("paragraph_open", "table_open") and token.map:
            yield token.map[0] + 1, "\n".join(lines[slice(*token.map)])


@pytest.mark.parametrize("path", [path for path in PAGES if path.stem != "claims"], ids=lambda path: path.stem)
def test_every_paragraph_with_a_measured_number_makes_a_claim(path):
    found = []
    for line, block in blocks(path):
        words = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", block)  # a figure answers to its own test
        measured = [value for value in re.findall(r"\{\{ *([\w.]+)", words) if not SETTING.search(value)]
        if measured and not MARK.search(words):
            found.append(f"{path.name}:{line}: {words[:70]}")
    assert not found, "end the sentence with [✓](claims.md#id) and give it a row in docs/claims.md"
