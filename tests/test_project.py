"""The project around the pages: commands, links, pins, licences, tracked files."""

import ast
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from press_project import build, project, write

from hooks import tracked
from hooks.mkdocs_press import DEFAULT_REPO
from hooks.snippet import MARK, read_snippet

ROOT = Path(__file__).parents[1]
MADE = {".git", ".venv", ".cache", "site", "node_modules", "__pycache__", ".ruff_cache", ".pytest_cache"}
MESSAGES = (  # that CONTRIBUTING.md explains
    "unknown snippet '",
    " is out of order: '",
    "no page shows cell '",
    "no page shows anything of it",
    " has no dark twin",
    ", not a number",
    "writes to stderr",
    "still running after ",
)
GUIDES = ("README.md", "CONTRIBUTING.md")
SNIPPETS = sorted((ROOT / "snippets").rglob("*.py"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def run(*command):
    program = Path(sys.executable).with_name(command[0])
    return subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True)


def texts():
    """Path and text of every file of the project that is text and not made by it."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE and not name.startswith(".site-")]
        for name in set(names) - MADE:  # in a worktree .git is a file
            data = Path(folder, name).read_bytes()
            if b"\0" not in data:
                yield Path(folder, name).relative_to(ROOT).as_posix(), data.decode(errors="replace")


# The guides


def commands(guide):
    """Every `make ...` that a guide names, in its blocks and in its lines."""
    tokens = MarkdownIt().parse((ROOT / guide).read_text())
    spans = [span for token in tokens for span in token.children or [] if span.type == "code_inline"]
    fences = [token for token in tokens if token.type == "fence" and token.info == "console"]
    lines = [line for code in spans + fences for line in code.content.splitlines()]
    return [line for line in lines if line.startswith("make ")]


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_name_only_commands_that_exist(guide):
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    knobs = makefile + (ROOT / "tests" / "browser.py").read_text()
    found = commands(guide)
    assert {"make site", "make test"} <= {" ".join(line.split()[:2]) for line in found}
    for line in found:
        assert re.match(r"make ([a-z]+)", line)[1] in targets, line
        for variable in re.findall(r"([A-Z_]+)=", line):
            assert re.search(rf"\b{variable}\b", knobs), line


@pytest.mark.parametrize("guide", GUIDES)
def test_links_of_guides_lead_somewhere(guide):
    tokens = MarkdownIt().enable("table").parse((ROOT / guide).read_text())
    inline = [span for token in tokens for span in token.children or []]
    addresses = [str(span.attrs.get("href") or span.attrs.get("src") or "") for span in inline]
    headings = [tokens[n + 1].content for n, token in enumerate(tokens) if token.type == "heading_open"]
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    local = [unquote(address) for address in addresses if address and "://" not in address]
    assert local
    for address in local:
        path, _, anchor = address.partition("#")
        assert (ROOT / path).exists(), address
        assert path or anchor in anchors, address


def test_the_example_of_contributing_builds(tmp_path):
    guide = MarkdownIt().parse((ROOT / "CONTRIBUTING.md").read_text())
    page, *_ = [fence.content for fence in guide if fence.content.startswith("---\ntitle: Echo")]
    blocks = [fence.content for fence in guide if fence.type == "fence" and fence.info == "python"]
    decay, figure, forget, _ = blocks
    more = "\n![The state halves at each step.](../images/echo/decay.svg)\n\nAt most {{ echo.forget.longest }} steps.\n"
    project(tmp_path, {"docs/index.md": page + more, "snippets/echo/decay.py": f"{decay}\n{figure}"})
    write(tmp_path, {"snippets/echo/forget.py": forget})
    reproduce = [sys.executable, "-P", "-m", "hooks.reproduce", "snippets/echo/forget.py"]
    subprocess.run(reproduce, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    built = build(tmp_path)
    assert built.returncode == 0, built.stderr
    published = (tmp_path / "site" / "index.md").read_text()
    assert "after 5 steps: 0.0312" in published and "After 5 steps 3.1% is left." in published
    assert "At most 44 steps." in published  # .9 ** 44 is below a hundredth
    assert (tmp_path / "site" / "images" / "echo" / "decay.dark.svg").exists()


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_that_contributing_explains_are_those_of_the_press(message):
    assert message in (ROOT / "CONTRIBUTING.md").read_text()
    assert any(message in path.read_text() for path in (ROOT / "hooks").glob("*.py"))


def test_ci_runs_the_command_of_the_readme():
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    assert any("make test" in path.read_text() for path in WORKFLOWS)


def test_licences_are_whole():
    code, content = ((ROOT / name).read_text() for name in ("LICENSE", "LICENSE-CONTENT"))
    assert code.startswith("MIT No Attribution\n") and "WITHOUT WARRANTY OF ANY KIND" in code
    assert "copyright notice and this permission notice shall" not in code  # that would be MIT
    assert "https://creativecommons.org/licenses/by/4.0/" in content


# Workflows and versions


def test_zizmor_finds_nothing():
    audit = run("zizmor", "--offline", "--persona=auditor", "--no-progress", "--color=never", ".github")
    assert audit.returncode == 0 and "No findings to report" in audit.stdout, audit.stdout + audit.stderr
    for path in [*WORKFLOWS, ROOT / ".github" / "dependabot.yml"]:
        assert path.name in audit.stderr  # it was seen


def test_actions_are_pinned_by_commit():
    used = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    commits = {}
    for line in used:
        ours = re.search(r"uses: \$/(\S+)", line)
        if ours:
            assert (ROOT / ours[1]).exists(), line
            continue
        pin = re.search(r"uses: (\w+/[\w-]+)[\w/-]*@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", line)
        assert pin, line
        assert commits.setdefault(pin[1], pin[2]) == pin[2], line  # one version of each


def test_a_pull_request_gets_no_secret_and_no_right_to_write():
    for path in WORKFLOWS:
        text = path.read_text()
        assert "pull_request_target" not in text and "secrets." not in text and "workflow_run" not in text
        if re.search(r"^  pull_request:", text, re.M):
            assert "write" not in re.sub(r"#.*", "", text), path.name


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [re.fullmatch(r"([\w.-]+)==([\w.]+)( *;.*)?", line) for line in lines if line]
    assert all(pins), "constraints.txt holds a line that is no exact version"
    return {plain(pin[1]): pin[2] for pin in pins}


def test_all_that_is_installed_is_pinned():
    pinned = constraints()
    unpinned = [
        f"{name}=={version}"
        for name, version in {plain(d.metadata["Name"]): d.version for d in distributions()}.items()
        if pinned.get(name) != version.partition("+")[0]  # torch's CPU build says 2.13.0+cpu
        and not re.match(r"pip$|nvidia-|cuda-|triton$", name)  # what the CUDA build of torch brings
    ]
    assert not unpinned, "missing from constraints.txt, or another version there"


def test_all_dependencies_are_pinned():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for name in {name for group in groups.values() for name in group}:
        assert plain(name) in constraints()


# Snippets


def test_snippets_fit_a_phone():
    found = run("ruff", "check", "--isolated", "--select=E501", "--line-length=79", "--output-format=json", "snippets")
    for fault in json.loads(found.stdout):
        line = Path(fault["filename"]).read_text().splitlines()[fault["location"]["row"] - 1]
        assert MARK.fullmatch(line) and 'alt="' in line, f"{fault['filename']}: {line}"


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_snippets_are_short(path):
    """At most 120 lines to read (a demo 200), 200 of drawing, 25 in a function."""
    snippet = read_snippet(ROOT, path.relative_to(ROOT).as_posix())
    lines = dict.fromkeys((False, True), 0)
    for cell in snippet.code:
        lines[cell.hidden] += len(cell.source.splitlines())
    assert lines[False] <= (200 if snippet.is_notebook else 120) and lines[True] <= 200
    for node in ast.walk(ast.parse(snippet.source)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 25, f"{path}:{node.lineno}: {node.name}"


def test_snippets_are_plain_programs():
    """Nothing that a reader would have to strip before pasting."""
    banned = {"savefig", "__name__", "argparse", "logging", "hooks", "tests", "snippets", "warnings"}
    for path in SNIPPETS:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Try), f"{path}:{node.lineno}: try"
            names = {getattr(node, "id", ""), getattr(node, "attr", "")}
            if isinstance(node, ast.Import | ast.ImportFrom):
                names |= {alias.name.split(".")[0] for alias in node.names}
                names.add((getattr(node, "module", None) or "").split(".")[0])
            assert not names & banned, f"{path}:{node.lineno}: {names & banned}"


# Tracked files


@pytest.fixture(scope="module")
def made():
    """What each file that git keeps should hold, as this build made it."""
    return tracked.files(ROOT)


def test_notebooks_are_those_the_build_makes(made):
    notebooks = {path: data for path, data in made.items() if path.endswith(".ipynb")}
    assert sorted(notebooks) == sorted(f"docs/notebooks/{cell}_demo.ipynb" for cell in ("rnn", "lstm", "gru"))
    for path, data in notebooks.items():
        assert (ROOT / path).read_bytes() == data, f"{path} is stale (run: make tracked)"


def grey(png):
    """A picture in 405 columns of grey, 0 to 255."""
    picture = Image.open(io.BytesIO(png)).convert("L")
    size = (405, round(picture.height * 405 / picture.width))
    return np.asarray(picture.resize(size, Image.Resampling.BOX), dtype=float)


def largest_difference(a, b, side=15):
    """RMS difference over squares of 15 by 15, of the square where it is largest.

    The mean over a picture hardly sees a wrong letter; its square does. A changed
    sign or gate in our figures gives 17 to 40, another rounding less than 1.
    """
    squares = np.pad((a - b) ** 2, [(0, -length % side) for length in a.shape])
    rows, columns = (length // side for length in squares.shape)
    return squares.reshape(rows, side, columns, side).mean((1, 3)).max() ** 0.5


def test_largest_difference_sees_one_letter():
    white = np.full((200, 405), 255.0)
    letter = white.copy()
    letter[100:104, 200:203] = 0
    assert largest_difference(white, white) == 0
    assert largest_difference(white, letter) > 8


@pytest.mark.parametrize("name", tracked.FIGURES)
def test_kept_figures_are_those_the_build_draws(made, name):
    path = f"images/{name}.png"
    kept = (ROOT / path).read_bytes()
    assert Image.open(io.BytesIO(kept)).width >= 1600
    old, new = grey(kept), grey(made[path])
    assert old.shape == new.shape and largest_difference(old, new) < 8, f"{path} is stale (run: make tracked)"


def test_images_holds_nothing_else():
    assert {path.stem for path in (ROOT / "images").iterdir()} == set(tracked.FIGURES)


# Traces of one machine or one home


def test_no_file_names_a_path_of_one_machine():
    path = re.compile(r"(?<![\w.:/*-])(?:/(?:work|tmp|root|home|Users|var/folders)/|[A-Z]:\\)")
    found = [f"{name}: {hit[0]}" for name, text in texts() if (hit := path.search(text))]
    assert not found


def test_only_the_press_and_the_readme_know_where_we_are_hosted():
    owner, name = DEFAULT_REPO.split("/")[-2:]
    address = re.compile(rf"{owner}/{name}(?!/tree/main/day2[68]-)|{owner}\.github\.io", re.I)
    knowing = {path for path, text in texts() if address.search(text) and not path.startswith("tests/test_press_")}
    assert knowing == {"README.md", "hooks/mkdocs_press.py"}
