"""Whole builds: what is published, that it repeats, and that a bad build publishes nothing."""

import contextlib
import io
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from press_project import REPO, block, build, environment, mkdocs, project, snippet, tree, write
from pytest_codeblocks import extract_from_file

from hooks import mkdocs_press as press

DRAW = """\
import matplotlib.pyplot as plt
plt.figure(figsize=(9.6, 2))
plt.title("hₜ")
plt.plot([1, 2], color="#2072d5")
plt.show()"""
DEMO = f'''\
"""Demonstrates."""

# %% [markdown]
# # A demo
#
# Words with $x_t$.

# %% data
size = 3
print(size)

# %% draw alt="A line that rises"
{DRAW}
'''
FILES = {
    ".gitignore": ".cache/\nsite/\n.site-*/\n",
    "docs/index.md": f"""\
---
description: "{{{{ steps.size:,d }}}} words"
---
# Home

{block("steps", "a")}
{block("steps", "a", "text")}
{block("steps", "b")}
From {{{{ steps.size:,d }}}} to [there](deep/there.md#far), or to [the demo](notebooks/demo.ipynb) 🧠.

$$
h_t = x_t
$$

| symbol | in code | shape | is |
|---|---|---|---|
| $h_t$, $x_t$ | `h`, `x` | (H), (I) | the state, the input |
| $t$ | – | number | the step |
""",
    "docs/deep/there.md": """\
---
description: Elsewhere
---
# There

![It ends at {{ steps.end:.1f }}](../../images/drawn.svg "It *rises*")

## Far

Back [home](../index.md).
""",
    "snippets/steps.py": snippet("size = 50800\nprint('größer')", "end = 2.04\nprint(end)"),
    "snippets/drawn.py": '"""Draws."""\n# %% draw tags=["hidden"]\n'
    + DRAW
    + "\n"
    + DRAW.replace("9.6", "4.8").replace("import matplotlib.pyplot as plt\n", ""),
    "snippets/demo.py": DEMO,
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A small repository that brings its own copy of the press."""
    root = project(tmp_path_factory.mktemp("origin"), FILES, hooks=Path("hooks"))
    shutil.copytree(REPO / "hooks", root / "hooks", ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    (root / "hooks/node_modules").symlink_to(REPO / "hooks/node_modules")
    name = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*name, "commit", "-qm", "One"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def clone(origin: Path, to: Path) -> Path:
    subprocess.run(["git", "clone", "-q", origin, to], check=True)
    return to


@pytest.fixture(scope="module")
def built(origin, tmp_path_factory):
    """A clone of it, built cold."""
    root = clone(origin, tmp_path_factory.mktemp("one") / "clone")
    made = build(root)
    assert made.returncode == 0, made.stderr
    for name in ("steps", "drawn", "demo"):
        assert re.search(rf"snippets/{name}\.py +ran \d+\.\d s", made.stderr)
    return root


@pytest.fixture
def root(built, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(built, tmp_path / "copy", symlinks=True)


def test_published_markdown(built):
    text = (built / "site/index.md").read_text()
    assert "From 50,800 to [there](deep/there/index.md#far), or to [the demo](notebooks/demo/index.md) 🧠." in text
    assert "description:" not in text and "~~~text\ngrößer\n~~~" in text
    there = (built / "site/deep/there/index.md").read_text()
    assert '![It ends at 2.0](../../images/drawn.svg "It *rises*")' in there and "[home](../../index.md)" in there
    demo = (built / "site/notebooks/demo/index.md").read_text()
    assert "# A demo\n\nWords with $x_t$." in demo and "![A line that rises](../../images/demo/draw.svg)" in demo


def test_links_of_the_published_markdown_resolve(built):
    site = built / "site"
    for twin in site.rglob("index.md"):
        for target in re.findall(r"\]\(([^)#\s]+)", twin.read_text()):
            assert (twin.parent / target).is_file(), (twin, target)


def test_published_blocks_run_as_shown(built):
    chains = [chain for twin in built.glob("site/**/*.md") for chain in extract_from_file(twin)]
    assert sorted(chain.expected_output or "" for chain in chains) == ["3\n", "größer\n2.04\n"]
    for chain in chains:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(chain.code.replace("plt.show()", "plt.close()"), {})
        assert printed.getvalue() == chain.expected_output


def test_pages_show_what_ran(built):
    home = (built / "site/index.html").read_text()
    assert '<meta name="description" content="50,800 words"' in home
    assert "From 50,800 to" in home and "größer" in home and "<math" in home and "pytest" not in home
    there = (built / "site/deep/there/index.html").read_text()
    for theme in ("", ".dark"):
        assert f'<img src="../../images/drawn{theme}.svg" alt="It ends at 2.0" width="691" height="144"' in there
        assert f'srcset="../../images/drawn.narrow{theme}.svg" width="346"' in there
    for file in ("drawn", "drawn.dark", "drawn.narrow", "drawn.narrow.dark", "demo/draw", "demo/draw.dark"):
        assert (built / f"site/images/{file}.svg").read_text().startswith("<?xml")
    for path in FILES:
        if path.startswith("snippets/"):
            assert (built / "site" / path).read_text() == FILES[path]


def test_index_for_machines(built):
    index = (built / "site/llms.txt").read_text()
    base = "https://shadabur-rahaman.github.io/Daily-ML-Dose/"
    assert index.startswith("# Tiny\n\n> A tiny project\n\n")
    assert f"- [Home]({base}index.md): 50,800 words\n" in index
    assert f"- [There]({base}deep/there/index.md): Elsewhere\n" in index
    assert f"- [A demo]({base}notebooks/demo/index.md)\n" in index
    whole = (built / "site/llms-full.txt").read_text()
    assert all(twin.read_text().strip() in whole for twin in built.glob("site/**/index.md"))


def test_notebook_for_download(built):
    file = built / "site/notebooks/demo/demo.ipynb"
    notebook = nbformat.reads(file.read_text(), as_version=4)
    nbformat.validate(notebook)
    assert [cell["id"] for cell in notebook.cells] == ["text-3", "data", "draw"]
    assert notebook.cells[1].outputs[0].text == "3\n" and notebook.cells[1].execution_count is None
    [figure] = notebook.cells[2].outputs
    assert figure.data["image/png"].startswith("iVBOR") and figure.metadata["image/png"]["alt"] == "A line that rises"
    assert notebook.cells[2].source == DRAW
    page = (built / "site/notebooks/demo/index.html").read_text()
    assert 'alt="A line that rises"' in page and "A demo" in page


def test_nothing_else_is_left(built):
    assert subprocess.run(["git", "status", "--short"], cwd=built, stdout=-1, text=True).stdout == ""
    assert not list(built.glob(".site-*"))


def test_two_builds_at_once_elsewhere_make_the_same_bytes(origin, built, tmp_path):
    """Another folder, working folder, time zone, locale, date variable, number of workers, home and hash seed."""
    root = clone(origin, tmp_path / "an other/clone")
    (tmp_path / "home").mkdir()
    odd = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "LANG": "de_DE.ISO-8859-1"}
    odd |= {"PRESS_WORKERS": "1", "SOURCE_DATE_EPOCH": "1", "PYTHONHASHSEED": "7"}
    odd |= {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(REPO)}
    command = mkdocs("build", "--strict", "--config-file", str(root / "mkdocs.yml"))
    builds = [
        subprocess.Popen(command, cwd=tmp_path, env=environment(**odd), stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    for one in builds:
        assert one.communicate()[1] is not None and one.returncode == 0
    ours, theirs = tree(built / "site"), tree(root / "site")
    assert sorted(ours) == sorted(theirs)
    assert [path for path in ours if ours[path] != theirs[path]] == []
    assert not list(root.glob(".site-*")) and not list(root.glob(".cache/press/tmp.*"))
    assert {p.name: tree(p) for p in root.glob(".cache/press/*")} == {
        p.name: tree(p) for p in built.glob(".cache/press/*")
    }


def test_a_build_without_changes_runs_nothing(root):
    before = tree(root / "site")
    made = build(root)
    assert made.returncode == 0 and made.stderr.count(" cached\n") == 3 and " ran " not in made.stderr
    assert tree(root / "site") == before


def spoil(root: Path, files: dict[str, str | bytes]) -> str:
    """Build with these changes; the build must fail and leave the site as it was. Returns what it says."""
    before = tree(root / "site")
    write(root, files)
    made = build(root)
    assert made.returncode not in (0, None) and "Traceback" not in made.stderr
    assert tree(root / "site") == before and not list(root.glob(".site-*"))
    return made.stderr


def test_all_faults_of_snippets_and_pages_together(root):
    said = spoil(
        root,
        {
            "snippets/one.py": snippet("x = 1\nx / 0"),
            "snippets/two.py": snippet("import ctypes\nctypes.string_at(0)"),
            "snippets/three.py": snippet("def f(:"),
            "snippets/four.py": b'"""F."""\r\n# %% a\r\n',
            "snippets/demo.py": DEMO.replace(' alt="A line that rises"', ""),
            "docs/index.md": "# Home\n\n{{ steps.lost }}\n\n```python\nprint(1)\n```\n",
            "docs/latin.md": "# K\n\nK\xfcche\n".encode("latin-1"),
            "docs/windows.md": "# W\r\n",
            "docs/marked.md": b"\xef\xbb\xbf# M\n",
            "docs/null.md": "# N\n\n\n\0",
        },
    )
    for fault in (
        "snippets/one.py:4: ZeroDivisionError: division by zero",
        "snippets/two.py:4: was ended by signal 11",
        "snippets/three.py:3: SyntaxError: ",
        "snippets/four.py:1: has Windows line ends",
        "snippets/demo.py:12: cell 'draw' of a notebook draws a figure without alt text",
        "docs/index.md:3: unknown value 'steps.lost' (have: size, end)",
        "docs/index.md:5: a python fence holds one include line",
        "docs/latin.md:3: is not UTF-8 text",
        "docs/windows.md:1: has Windows line ends",
        "docs/marked.md:1: starts with a byte order mark",
        "docs/null.md:4: holds a NUL byte",
    ):
        assert f"\n{fault}" in said


def test_what_no_page_shows(root):
    said = spoil(root, {"snippets/spare.py": snippet("x = 1"), "docs/index.md": f"# Home\n\n{block('steps')}"})
    assert "\nsnippets/spare.py:1: no page shows anything of it" in said
    assert "\nsnippets/steps.py:6: no page shows cell 'b'" in said


def test_bad_formula(root):
    said = spoil(root, {"docs/index.md": FILES["docs/index.md"].replace("= x_t", r"= \frac{x_t")})
    line = FILES["docs/index.md"].split("\n").index("h_t = x_t") + 1
    assert f"docs/index.md:{line}: formula " in said and "(mend the TeX)" in said


def test_undefined_symbols_of_all_pages(root):
    pages = {path: FILES[path] + "\n$$\nu_t\n$$\n" for path in ("docs/index.md", "docs/deep/there.md")}
    said = spoil(root, pages)
    for path, text in pages.items():
        line = text.split("\n").index("u_t") + 1
        assert f"{path}:{line}: no legend of this page defines 'u_t' (give it a row" in said


def test_warnings_are_faults(root):
    """A broken link, and what another hook says before ours is asked."""
    early = "import logging\n\ndef on_config(config):\n    logging.getLogger('mkdocs.plugins.x').warning('early')\n"
    config = (root / "mkdocs.yml").read_text().replace("hooks: [", "hooks: [early.py, ")
    page = FILES["docs/deep/there.md"] + "\nAnd [nowhere](../lost.md).\n"
    said = spoil(root, {"mkdocs.yml": config, "early.py": early, "docs/deep/there.md": page})
    assert "'../lost.md'" in said and "2 warnings, each a fault (see above); the site was not replaced" in said


def test_an_unwritable_cache(root):
    shutil.rmtree(root / ".cache")
    assert "\n.cache/press:1: cannot be written: " in spoil(root, {".cache": "a file"})


ADDRESSES = {
    "https://github.com/Some-One/their.repo.git": "https://github.com/Some-One/their.repo",
    "git@github.com:one/repo.git": "https://github.com/one/repo",
    "ssh://git@gitlab.com/one/repo": "https://gitlab.com/one/repo",
    "https://user:secret@github.com/one/repo": press.DEFAULT_REPO,
    "/srv/git/repo.git": press.DEFAULT_REPO,
    "": press.DEFAULT_REPO,
}


@pytest.mark.parametrize("remote", ADDRESSES)
def test_where_the_repository_is(monkeypatch, remote):
    monkeypatch.delenv("REPO_URL", raising=False)
    monkeypatch.setattr(press, "git", lambda *args: remote)
    assert press.repo_address() == ADDRESSES[remote]
    monkeypatch.setenv("REPO_URL", "https://github.com/a/b")
    assert press.repo_address() == "https://github.com/a/b"


@pytest.mark.parametrize("url", ["https://x.org/sub", "https://x.org/sub/"])
def test_where_the_site_is(tmp_path, monkeypatch, url):
    monkeypatch.setattr(press, "state", press.State())
    monkeypatch.setenv("REPO_URL", "https://github.com/Some-One/Repo")
    config = SimpleNamespace(config_file_path=str(tmp_path / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    monkeypatch.setenv("SITE_URL", url)
    assert press.on_config(config).site_url == "https://x.org/sub/"
    monkeypatch.delenv("SITE_URL")
    config.site_dir = str(tmp_path / "site")
    assert press.on_config(config).site_url == "https://some-one.github.io/Repo/"


def test_without_git(tmp_path, monkeypatch):
    monkeypatch.setattr(press, "state", press.State())
    press.state.root = tmp_path
    monkeypatch.setenv("PATH", str(tmp_path))
    assert press.git("log") == ""


@pytest.mark.parametrize("left", [".site-7", ".site-7-old"])
def test_what_a_killed_build_left_is_no_obstacle(tmp_path, monkeypatch, left):
    """In a container every build may have the same process id."""
    monkeypatch.setattr(press, "state", press.State())
    press.state.root = tmp_path
    write(tmp_path, {f"{left}/half": "x", "site/index.html": "old", ".site-7/index.html": "new"})
    press.put_in_place(tmp_path / ".site-7", tmp_path / "site")
    assert (tmp_path / "site/index.html").read_text() == "new" and not list(tmp_path.glob(".site-*"))


def test_builds_that_end_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(press, "state", press.State())
    press.state.root = tmp_path
    sites = [write(tmp_path / f".site-{number}", {"index.html": "whole"}) for number in range(50)]
    with ThreadPoolExecutor(10) as builds:
        list(builds.map(lambda new: press.put_in_place(new, tmp_path / "site"), sites))
    assert tree(tmp_path / "site") == {"index.html": b"whole"} and not list(tmp_path.glob(".site-*"))
