"""Writes what stands beside the HTML: Markdown twins, llms.txt, snippets, figures, notebooks."""

import posixpath
import re
from pathlib import Path

from hooks import notebook
from hooks.expand import Book, page_folder


def write(site: Path, path: str, data: str | bytes) -> None:
    target = site / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.encode() if isinstance(data, str) else data)


def write_pages(site: Path, pages: dict[str, str], about: dict[str, str], head: str, address: str) -> None:
    """Each page's expanded Markdown as index.md in its folder, a list of them, and all in one file."""
    twins = {uri: plain_links(text, uri).strip() + "\n" for uri, text in pages.items()}
    index = [head]
    for uri, text in twins.items():
        path = posixpath.normpath(posixpath.join(page_folder(uri), "index.md"))
        write(site, path, text)
        title = re.search(r"^# (.+)$", text, re.M)
        index.append(f"- [{title[1] if title else uri}]({address}{path}): {about[uri]}".rstrip(": "))
    write(site, "llms.txt", "\n".join(index) + "\n")
    write(site, "llms-full.txt", "\n\n".join(twins.values()))


def plain_links(text: str, uri: str) -> str:
    """Links between pages, as links between their Markdown twins."""

    def link(match: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(uri), match[1]))
        return posixpath.relpath(posixpath.join(page_folder(target), "index.md"), page_folder(uri))

    return re.sub(r"(?<=\]\()(?!\w+:)([\w./-]+\.(?:md|ipynb))(?=[#)\s])", link, text)


def write_files(root: Path, site: Path, book: Book) -> None:
    """The figures and sounds that pages show, every snippet and record, and the executed notebooks."""
    for path, file in book.figures.items():
        write(site, path, file.read_bytes())
    for name, snippet in book.snippets.items():
        write(site, snippet.file, snippet.source)
        if snippet.study:
            write(site, snippet.record, (root / snippet.record).read_bytes())
        if snippet.is_notebook:
            write(site, f"notebooks/{name}/{name}.ipynb", notebook.executed(snippet, book))
