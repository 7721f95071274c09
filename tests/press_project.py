"""Lays and builds the tiny projects on which the press is tested."""

import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).parent.parent
CONFIG = """\
site_name: Tiny
site_description: A tiny project
theme: {{name: material, font: false}}
hooks: [{hooks}/mkdocs_press.py]
plugins: [search, {{mkdocs-jupyter: {{include: ["*.ipynb"], execute: false, cache: false}}}}]
markdown_extensions: [tables, pymdownx.superfences, {{pymdownx.arithmatex: {{generic: true}}}}]
"""


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data.encode() if isinstance(data, str) else data)
    return root


def snippet(*cells: str, head: str = '"""Shows something."""') -> str:
    """The text of a snippet with one cell a string, named a, b, c, ..."""
    marked = [f"# %% {name}\n{cell}\n" for name, cell in zip("abcdefgh", cells, strict=False)]
    return "\n".join([head, *marked])


def block(path: str, cell: str = "a", language: str = "python") -> str:
    """A fence that shows a cell, or (text) what it printed."""
    mark = "```" if language == "python" else "~~~"
    return f"{mark}{language}\nsnippets/{path}.py#{cell}\n{mark}\n"


def project(root: Path, files: dict[str, str | bytes], hooks: Path = REPO / "hooks") -> Path:
    return write(root, {"mkdocs.yml": CONFIG.format(hooks=hooks), **files})


def mkdocs(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mkdocs", *arguments]


def environment(**changes: str) -> dict[str, str]:
    """Ours, less what says where a site is published, plus `changes`."""
    ours = {name: value for name, value in os.environ.items() if name not in ("REPO_URL", "SITE_URL")}
    return ours | {"NO_MKDOCS_2_WARNING": "1", "PRESS_WORKERS": "2"} | changes


def build(root: Path, **changes: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        mkdocs("build", "--strict"), cwd=root, env=environment(**changes), capture_output=True, text=True
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
