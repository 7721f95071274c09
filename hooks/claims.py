"""The claims of the pages: a mark behind a sentence, and its row in the ledger.

A page marks an empirical sentence with `[✓](claims.md#id)`. The ledger,
docs/claims.md, is expanded after all other pages and repeats each sentence
with `{{ claims.id }}`.
"""

import posixpath
import re
from dataclasses import dataclass, field

from hooks.snippet import Reported

LEDGER = "claims.md"
INSIDE = r"(?:(?!\n\s*\n).)+?"  # of a formula or a code span: no blank line
KEEP = (  # formulas and code spans, in which nothing is ours
    rf"(?<!\\)\$\$(?!\$){INSIDE}\$\$|(?<![\\$])\$(?![\s$])(?:\\.|[^\\$\n])+?(?<!\s)\$"
    rf"|(?<!`)(?P<tick>`+)(?!`){INSIDE}(?<!`)(?P=tick)(?!`)"
)
MARK = re.compile(r"\[✓\]\((?P<path>[\w./]*claims\.md)#(?P<id>[a-z][a-z0-9_]*)\)")
MARKS = re.compile(rf"^(?P<fence>```|~~~).*?^(?P=fence)$|{KEEP}|{MARK.pattern}", re.M | re.S)  # id: a mark in prose
TEST = re.compile(r"`(?P<file>tests/\w+\.py)::(?P<name>\w+)`")  # of the ledger
START = re.compile(r"(?<=[.!?])(?:\*\*)?\s+(?=[\W\d]*[A-Z])")


@dataclass
class Claims:
    """Every marked sentence so far, and which of them the ledger has listed."""

    made: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # id -> (page, where, sentence)
    listed: set[str] = field(default_factory=set)
    complete: bool = True  # no page so far has a fault

    def mark(self, text: str, page: str, line: int, in_image: bool) -> str:
        """Register the mark that a page has on a line; the same text, or ValueError."""
        found = MARK.fullmatch(text)
        right = posixpath.relpath(LEDGER, posixpath.dirname(page) or ".")
        if not found or found["path"] != right:
            raise ValueError(f"unreadable mark '{text}' (write [✓]({right}#some_id): small letters, digits and _)")
        if in_image or page == LEDGER:
            where = "an image" if in_image else "the ledger"
            raise ValueError(f"claim '{found['id']}' is made in {where} (mark a sentence of a page's text)")
        if known := self.made.get(found["id"]):
            raise ValueError(f"claim '{found['id']}' is made already at {known[1]} (choose another id)")
        self.made[found["id"]] = (page, f"docs/{page}:{line}", "")
        return text

    def collect(self, published: str, page: str) -> list[str]:
        """Remember the marked sentences of one expanded page; return the faults."""
        faults = []
        for match in MARKS.finditer(published):
            known, where, words = self.made.get(match["id"], ("", "", ""))
            if known != page or words:
                continue
            words = sentence(published[: match.start()])
            self.made[match["id"]] = (page, where, words)
            if not words:
                faults.append(f"{where}: no sentence stands before claim '{match['id']}' (put the mark behind one)")
        return faults

    def entry(self, name: str) -> str:
        """What the ledger says for `{{ claims.name }}`: the sentence, linked to its place."""
        if name not in self.made:
            if not self.complete:
                raise Reported  # it may be the page with the fault that makes this claim
            raise ValueError(f"no page makes claim '{name}' (have: {', '.join(self.made)})")
        if name in self.listed:
            raise ValueError(f"claim '{name}' has a row already (drop one)")
        self.listed.add(name)
        page, _, words = self.made[name]
        return f'<a id="{name}"></a>{words} [`{name}`]({page}#claim-{name})'

    def unlisted(self) -> list[str]:
        return [
            f"{where}: claim '{name}' is not in docs/{LEDGER} (add a row with {{{{ claims.{name} }}}})"
            for name, (_, where, _) in self.made.items()
            if name not in self.listed
        ]


def verdicts(ledger: str) -> dict[str, int]:
    """How many rows of the ledger, as written, say what."""
    rows = [cells(line) for line in ledger.split("\n") if line.startswith("|") and "{{ claims." in line]
    kinds = {"holds": "**holds**", "holds_if": "**holds if**", "does_not_hold": "**does not hold**"}
    return {"claims": len(rows)} | {
        name: sum(len(row) > 1 and row[1].startswith(verdict) for row in rows) for name, verdict in kinds.items()
    }


def sentence(before: str) -> str:
    """The last sentence of a text, or the last row of a table, as plain words; of a heading nothing."""
    block = re.sub(r"(?m)^[ \t]*(?:>[ \t]?)+", "", before).rpartition("\n\n")[2]
    rows = block.split("\n")
    if rows[-1].lstrip().startswith("|"):
        return row(cells(rows[0]), cells(rows[-1])) if len(rows) > 2 else ""
    text = MARK.sub("\0", block).rpartition("\0")[2]
    text = re.sub(r"(?s).*(?:^|\n)(?:#{1,6} [^\n]*|```|~~~|-->)(?:\n|$)", "", text)  # what no blank line parts
    text = re.sub(r"(?s).*(?:^|\n)\s*(?:[-*+]|\d+[.)])\s+", "", text).strip()  # of a list: its last item
    starts = [match.end() for match in START.finditer(text)]
    return plain(text[max((at for at in starts if len(text) - at > 25), default=0) :]).rstrip(":;,")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]


def row(header: list[str], values: list[str]) -> str:
    """A table's row in words: each value with the name of its column."""
    named = [f"{name} {value}" if name else value for name, value in zip(header, values, strict=False) if value]
    return plain(", ".join(named))


def plain(text: str) -> str:
    """Without links, emphasis and line breaks, to stand in a table; code and formulas say the same as before."""
    kept = []

    def keep(match: re.Match) -> str:
        tex = match[0].replace(r"\|", r"\Vert ").replace("|", r"\vert ").strip("$")
        kept.append(f"${tex.strip()}$" if match[0][0] == "$" else match[0])
        return f"\0{len(kept) - 1}\0"

    text = re.sub(KEEP, keep, text, flags=re.S).replace("<br>", "; ").replace(":; ", ": ")
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|<[^>]+>", r"\1", text).replace("**", "")
    text = re.sub(r"\0(\d+)\0", lambda match: kept[int(match[1])], re.sub(r"(?<!\\)\|", r"\|", text))
    return re.sub(r"\s+", " ", text).strip()


def dress(markdown: str, page: str, repo: str) -> str:
    """Give each mark an anchor to come back to and a name that is spoken; link the tests of the ledger."""

    def mark(match: re.Match) -> str:
        if not match["id"]:
            return match[0]
        path = posixpath.relpath(LEDGER, posixpath.dirname(page) or ".")
        label = "Evidence for this sentence"
        return f'\0[✓]({path}#{match["id"]}){{#claim-{match["id"]} .claim aria-label="{label}" title="{label}"}}'

    def proof(match: re.Match) -> str:
        file, name = match["file"], match["name"]
        words = name.removeprefix("test_").replace("_", " ")
        return f'<a class="proof" href="{repo}/blob/main/{file}" title="{file}::{name}">{words}</a>'

    marked = MARKS.sub(mark, markdown).replace(" \0", "\u00a0").replace("\0", "")  # none alone on a line
    return TEST.sub(proof, marked)
