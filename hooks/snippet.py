"""Reads a snippet: a Python file in percent format, cut into named cells."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(
    r"# %%(?: (?P<name>[a-z][a-z0-9_]*))?(?P<markdown> \[markdown\])?"
    r"(?: alt=\"(?P<alt>[^\"]+)\")?(?: tags=\[\"(?P<tag>hidden|recorded)\"\])?$"
)
LIMIT = re.compile(r"^# time limit: (\d+) s$", re.M)
DEFAULT_LIMIT = 120  # seconds
RECORDED = "runs = {key: run(**settings) for key, settings in plan.items()}"  # what a recorded cell holds


class PressError(Exception):
    """Faults of a build, each one `file:line: what is wrong (what to do)`."""

    def __init__(self, *faults: str):
        super().__init__("\n".join(faults))
        self.faults = list(faults)


class Reported(ValueError):
    """What is asked for failed, and its own fault is in the list: whoever asks adds nothing."""


@dataclass(frozen=True)
class Cell:
    name: str | None  # None for a Markdown cell
    line: int  # of the cell's mark
    source: str
    hidden: bool
    recorded: bool  # no build runs it: its `runs` come from the .json beside the snippet
    alt: str | None  # alternative text of the cell's figure, for notebooks


@dataclass(frozen=True)
class Snippet:
    file: str  # "snippets/lstm/step.py"
    source: str
    limit: int  # seconds
    cells: tuple[Cell, ...]
    recorded: bool  # a .json beside it holds its values; no build runs it

    @property
    def study(self) -> Cell | None:
        """The recorded cell, if there is one."""
        return next((cell for cell in self.cells if cell.recorded), None)

    @property
    def record(self) -> str:
        return self.file.removesuffix(".py") + ".json"

    @property
    def name(self) -> str:
        return self.file.removeprefix("snippets/").removesuffix(".py")

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.name]

    @property
    def is_notebook(self) -> bool:
        return any(cell.name is None for cell in self.cells)


def read_text(root: Path, file: str) -> str:
    """The text of a file of the project, or PressError if it is not clean UTF-8."""
    data = (root / file).read_bytes()
    for bad, what in (
        (b"\r", "has Windows line ends (save it with LF line ends)"),
        (b"\xef\xbb\xbf", "starts with a byte order mark (save it as plain UTF-8)"),
        (b"\0", "holds a NUL byte (save it as plain UTF-8 text)"),
    ):
        if bad in data:
            raise PressError(f"{file}:{line_at(data, data.index(bad))}: {what}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PressError(f"{file}:{line_at(data, error.start)}: is not UTF-8 text (save it as UTF-8)") from None


def line_at(data: bytes, offset: int) -> int:
    return data[:offset].count(b"\n") + 1


def read_snippet(root: Path, file: str) -> Snippet:
    """Parse one snippet; PressError names every fault found in it."""
    source = read_text(root, file)
    lines = source.split("\n")
    marks = [n for n, line in enumerate(lines) if re.match(r"\s*# ?%%", line)]
    faults = check_preamble(file, lines[: marks[0] if marks else None], bool(marks))
    if not re.fullmatch(r"snippets/(\w+/)*\w+\.py", file):
        faults.append(f"{file}:1: a page cannot refer to this name (rename it: letters, digits and _)")
    if taken := re.match(r"snippets/(build|claims|ledger)\b", file):
        faults.append(f"{file}:1: values named '{taken[1]}' are not a snippet's (rename the file or folder)")
    cells: list[Cell] = []
    for start, end in zip(marks, [*marks[1:], len(lines)], strict=False):
        match = MARK.match(lines[start])
        if not match or bool(match["name"]) == bool(match["markdown"]):
            faults.append(f"{file}:{start + 1}: unreadable cell line (write `# %% name`)")
            continue
        body = "\n".join(lines[start + 1 : end]).rstrip("\n") + "\n"
        cell = Cell(match["name"], start + 1, body, bool(match["tag"]), match["tag"] == "recorded", match["alt"])
        faults += check_cell(file, cell, cells)
        cells.append(cell)
    if faults:
        raise PressError(*faults)
    preamble = "\n".join(lines[: marks[0]])
    limit = LIMIT.search(preamble)
    recorded = (root / file).with_suffix(".json").exists() and not any(cell.recorded for cell in cells)
    seconds = int(limit[1]) if limit else DEFAULT_LIMIT
    return Snippet(file, source, seconds, tuple(cells), recorded)


def check_preamble(file: str, lines: list[str], has_cells: bool) -> list[str]:
    if not has_cells:
        return [f"{file}:1: has no cell (start one with `# %% name`)"]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError as error:
        return [f"{file}:{error.lineno}: SyntaxError: {error.msg}"]
    if not ast.get_docstring(tree):
        return [f"{file}:1: has no docstring (say in one line what the file shows)"]
    if len(tree.body) > 1:
        return [f"{file}:{tree.body[1].lineno}: code before the first cell (move it into a cell)"]
    return []


def check_cell(file: str, cell: Cell, before: list[Cell]) -> list[str]:
    if cell.name is None:
        return check_words(file, cell)
    where, faults = f"{file}:{cell.line}", []
    if any(cell.name == other.name for other in before):
        faults.append(f"{where}: a second cell named '{cell.name}' (rename one)")
    if cell.recorded and cell.source.strip() != RECORDED:
        faults.append(f"{where}: the recorded cell '{cell.name}' holds other code (write `{RECORDED}`)")
    if cell.recorded and any(other.recorded for other in before):
        faults.append(f"{where}: a second recorded cell (make one study a file)")
    if not cell.hidden and any(other.hidden for other in before):
        faults.append(
            f"{where}: cell '{cell.name}' is shown but follows a hidden one, so a reader"
            " cannot run it (move hidden cells to the end)"
        )
    try:
        compile("\n" * cell.line + cell.source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        faults.append(f"{file}:{error.lineno}: SyntaxError: {error.msg} (in cell '{cell.name}')")
    return faults


def check_words(file: str, cell: Cell) -> list[str]:
    """A Markdown cell goes into notebooks as it stands, so it may hold nothing to expand."""
    faults = []
    for number, line in enumerate(cell.source.split("\n"), cell.line + 1):
        if line and line[0] != "#":
            faults.append(f"{file}:{number}: code in a Markdown cell (start a code cell)")
        elif bad := re.search(r"\{\{|!\[|<img|<math|```|~~~|\[[✓✔]", line):
            faults.append(f"{file}:{number}: a Markdown cell holds words and formulas, not {bad[0]} (use a code cell)")
    return faults
