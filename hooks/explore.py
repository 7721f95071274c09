"""Explorables: bundles the scripts of docs/explore/ and puts each before the figure or table that it replaces.

A page asks for one by a comment above the figure or table that stands there until
its script has started, and where none runs:

    <!-- explore bench cell=lstm data=../images/lstm/vectors/cells.json -->
"""

import gzip
import json
import posixpath
import re
import subprocess
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from hooks.snippet import PressError

SOURCES = "docs/explore"  # each .js is an explorable
START = f"{SOURCES}/lib/start.js"  # finds the explorables of a page and starts them
MOST = 60  # KB of script on a page, gzipped
COMMENT = re.compile(r"<!-- explore (?P<name>[a-z]\w*)(?P<words>(?: [a-z]+=[^\s\"<>=]+)*) -->")
PLACE = re.compile(
    rf'{COMMENT.pattern}\s*(?P<fallback><figure class="figure">.*?</figure>|<div class="frame".*?</table></div>)?', re.S
)
OURS = {"class", "explore", "module"}  # attributes that the press writes


@dataclass
class Scripts:
    """The bundle: every published file, and what esbuild says of it."""

    entries: dict[str, str] = field(default_factory=dict)  # source -> published file
    files: dict[str, str] = field(default_factory=dict)  # published file -> text
    made: dict[str, dict] = field(default_factory=dict)  # published file -> what it imports

    @property
    def names(self) -> list[str]:
        return [Path(source).stem for source in self.entries if source != START]

    def entry(self, name: str) -> str:
        return self.entries[f"{SOURCES}/{name}.js"]

    def needs(self, *files: str) -> set[str]:
        """These files with all that they import."""
        found: set[str] = set()
        left = list(files)
        while left:
            if (file := left.pop()) not in found:
                found.add(file)
                left += [one["path"] for one in self.made[file]["imports"] if not one.get("external")]
        return found

    def weight(self, *files: str) -> int:
        """Bytes of script, gzipped, that a page with these loads."""
        scripts = [file for file in self.needs(*files) if file.endswith(".js")]
        return sum(len(gzip.compress(self.files[file].encode(), 9)) for file in scripts)


def bundle(root: Path) -> Scripts:
    """Bundle every explorable; PressError names every fault in them."""
    sources = [path.relative_to(root).as_posix() for path in sorted((root / SOURCES).glob("*.js"))]
    if not sources:
        return Scripts()
    node, script = Path(sys.executable).with_name("node"), Path(__file__).with_name("bundle.mjs")
    ask = json.dumps({"root": str(root.resolve()), "sources": SOURCES, "entries": [START, *sources]})
    ended = subprocess.run([node, script], input=ask, capture_output=True, text=True, encoding="utf-8")
    if ended.returncode:
        raise PressError("hooks/bundle.mjs:1: esbuild does not start (run `make site`, which installs it)")
    answer = json.loads(ended.stdout)
    if answer["faults"]:
        raise PressError(*(f"{one['file']}:{one['line']}: {one['text']} (mend it)" for one in answer["faults"]))
    entries = {made["entryPoint"]: file for file, made in answer["made"].items() if "entryPoint" in made}
    return Scripts(
        {source: file for source, file in entries.items() if file.endswith(".js")}, answer["files"], answer["made"]
    )


def settings(comment: str, scripts: Scripts) -> dict[str, str]:
    """What a page's comment says, its explorable's name first; ValueError if it says it wrongly."""
    found = COMMENT.fullmatch(comment)
    if not found:
        raise ValueError(f"unreadable '{comment}' (write <!-- explore name key=value -->, keys in small letters)")
    if found["name"] not in scripts.names:
        raise ValueError(f"unknown explorable '{found['name']}' (have: {', '.join(scripts.names)})")
    words = dict(word.split("=", 1) for word in found["words"].split())
    if taken := OURS & set(words):
        raise ValueError(f"'{taken.pop()}' is no key for an explorable (choose another)")
    return {"explore": found["name"], **words}


def comment(words: dict[str, str]) -> str:
    """The comment for the published Markdown."""
    name, *rest = words.items()
    return " ".join(["<!-- explore", name[1], *(f"{key}={value}" for key, value in rest), "-->"])


def place(content: str, page: str, markdown: str, folder: str, scripts: Scripts) -> str:
    """Put each figure or table below a comment into the element that its explorable will fill."""
    lines = [markdown.count("\n", 0, found.start()) + 1 for found in COMMENT.finditer(markdown)]
    ids: list[str] = []

    def put(match: re.Match) -> str:
        line, words = lines[len(ids)], settings(match[0].partition("-->")[0] + "-->", scripts)
        ids.append(words.pop("id", words["explore"]))
        if not match["fallback"]:
            what = f"no figure or table stands below the explorable '{words['explore']}'"
            raise PressError(f"docs/{page}:{line}: {what} (put one there, for those without JavaScript)")
        if ids[-1] in ids[:-1]:
            raise PressError(f"docs/{page}:{line}: a second explorable '{ids[-1]}' (give this one an id=…)")
        entry = scripts.entry(words["explore"])
        words["module"] = posixpath.relpath(entry, folder)
        data = "".join(f' data-{key}="{escape(value)}"' for key, value in words.items())
        return f'<div class="explore" id="explore-{ids[-1]}"{data}>\n{match["fallback"]}\n</div>'

    content = PLACE.sub(put, content)
    used = placed(content)
    weight = scripts.weight(scripts.entries[START], *map(scripts.entry, used)) / 1000 if used else 0
    if weight > MOST:
        what = f"the explorables of this page weigh {weight:.0f} KB gzipped, more than {MOST}"
        raise PressError(f"docs/{page}:{lines[0]}: {what} (drop one, or a library)")
    return content


def placed(html: str) -> list[str]:
    """The names of the explorables of a page, each once."""
    return sorted(set(re.findall(r'<div class="explore" id="[^"]*" data-explore="(\w+)"', html)))


def head(html: str, folder: str, scripts: Scripts) -> str:
    """A whole page: the script that starts its explorables, and their styles, if it has any."""
    used = placed(html)
    if not used:
        return html
    start = scripts.entries[START]
    sheets = [scripts.made[file].get("cssBundle") for file in (start, *map(scripts.entry, used))]
    links = [f'<link rel="stylesheet" href="{posixpath.relpath(file, folder)}">' for file in sheets if file]
    script = f'<script type="module" src="{posixpath.relpath(start, folder)}"></script>'
    return html.replace("</head>", "\n".join([*links, script, "</head>"]), 1)
