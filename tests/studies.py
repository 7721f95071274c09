"""Opens a study for its tests: what it defines before its recorded runs, and the runs."""

from pathlib import Path

from hooks import study
from hooks.snippet import read_snippet

ROOT = Path(__file__).parent.parent


def load(name: str) -> dict:
    """The names of snippets/<name>.py up to its recorded cell, with `runs` and `made` of its record."""
    snippet = read_snippet(ROOT, f"snippets/{name}.py")
    runs, made = study.read(ROOT, snippet)
    return study.define(ROOT, snippet) | {"runs": runs, "made": made}


def finish(name: str, names: dict) -> dict:
    """The names after all further cells too: medians, verdicts, and whatever else the page quotes."""
    snippet = read_snippet(ROOT, f"snippets/{name}.py")
    for cell in snippet.code:
        if cell.line > snippet.study.line:
            exec(cell.source, names)
    return names
