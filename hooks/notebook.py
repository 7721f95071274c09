"""Makes notebooks of the snippets that have Markdown cells: clean, executed, and as a page."""

import base64

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from hooks.expand import Book
from hooks.snippet import Cell, PressError, Snippet

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def page_source(snippet: Snippet, book: Book) -> str:
    """The notebook as a page in our own Markdown, for `expand` to fill."""
    parts = []
    made = book.results.get(snippet.name, {"cells": {}})["cells"]
    for cell in snippet.cells:
        if cell.name is None:
            parts.append(uncomment(cell))
            continue
        parts.append(f"```python\n{snippet.file}#{cell.name}\n```")
        if cell.name in made and made[cell.name]["stdout"].strip():
            parts.append(f"~~~text\n{snippet.file}#{cell.name}\n~~~")
        if cell.name in made and made[cell.name]["figures"]:
            parts.append(f"![{alt_text(snippet, cell)}](../../images/{snippet.name}/{cell.name}.svg)")
    return "\n\n".join(parts) + "\n"


def alt_text(snippet: Snippet, cell: Cell) -> str:
    if not cell.alt:
        what = f"cell '{cell.name}' of a notebook draws a figure without alt text"
        raise PressError(f'{snippet.file}:{cell.line}: {what} (write `# %% {cell.name} alt="what it shows"`)')
    return cell.alt


def uncomment(cell: Cell) -> str:
    """A Markdown cell's text without its comment signs."""
    lines = cell.source.strip("\n").split("\n")
    return "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)


def clean(snippet: Snippet) -> str:
    """The notebook without outputs: tracked in docs/notebooks, for Colab to open."""
    return write([as_cell(cell) for cell in snippet.cells])


def executed(snippet: Snippet, book: Book) -> str:
    """The notebook with what this build's run printed and drew, for download."""
    cells = []
    for cell in snippet.cells:
        made = book.results[snippet.name]["cells"].get(cell.name)
        cells.append(as_cell(cell, outputs(cell, made, book.results[snippet.name]["folder"]) if made else []))
    return write(cells)


def outputs(cell: Cell, made: dict, folder) -> list:
    found = []
    if made["stdout"]:
        found.append(new_output("stream", name="stdout", text=made["stdout"]))
    for figure in made["figures"][:1]:
        png = base64.b64encode((folder / f"{figure['file']}.png").read_bytes()).decode()
        width = {"image/png": {"width": figure["width"], "alt": cell.alt or ""}}
        found.append(new_output("display_data", {"image/png": png}, metadata=width))
    return found


def for_page(snippet: Snippet, above: dict[str, str], figures: dict[str, str], made: dict, repo: str) -> str:
    """The notebook that mkdocs-jupyter renders: a line above each block, figures as HTML, downloads linked."""
    cells = []
    for cell in snippet.cells:
        found = []
        if cell.name:
            cells.append(markdown_cell(f"above-{cell.name}", above[cell.name]))
        if cell.name and made["cells"][cell.name]["stdout"]:
            found.append(new_output("stream", name="stdout", text=made["cells"][cell.name]["stdout"]))
        if cell.name in figures:
            found.append(new_output("display_data", {"text/html": figures[cell.name]}))
        cells.append(as_cell(cell, found))
    cells.insert(1, markdown_cell("links", links(snippet, repo)))
    return write(cells)


def links(snippet: Snippet, repo: str) -> str:
    colab = repo.replace("https://github.com/", "https://colab.research.google.com/github/")
    return " · ".join(
        [
            f"[Download {snippet.name}.py](../../{snippet.file})",
            f"[Download {snippet.name}.ipynb]({snippet.name}.ipynb)",
            f"[Open in Colab]({colab}/blob/main/docs/notebooks/{snippet.name}.ipynb)",
            "[What differs between the three](../)",
        ]
    )


def as_cell(cell: Cell, found: list | None = None):
    name = cell.name or f"text-{cell.line}"
    if cell.name is None:
        return markdown_cell(name, uncomment(cell))
    return new_code_cell(cell.source.strip("\n"), id=name, outputs=found or [])


def markdown_cell(name: str, text: str):
    return new_markdown_cell(text, id=name)


def write(cells: list) -> str:
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return nbformat.writes(notebook)
