"""Times a build in its four cases, in turn, on a copy of the project: make bench.

Cold, with nothing changed, after an edit of one snippet, and plain MkDocs on
the pages as the press expanded them: same theme, same extensions, no press.
"""

import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 3
LONG = 60  # seconds; a cold build that takes longer is not repeated
EDITED = "snippets/rnn/step.py"
PLAIN = """\
INHERIT: mkdocs.yml
site_url: https://example.com/plain/
repo_url: https://example.com/plain
docs_dir: plain
site_dir: plain-site
nav:
hooks: []
plugins: [search]
"""


def build(project: Path, *options: str) -> float:
    """Seconds that one build takes, from start to end of its process."""
    command = [sys.executable, "-m", "mkdocs", "build", *options]
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=project, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True)
    seconds = time.perf_counter() - begun
    if ended.returncode:
        sys.exit(f"tests/bench.py: a build failed\n{ended.stderr.decode()}")
    return seconds


def copy_project(project: Path) -> None:
    for name in ("docs", "snippets", "hooks"):
        shutil.copytree(ROOT / name, project / name, symlinks=True)
    shutil.copy(ROOT / "mkdocs.yml", project)


def lay_plain(project: Path) -> None:
    """The published Markdown and its figures, as the pages of a site without the press."""
    for page in (project / "site").rglob("index.md"):
        target = project / "plain" / page.relative_to(project / "site")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, target)
    for made, place in (("site/images", "images"), ("docs/assets", "assets"), ("docs/overrides", "overrides")):
        if (project / made).exists():
            shutil.copytree(project / made, project / "plain" / place)
    (project / "plain.yml").write_text(PLAIN)


def cold(project: Path, number: int) -> float:
    shutil.rmtree(project / ".cache", ignore_errors=True)
    return build(project, "--strict")


def nothing_changed(project: Path, number: int) -> float:
    return build(project, "--strict")


def one_edit(project: Path, number: int) -> float:
    with open(project / EDITED, "a") as snippet:
        snippet.write(f"# edit {number}\n")
    return build(project, "--strict")


def plain(project: Path, number: int) -> float:
    if not (project / "plain").exists():
        lay_plain(project)
    return build(project, "--config-file=plain.yml")


CASES = {
    "cold, nothing kept": cold,
    "nothing changed": nothing_changed,
    "one snippet edited": one_edit,
    "plain MkDocs, same pages": plain,
}


def measure(project: Path) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    for number in range(ROUNDS):
        for case, run in CASES.items():
            if run is cold and seconds[case] and seconds[case][0] > LONG:
                continue
            seconds[case].append(run(project, number))
            print(f"round {number + 1}: {case:<26} {seconds[case][-1]:7.1f} s", flush=True)
    return seconds


def code_lines(file: Path) -> int:
    """Lines that hold code: no blank line, no comment, no docstring."""
    if file.suffix != ".py":
        lines = [line.strip() for line in file.read_text().splitlines()]
        return sum(bool(line) and not line.startswith(("//", "/*", "*")) for line in lines)
    found, start = set(), True  # start: at the start of a statement
    for token in tokenize.generate_tokens(io.StringIO(file.read_text()).readline):
        if token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
            start |= token.type == tokenize.NEWLINE
        elif not (start and token.type == tokenize.STRING):
            found |= set(range(token.start[0], token.end[0] + 1)) if token.string else set()
            start = False
    return len(found)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        seconds = measure(Path(folder))
    print(f"\n{'seconds':<26} {'least':>8} {'median':>8} {'rounds':>8}")
    for case, each in seconds.items():
        print(f"{case:<26} {min(each):8.1f} {statistics.median(each):8.1f} {len(each):8}")
    machinery = [file for file in sorted((ROOT / "hooks").iterdir()) if file.suffix in (".py", ".mjs")]
    total = sum(map(code_lines, machinery))
    print(f"\nhooks/: {total} lines of code in {len(machinery)} files, without comments, docstrings and blank lines")


if __name__ == "__main__":
    main()
