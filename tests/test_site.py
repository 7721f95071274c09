"""The built site: what a reader sees is what is tested, and all of it runs where a reader pastes it."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import mistune
import pytest
from lxml import html
from pytest_codeblocks import extract_from_file

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
TWINS = sorted(SITE.rglob("index.md"))
PACKAGES = {"torch", "numpy", "matplotlib"}
CONT = "<!--pytest-codeblocks:cont-->"


def name(twin):
    return twin.parent.relative_to(SITE).as_posix()


def blocks(twin):
    """(code, continues the block above) of each Python block, as an independent parser sees them."""
    found, before = [], ""
    for token in mistune.create_markdown(renderer="ast")(twin.read_text()):
        if token["type"] == "block_code" and token.get("attrs", {}).get("info") == "python":
            found.append((token["raw"], CONT in before))
        before = token.get("raw", "") if token["type"] == "block_html" else before * (token["type"] == "blank_line")
    return found


def chains(twin):
    """Each program that a reader can paste: a block with all that continue it."""
    programs = []
    for code, continues in blocks(twin):
        if continues:
            programs[-1] += code
        else:
            programs.append(code)
    return programs


SEED = {
    "Vanishing gradient": ("❌ Yes", "✅ Resolved", "✅ Resolved"),
    "Long-term memory": ("❌ Weak", "✅ Strong", "✅ Strong"),
    "Training speed": ("⚡ Fast", "🐢 Slower", "⚡ Faster"),
    "Architecture": ("Simple", "Complex", "Medium"),
}
PROGRAMS = [pytest.param(twin, code, id=f"{name(twin)}-{n}") for twin in TWINS for n, code in enumerate(chains(twin))]


def test_the_site_is_built():
    assert len(TWINS) > 5, "site/ is missing or empty: run make site"
    assert len(PROGRAMS) > 10


@pytest.mark.parametrize("twin", TWINS, ids=name)
def test_no_block_escapes_the_tests(twin):
    collected = [block for block in extract_from_file(twin) if block.syntax == "python"]
    assert [block.code for block in collected] == chains(twin)
    assert len(extract_from_file(twin)) == len(collected), "a backtick fence that is not Python"


@pytest.mark.parametrize("twin", TWINS, ids=name)
def test_html_shows_the_blocks_that_are_tested(twin):
    page = html.parse(twin.with_suffix(".html"))
    shown = [code.text_content() for code in page.xpath('//div[contains(@class, "language-python")]//code')]
    assert [code.strip() for code in shown] == [code.strip() for code, _ in blocks(twin)]


@pytest.mark.parametrize("twin", TWINS, ids=name)
def test_nothing_is_left_unfilled(twin):
    words = html.parse(twin.with_suffix(".html")).xpath("string(//article)")
    assert ".py#" not in words
    for text in (twin.read_text(), words):
        assert "{{" not in text and "\0" not in text


@pytest.mark.parametrize(("twin", "code"), PROGRAMS)
def test_imports_are_what_the_page_promises(twin, code):
    for node in ast.walk(ast.parse(code)):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module] if isinstance(node, ast.ImportFrom) else []
        for module in modules:
            package = module.partition(".")[0]
            assert package in sys.stdlib_module_names | PACKAGES or f"`{package}`" in twin.read_text()


@pytest.mark.parametrize(("twin", "code"), PROGRAMS)
def test_a_pasted_block_runs_in_an_empty_folder(twin, code, tmp_path):
    (tmp_path / "pasted.py").write_text(code)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-P", "pasted.py"]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pasted.py"], "it leaves files behind"


@pytest.mark.parametrize("twin", [t for t in TWINS if "demo" not in t.parent.name], ids=name)
def test_every_page_opens_with_its_dose(twin):
    dose = re.search(r"^> (.+)$", twin.read_text(), re.M)
    assert dose and twin.read_text().index("\n> ") < twin.read_text().index("\n## ")
    assert len(dose[1].split()) <= 80
    about = html.parse(twin.with_suffix(".html")).xpath("string(//meta[@name='description']/@content)")
    assert about.endswith("."), "its description is cut off (quote it: YAML takes a # for a comment)"


def test_llms_txt_lists_every_page_as_the_menu_does():
    listed = re.findall(r"\]\(https?://[^/]+/(?:[^)]*?/)??((?:[\w/]+/)?index\.md)\)", (SITE / "llms.txt").read_text())
    assert len(listed) == len(TWINS)
    assert [path.partition("/")[0] for path in listed][:5] == ["index.md", "rnn", "lstm", "gru", "compare"]


def test_the_seeds_twelve_cells_stand_on_the_comparison():
    lines = (SITE / "compare/index.md").read_text().split("\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    table = [cell for row in rows if len(row) == 4 and row[0] in SEED for cell in row[1:]]
    assert table == [cell for cells in SEED.values() for cell in cells]
    judged = [row for row in rows if len(row) in (4, 5) and row[0] in ("RNN", "LSTM", "GRU")]
    assert sorted(row[1] for row in judged) == sorted(table)
    assert all("**" in row[-1] for row in judged), "a cell without a verdict"


def test_the_folders_that_about_names_exist():
    named = re.findall(r"^\| `([^`]+)` \|", (SITE / "about/index.md").read_text(), re.M)
    assert len(named) > 5 and all((ROOT / path).exists() for path in named)
