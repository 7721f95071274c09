"""Dresses the published Markdown for HTML: sources named, figures themed, formulas set."""

import atexit
import html
import json
import posixpath
import re
import subprocess
import sys
from pathlib import Path

from hooks import claims, symbols
from hooks.expand import Book, page_folder
from hooks.snippet import PressError

SOURCE = re.compile(
    r"^<!-- (?P<file>snippets/\S+)#(?P<cell>\w+) -->\n(?P<cont><!--pytest-codeblocks:cont-->\n)?", re.M
)
EXPECTED = re.compile(r"^<!--pytest-codeblocks:expected-output-->\n<!--\n.*?\n-->\n", re.M | re.S)
IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<src>\S*?\.(?:svg|wav))(?: \"(?P<caption>[^\"]*)\")?\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</\1>', re.S)
SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
_node: subprocess.Popen | None = None


def dress(markdown: str, page: str, book: Book, repo: str) -> str:
    """Published Markdown to what MkDocs renders: adds what only HTML needs."""
    folder = page_folder(page)

    def source(match: re.Match) -> str:
        return source_line(match["file"], match["cell"], bool(match["cont"]), folder, repo) + "\n\n"

    def figure(match: re.Match) -> str:
        path = posixpath.normpath(posixpath.join(folder, match["src"]))
        if path.endswith(".wav"):
            return sound_html(match["src"], match["alt"], match["caption"] or "")
        return figure_html(path, match["alt"], match["caption"] or "", book, folder, repo)

    text = EXPECTED.sub("", markdown)
    text = SOURCE.sub(source, text)
    return claims.dress(IMAGE.sub(figure, text), page, repo)


def source_line(file: str, cell: str, continues: bool, folder: str, repo: str) -> str:
    """The line above a block: its file, its cell, its download."""
    parts = [
        file_link(repo, file),
        f"cell <code>{cell}</code>",
        f'<a href="{posixpath.relpath(file, folder)}" download>download</a>',
        *(["continues the block above"] if continues else []),
    ]
    return f'<p class="source">{" · ".join(parts)}</p>'


def file_link(repo: str, file: str, words: str = "") -> str:
    return f'<a href="{repo}/blob/main/{file}">{words}{file}</a>'


def figure_html(path: str, alt: str, caption: str, book: Book, folder: str, repo: str) -> str:
    """A figure in light and dark, wide and narrow; CSS shows one of them."""

    def size(file: str) -> str:
        width, height = map(float, SIZE.search(book.figures[file].read_text(encoding="utf-8")).groups())
        return f'width="{width:.0f}" height="{height:.0f}"'

    stem = path.removesuffix(".svg")
    pictures = []
    for theme, suffix in (("only-light", ".svg"), ("only-dark", ".dark.svg")):
        wide, narrow = stem + suffix, stem + ".narrow" + suffix
        url, twin = (posixpath.relpath(file, folder) for file in (wide, narrow))
        has_twin = narrow in book.figures
        small = f'<source media="(max-width: 599px)" srcset="{twin}" {size(narrow)}>' if has_twin else ""
        img = f'<img src="{url}" alt="{html.escape(alt)}" {size(wide)} loading="lazy">'
        pictures.append(f'<picture class="{theme}">{small}{img}</picture>')
    by = f'<span class="by">{file_link(repo, drawing_file(stem, book), "drawn by ")}</span>'
    caption = f"{html.escape(caption, quote=False)} {by}".strip()
    return f'<figure class="figure">\n{"".join(pictures)}\n<figcaption>{caption}</figcaption>\n</figure>'


def sound_html(url: str, alt: str, caption: str) -> str:
    """A player; its name is read to all, and the sound loads when it is asked for."""
    name, more = html.escape(alt), f" {html.escape(caption, quote=False)}" if caption else ""
    player = f'<audio controls preload="none" src="{url}" aria-label="{name}"><a href="{url}">{name}</a></audio>'
    return f'<figure class="sound">\n<figcaption>{name}{more}</figcaption>\n{player}\n</figure>'


def drawing_file(stem: str, book: Book) -> str:
    name = stem.removeprefix("images/")
    return f"snippets/{name if name in book.snippets else posixpath.dirname(name)}.py"


def set_formulas(content: str, page: str, markdown: str) -> str:
    """Replace every TeX formula of a page's HTML by MathML, made here and now, its symbols tied to their legend."""
    lines, at = [], 0

    def formula(match: re.Match) -> str:
        nonlocal at
        tex = html.unescape(match["tex"]).strip()
        found = re.compile(r"\$\s*" + re.escape(tex)).search(markdown, at)
        at = found.end() if found else at
        lines.append(markdown.count("\n", 0, at) + 1 - tex.count("\n") * bool(found))
        answer = temml(tex, match[1] == "div")
        if "error" in answer:
            raise PressError(f"docs/{page}:{lines[-1]}: formula {tex!r}: {answer['error']} (mend the TeX)")
        return answer["mathml"].replace(' style="display:block math;"', "")  # in look.css

    return symbols.tie(FORMULA.sub(formula, content), page, lines)


def temml(tex: str, display: bool) -> dict:
    """One formula through Temml, in a Node process that lives as long as the build."""
    global _node
    if _node is None or _node.poll() is not None:
        node = Path(sys.executable).with_name("node")
        command = [node, Path(__file__).with_name("temml.mjs")]
        _node = subprocess.Popen(command, stdin=-1, stdout=-1, text=True, encoding="utf-8")
        atexit.register(_node.stdin.close)
    _node.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
    _node.stdin.flush()
    answer = _node.stdout.readline()
    if not answer:
        raise PressError("hooks/temml.mjs:1: Temml ended early (run `make site`, which installs it)")
    return json.loads(answer)
