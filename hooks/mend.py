"""Mends the HTML that Python-Markdown, mkdocs-jupyter and the theme write."""

import re

from bs4 import BeautifulSoup, Tag

FORMULA = r'<math\b[^>]* display="block"(?:(?!</math>).)*</math>'


def mend(html: str) -> str:
    """A whole page: name the theme's search dialog, drop an attribute that
    its checkboxes can't have, and give the page for lost addresses, which has
    no headings to skip to, a skip link too."""
    html = html.replace('role="dialog"', 'role="dialog" aria-label="Search"')
    html = re.sub(r'(type="checkbox"[^>]*) autocomplete="off"', r"\1", html)
    html = html.replace("<article ", '<article id="__text" ')
    return re.sub(
        r'(<div data-md-component="skip">)\s*(</div>)',
        r'\1<a href="#__text" class="md-skip">Skip to content</a>\2',
        html,
    )


def frame(html: str) -> str:
    """A page's content: whatever may be too wide for a phone gets a frame
    that a keyboard can reach, code and output stay out of the search index,
    and a blockquote before the first section is the page's dose."""
    if "jupyter-wrapper" in html:
        html = notebook(html)
    opening, section, rest = html.partition("<h2")
    opening = opening.replace("<blockquote>", '<blockquote class="dose">', 1)
    html = opening + section + rest
    html = re.sub(r'<div class="(?:language-(\w+) )?highlight">', framed_code, html)
    html = html.replace('<p class="source"', '<p data-search-exclude class="source"')
    html = re.sub(r"<th[^>]*></th>", "<td></td>", html)
    html = re.sub(
        r"<table>(.*?)</table>",
        rf'<div class="frame" {reach("Table")}><table class="data">\1</table></div>',
        html,
        flags=re.S,
    )
    html = re.sub(rf"<p>\s*({FORMULA})\s*</p>", r"\1", html, flags=re.S)
    return re.sub(
        FORMULA,
        rf'<div class="math" data-search-exclude {reach("Equation")}>\g<0></div>',
        html,
        flags=re.S,
    )


def reach(name: str) -> str:
    """The attributes that let a keyboard reach and scroll an element."""
    return f'tabindex="0" role="group" aria-label="{name}"'


def framed_code(match: re.Match) -> str:
    """The opening tag of a code block; a text block is what code printed."""
    output = match[1] == "text"
    kind = "output" if output else f"language-{match[1] or 'none'}"
    name = "Output" if output else "Code"
    return f'<div class="{kind} highlight" data-search-exclude {reach(name)}>'


def notebook(html: str) -> str:
    """A notebook as mkdocs-jupyter writes it, without its 590 KB of style and
    script, its prompts and buttons; code and output as on any other page."""
    html = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.S)
    soup = BeautifulSoup(html, "html.parser").find(class_="jupyter-wrapper")
    for gone in soup.select(
        ".zeroclipboard-container, .clipboard-copy-txt, .jp-Collapser,.jp-InputPrompt, .jp-OutputPrompt"
    ):
        gone.decompose()
    for link in soup.select(".anchor-link"):
        link["class"] = "headerlink"
    for block in soup.select(".highlight-ipynb, .jp-RenderedText"):
        shown = "text" if "jp-RenderedText" in block["class"] else "python"
        block.attrs = {"class": f"language-{shown} highlight"}
        block.pre.name = "code"
        block.code.wrap(Tag(name="pre"))
    for picture in soup.select(".jp-RenderedImage, .jp-RenderedSVG"):
        picture.name = "figure"
        picture.attrs = {"class": "figure sheet"}
    for div in soup.select('div[class^="jp-"], .CodeMirror'):
        div.unwrap()
    return soup.decode_contents()
