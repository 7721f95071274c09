"""Turns a page as written into a page as published, still Markdown.

Includes become code and output, references become values, images become the
figures that snippets drew. What MkDocs renders, what is published as Markdown
and what pytest-codeblocks runs all come from `expand`.
"""

import difflib
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt

from hooks import explore
from hooks.claims import KEEP, LEDGER, Claims, cells
from hooks.snippet import Cell, PressError, Reported, Snippet

TYPED = {"console", "markdown"}  # what may be typed by hand: nothing that runs
INCLUDE = re.compile(r"(?P<file>snippets/[\w/.-]+\.py)#(?P<cell>\w+)$")
PROSE = re.compile(
    rf"(?P<keep>{KEEP})"
    r"|!\[(?P<alt>[^\]]*)\]\((?P<src>[^)\s]*)(?:\s+\"(?P<caption>[^\"]*)\")?\)"
    r"|\{\{ *(?P<ref>[a-z_][\w]*(?:\.\w+)+)(?::(?P<spec>[^}]*?))? *\}\}"
    r"|(?P<mark>\[[^][\n]*[✓✔][^][\n]*\](?:\([^)\n]*\))?)"
    r"|(?P<explore><!-- *explore\b[^>]*>)"
    r"|(?P<bad>\{\{|!\[|(?m:^)\$\$|<(?:img|pre|math|audio|video)\b|<!--[-\s]*pytest)"
    r"(?:(?<=\$\$).*?(?m:^)\$\$)?",  # bad to its end
    re.S | re.I,
)
LOOSE = re.compile(r"[\s>*+\d.)-]*(?:```[^`]*|~~~.*)$")  # begins or ends a fence

ADVICE = {
    "{{": "write {{ snippet.value:format }}",
    "![": 'write ![alt text](../images/snippet.svg "caption")',
    "<img": "write ![alt text](../images/...)",
    "<audio": "write ![alt text](../images/<snippet>/<name>.wav)",
    "<video": "draw a figure",
    "<pre": "show a cell of a snippet",
    "<math": "write TeX between dollar signs",
    "$$": "a formula ends in $$, and holds no blank line",
}


@dataclass
class Book:
    """All snippets with what they made, and what pages have used so far."""

    snippets: dict[str, Snippet]
    results: dict[str, dict]
    shown: dict[tuple[str, str], str] = field(default_factory=dict)  # (name, cell) -> where
    used: set[str] = field(default_factory=set)
    figures: dict[str, Path] = field(default_factory=dict)  # published path -> made file
    unreadable: set[str] = field(default_factory=set)  # snippets that could not be parsed
    claims: Claims = field(default_factory=Claims)
    facts: dict[str, dict] = field(default_factory=dict)  # values of no snippet: of the build itself
    scripts: explore.Scripts | None = field(default_factory=explore.Scripts)  # None: they have faults

    @property
    def names(self) -> set[str]:
        return self.unreadable | set(self.snippets)

    def snippet(self, name: str) -> Snippet:
        if name in self.unreadable:
            raise Reported
        if name not in self.snippets:
            near = difflib.get_close_matches(name, self.snippets, 3)
            raise ValueError(f"unknown snippet 'snippets/{name}.py'{have(near or self.snippets)}")
        self.used.add(name)
        return self.snippets[name]

    def result(self, name: str) -> dict:
        self.snippet(name)
        if name not in self.results:
            raise Reported
        return self.results[name]

    def cell(self, name: str, cell_name: str) -> Cell:
        cells = {cell.name: cell for cell in self.snippet(name).code}
        if cell_name not in cells:
            raise ValueError(f"unknown cell '{cell_name}' of snippets/{name}.py{have(cells)}")
        return cells[cell_name]

    def output(self, name: str, cell_name: str) -> str:
        """What a cell printed, whole lines only."""
        self.cell(name, cell_name)
        stdout = self.result(name)["cells"][cell_name]["stdout"]
        what = f"the output of cell '{cell_name}' of snippets/{name}.py"
        if stdout and stdout[-1] != "\n":
            raise ValueError(f"{what} ends without a line end (let print end it)")
        return harmless(what, stdout, r"^\s*(?:```|~~~)|<!--|-->")


def have(names) -> str:
    return f" (have: {', '.join(names)})"


def harmless(what: str, text: str, signs: str) -> str:
    """The text, unless it holds one of the signs, at which its fence would end or a test begin."""
    if found := re.search(signs, text, re.M):
        raise ValueError(f"{what} holds '{found[0].strip()}', which the tests would read (write something else)")
    return text


def expand(text: str, page: str, book: Book) -> str:
    """The published Markdown of the page `docs/<page>`; PressError names every fault."""
    faults: list[str] = []
    lines = text.split("\n")
    fences = find_fences(text, lines, page, faults)
    chain = Chain(page, book)
    ends: dict[int, tuple[int, str]] = {}  # of each chain: its last part, and all that it prints
    parts, at = [], 0
    for start, end, language in [*fences, (len(lines), len(lines), "")]:
        parts.append(expand_prose("\n".join(lines[at:start]), page, at, book, faults))
        at = end
        if start < end:
            body = [line for line in lines[start + 1 : end - 1] if line.strip()]
            try:
                parts.append(expand_fence(language, body, lines[start:end], chain, start + 1))
                if language == "python":
                    ends[chain.number] = (len(parts) - 1, chain.stdout)
            except Reported:
                continue
            except ValueError as error:
                faults.append(f"docs/{page}:{start + 1}: {error}")
    faults += book.claims.collect("\n".join(parts), page)
    if faults:
        raise PressError(*faults)
    for last, stdout in ends.values():
        parts[last] += expected_output(stdout) if stdout else ""
    return "\n".join(parts)


def find_fences(text: str, lines: list[str], page: str, faults: list[str]) -> list[tuple]:
    """(first line, end, language) of each fence; a fence the tests cannot see is a fault."""
    fences, loose = [], set(range(len(lines)))
    for token in MarkdownIt().parse(text):
        if token.level or token.type not in ("fence", "code_block"):
            continue
        start, end = token.map
        loose -= set(range(start, end))
        if lines[start][0] not in "`~":
            faults.append(f"docs/{page}:{start + 1}: an indented block of code escapes the tests (unindent it)")
        elif end - start < 2 or not re.fullmatch(f"{re.escape(token.markup)}+ *", lines[end - 1]):
            faults.append(f"docs/{page}:{start + 1}: the fence is never closed (end it with {token.markup})")
        else:
            fences.append((start, end, token.info))
    nested = [number for number in sorted(loose) if LOOSE.match(lines[number])]
    for number in nested[::2]:  # each second one ends what the one before it began
        faults.append(f"docs/{page}:{number + 1}: a nested fence escapes the tests (unindent it)")
    return fences


def expand_fence(language: str, body: list[str], raw: list[str], chain: "Chain", line: int) -> str:
    """One fence: an include, or typed text of a kind that nothing runs."""
    if language in TYPED:
        typed = harmless("the block", "\n".join(raw[1:-1]), r"```|~~~|<!--")
        return f"~~~{language}\n{typed}\n~~~"
    if language == "diff":
        return difference(chain.book, body)
    if language not in ("python", "text", "table"):
        raise ValueError(f"a fence labelled '{language}' (use exactly python, text, table, diff, console or markdown)")
    include = INCLUDE.match(body[0].strip()) if len(body) == 1 else None
    if not include:
        raise ValueError(
            f"a {language} fence holds one include line, nothing typed (write snippets/path/name.py#cell)"
        )
    name = include["file"].removeprefix("snippets/").removesuffix(".py")
    if language == "python":
        return chain.code(name, include["cell"], line)
    stdout = chain.book.output(name, include["cell"]).rstrip()
    if not stdout:
        raise ValueError(f"cell '{include['cell']}' of snippets/{name}.py prints nothing (drop the {language} fence)")
    return f"~~~text\n{stdout}\n~~~" if language == "text" else table(stdout, name, include["cell"])


def table(stdout: str, name: str, cell: str) -> str:
    """A printed Markdown table, to be shown as a table; nothing else may be in it."""
    lines = stdout.split("\n")
    widths = {len(cells(re.sub(r"`[^`]*`", "", line))) for line in lines}
    if len(lines) < 3 or not re.fullmatch(r"\|( *:?-+:? *\|)+", lines[1]) or len(widths) > 1:
        what = f"cell '{cell}' of snippets/{name}.py prints no table"
        raise ValueError(f"{what} (print a head, a line like |---|---|, and rows with as many cells)")
    for line in lines:
        if not re.fullmatch(r"\|.*\|", line) or re.search(r"\{\{|!\[|<(?!br>)", line):
            what = f"cell '{cell}' of snippets/{name}.py prints {line[:60]!r}"
            raise ValueError(f"{what}, which is no row of a table (print |-rows alone, or use a text fence)")
    return f"\n{stdout}\n"


def difference(book: Book, body: list[str]) -> str:
    """Two snippets compared line by line."""
    names = [line.strip().removeprefix("snippets/").removesuffix(".py") for line in body]
    if len(names) != 2:
        raise ValueError("a diff fence names two snippets, one a line")
    old, new = (book.snippet(name).source.splitlines() for name in names)
    files = [f"snippets/{name}.py" for name in names]
    lines = [f"--- {files[0]}", f"+++ {files[1]}"]
    for change, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if change != "equal":
            lines += [f"@@ line {a + 1} @@", *(f"-{line}" for line in old[a:b]), *(f"+{line}" for line in new[c:d])]
    return "\n".join(["~~~diff", *lines, "~~~"])


class Chain:
    """The blocks of a page that continue one another, for pytest-codeblocks."""

    def __init__(self, page: str, book: Book):
        self.page, self.book = page, book
        self.number, self.name, self.count, self.stdout = 0, "", 0, ""

    def code(self, name: str, cell_name: str, line: int) -> str:
        """The bare block, with comments that name its source and join it to its chain."""
        cell = self.book.cell(name, cell_name)
        self.check_order(name, cell, line)
        joined = self.count > 0
        self.count += 1
        self.stdout += self.book.output(name, cell_name)
        block = [f"<!-- snippets/{name}.py#{cell_name} -->"]
        block += ["<!--pytest-codeblocks:cont-->"] if joined else []
        source = harmless("the cell", cell.source.strip("\n"), r"^\s*```")
        return "\n".join([*block, "```python", source, "```"])

    def check_order(self, name: str, cell: Cell, line: int) -> None:
        where = self.book.shown.get((name, cell.name))
        if where:
            raise ValueError(f"cell '{cell.name}' of snippets/{name}.py is shown already at {where} (show it once)")
        self.book.shown[name, cell.name] = f"docs/{self.page}:{line}"
        if cell.hidden:
            raise ValueError(f"cell '{cell.name}' of snippets/{name}.py is hidden (drop its tag or this block)")
        if self.name != name:
            self.number, self.name, self.count, self.stdout = self.number + 1, name, 0, ""
        due = self.book.snippets[name].code[self.count].name
        if due != cell.name:
            raise ValueError(
                f"cell '{cell.name}' of snippets/{name}.py is out of order: '{due}' comes first"
                " (show a snippet's cells in order, on one page, with no other snippet between)"
            )


def expected_output(stdout: str) -> str:
    """What the whole chain prints, in a comment that pytest-codeblocks compares."""
    return f"\n<!--pytest-codeblocks:expected-output-->\n<!--\n```text\n{stdout}```\n-->"


def expand_prose(text: str, page: str, offset: int, book: Book, faults: list[str]) -> str:
    """Values and figures of the lines between two fences."""

    def line_of(match: re.Match, at: int) -> int:
        return offset + text.count("\n", 0, at + match.start()) + 1

    def replace(match: re.Match, at: int = 0) -> str:
        def inner(part: str) -> str:
            return PROSE.sub(lambda found: replace(found, at + match.start(part)), match[part] or "")

        try:
            if match["keep"]:
                return match[0]
            if match["ref"]:
                return value(match["ref"], match["spec"] or "", book, page)
            if match["mark"]:
                return book.claims.mark(match["mark"], page, line_of(match, at), bool(at))
            if match["explore"]:
                return explorable(match["explore"], page, book)
            if match["src"] is not None:
                if not alone(match):
                    advice = "begin and end the line with it"
                    raise ValueError(f"the image '{match['src']}' is not alone on its line ({advice})")
                return image(inner("alt"), match["src"], inner("caption"), page, book)
            advice = ADVICE.get(match["bad"].lower(), "the press writes test comments itself")
            raise ValueError(f"unreadable '{match['bad']}' ({advice})")
        except Reported:
            return ""
        except ValueError as error:
            faults.append(f"docs/{page}:{line_of(match, at)}: {error}")
            return ""

    return PROSE.sub(replace, text)


def alone(match: re.Match) -> bool:
    """Whether nothing else stands on its lines: a figure in a sentence or a table would break it."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    return not before.rpartition("\n")[2] and not after.partition("\n")[0].strip()


def value(reference: str, spec: str, book: Book, page: str) -> str:
    """A snippet's value, formatted: `lstm.step.parameters:,d`."""
    parts = reference.split(".")
    if parts[0] == "claims":
        if page != LEDGER or spec:
            raise ValueError(f"'{reference}' is a row of docs/{LEDGER}, there without a format (link to its id)")
        return book.claims.entry(".".join(parts[1:]))
    if parts[0] in book.facts:
        cut, found = 1, book.facts[parts[0]]
    else:
        cut = next((n for n in range(len(parts) - 1, 0, -1) if "/".join(parts[:n]) in book.names), len(parts) - 1)
        found = book.result("/".join(parts[:cut]))["values"]
    for key in parts[cut:]:
        if not isinstance(found, dict) or key not in found:
            names = [] if is_bad(found) or not isinstance(found, dict) else found
            raise ValueError(f"unknown value '{reference}'{have(k for k in names if not is_bad(found[k]))}")
        found = found[key]
    if is_bad(found):
        raise ValueError(f"value '{reference}' {found['!']}")
    if isinstance(found, dict):
        raise ValueError(f"value '{reference}' is a dict{have(found)}")
    try:
        return format(found, spec)
    except ValueError:
        raise ValueError(f"value '{reference}' is {found!r}, which '{spec}' cannot format (mend the format)") from None


def is_bad(found) -> bool:
    return isinstance(found, dict) and "!" in found


def image(alt: str, src: str, caption: str, page: str, book: Book) -> str:
    """An image of the page, as the published figure: `../images/<snippet>[/<cell>].svg`."""
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), src))
    stem = re.sub(r"\.(svg|png|wav)$", "", path).removeprefix("images/")
    if not path.startswith("images/") or stem == path:
        raise ValueError(f"no snippet draws '{src}' (an image is ../images/<snippet>/<cell>.svg)")
    if not alt.strip():
        raise ValueError(f"the image '{src}' has no alt text (say what it shows)")
    if re.search(r"\.(WAV|mp3|ogg|oga|opus|flac|m4a|aac)$", path):
        raise ValueError(f"'{src}' is no sound that a page plays (write a .wav)")
    if path.endswith(".wav"):
        return sound(alt, path, caption, page, book)
    name, _, cell_name = (stem, "", "") if stem in book.names else stem.rpartition("/")
    if name not in book.names:
        near = difflib.get_close_matches(stem, book.snippets, 3)
        raise ValueError(f"no snippet draws '{src}'{have(near or book.snippets)}")
    drawn = {cell: made["figures"] for cell, made in book.result(name)["cells"].items() if made["figures"]}
    cell_name = cell_name or (next(iter(drawn)) if len(drawn) == 1 else "")
    if cell_name not in drawn:
        cells = [f"{name}/{cell}.svg" for cell in drawn]
        advice = have(cells) if cells else " (let a cell draw it and call plt.show())"
        raise ValueError(f"no cell of snippets/{name}.py draws '{src}'{advice}")
    for made, twin in zip(drawn[cell_name], ("", ".narrow"), strict=False):
        for theme in ("", ".dark"):
            file = book.results[name]["folder"] / f"{made['file']}{theme}.svg"
            book.figures[f"images/{stem}{twin}{theme}.svg"] = file
    return published_image(alt, f"images/{stem}.svg", caption, page)


def sound(alt: str, path: str, caption: str, page: str, book: Book) -> str:
    """A sound that a snippet wrote: `![Spoken: seven](../images/<snippet>/<name>.wav)`."""
    keep_written(path, book)
    return published_image(alt, path, caption, page)


def keep_written(path: str, book: Book) -> None:
    """Publish a sound, or the data of an explorable: `images/<snippet>/<file that it writes>`."""
    name, wanted = posixpath.dirname(path).removeprefix("images").removeprefix("/"), posixpath.basename(path)
    if not name:
        raise ValueError(f"no snippet writes '{wanted}' (a file of a snippet is ../images/<snippet>/<name>)")
    written, kind = book.result(name)["written"], posixpath.splitext(wanted)[1]
    if wanted not in written:
        names = [f"{name}/{file}" for file in written if posixpath.splitext(file)[1] == kind]
        advice = have(names) if names else " (let a cell write it into its own folder)"
        raise ValueError(f"snippets/{name}.py writes no '{wanted}'{advice}")
    book.figures[path] = book.results[name]["folder"] / written[wanted]


def explorable(comment: str, page: str, book: Book) -> str:
    """The comment that asks for an explorable, its data published."""
    if book.scripts is None:
        raise Reported
    words = explore.settings(comment, book.scripts)
    if data := words.get("data"):
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), data))
        if not re.fullmatch(r"images/.+\.json", path):
            raise ValueError(f"no snippet writes '{data}' (data is ../images/<snippet>/<name>.json)")
        keep_written(path, book)
        words["data"] = posixpath.relpath(path, page_folder(page))
    return explore.comment(words)


def published_image(alt: str, path: str, caption: str, page: str) -> str:
    url = posixpath.relpath(path, page_folder(page))
    return f'![{alt}]({url}{f" {chr(34)}{caption}{chr(34)}" if caption else ""})'


def page_folder(page: str) -> str:
    """The folder a page is published in: docs/rnn.md -> rnn, docs/index.md -> '.'"""
    stem = page.removesuffix(".md").removesuffix(".ipynb")
    return posixpath.dirname(stem) or "." if posixpath.basename(stem) == "index" else stem


def leftovers(book: Book) -> list[str]:
    """Faults at the end of a build: what snippets hold and no page shows."""
    faults = []
    for name, snippet in book.snippets.items():
        if name not in book.used:
            faults.append(f"{snippet.file}:1: no page shows anything of it (use it or remove it)")
            continue
        for cell in snippet.code:
            if not cell.hidden and (name, cell.name) not in book.shown:
                what = f"no page shows cell '{cell.name}' (include it, or tag it hidden)"
                faults.append(f"{snippet.file}:{cell.line}: {what}")
    return faults + book.claims.unlisted()
