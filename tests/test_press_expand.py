"""Expanding pages: what is published for a good page, and every way to write a bad one."""

import io

import mistune
import pytest
from press_project import block, snippet, write
from pytest_codeblocks import extract_from_buffer

from hooks.child import plain_values
from hooks.expand import Book, expand, leftovers
from hooks.publish import plain_links
from hooks.snippet import PressError, read_snippet

VALUES = {
    "loss": 0.12345,
    "count": 50800,
    "word": "up",
    "sure": True,
    "net": {"rnn": {"size": 4}, "bad": float("nan"), "7": 1},
    "nan": float("nan"),
    "inf": float("-inf"),
    "list": [1, 2],
    "none": None,
    "lambda_": lambda: 1,
}
SNIPPETS = {
    "a/one": (snippet("x = 1\nprint(x)", "\nx += 1\n", "print(x)"), {"a": "1\n", "c": "2\n"}),
    "two": (snippet("x = 1", "print(x)"), {"b": "1\n"}),
    "drawn": (snippet("plt.show()", "plt.show()"), {}),
    "hides": (snippet("print(1)") + '# %% z tags=["hidden"]\nprint(2)\n', {"a": "1\n", "z": "2\n"}),
    "failed": (snippet("x ="), {}),
    "arrow": (snippet("print('-->')"), {"a": "-->\n"}),
    "fenced": (snippet("print('```')"), {"a": "```\n"}),
    "waves": (snippet("print('~~~')"), {"a": "~~~\n"}),
    "endless": (snippet("print('x', end='')"), {"a": "x"}),
    "quotes": (snippet('x = """\n```\n"""'), {}),
    "mute": (snippet("print()"), {"a": "\n"}),
}
FIGURES = {"drawn": {"a": ["a", "a.narrow"], "b": ["b"]}, "two": {"b": ["b"]}}


@pytest.fixture
def book(tmp_path) -> Book:
    snippets, results = {}, {}
    for name, (text, stdout) in SNIPPETS.items():
        write(tmp_path, {f"snippets/{name}.py": text.replace("x =\n", "x = y\n")})
        snippets[name] = read_snippet(tmp_path, f"snippets/{name}.py")
        drawn = FIGURES.get(name, {})
        cells = {
            cell.name: {"stdout": stdout.get(cell.name, ""), "figures": [{"file": f} for f in drawn.get(cell.name, [])]}
            for cell in snippets[name].code
        }
        if name != "failed":
            results[name] = {"cells": cells, "values": plain_values(VALUES), "folder": tmp_path / name}
    return Book(snippets, results)


PAGE = f"""\
---
description: A page of {{{{ a.one.count:,d }}}} words
---
# A page

{block("a/one", "a")}
{block("a/one", "a", "text")}
Then, with {{{{ a.one.loss:.2f }}}} and `{{{{ kept }}}}` and $x_{{{{t}}}}$:

{block("a/one", "b")}
{block("a/one", "c")}
![The line ends at {{{{ a.one.net.rnn.size }}}}](../images/two.svg "It *rises* by {{{{ a.one.net.7 }}}}")

$$
x_{{{{t}}}} = 1
$$

{block("two", "a")}
~~~console
$ make site
~~~
"""
PUBLISHED = """\
---
description: A page of 50,800 words
---
# A page

<!-- snippets/a/one.py#a -->
```python
x = 1
print(x)
```

~~~text
1
~~~

Then, with 0.12 and `{{ kept }}` and $x_{{t}}$:

<!-- snippets/a/one.py#b -->
<!--pytest-codeblocks:cont-->
```python
x += 1
```

<!-- snippets/a/one.py#c -->
<!--pytest-codeblocks:cont-->
```python
print(x)
```
<!--pytest-codeblocks:expected-output-->
<!--
```text
1
2
```
-->

![The line ends at 4](../images/two.svg "It *rises* by 1")

$$
x_{{t}} = 1
$$

<!-- snippets/two.py#a -->
```python
x = 1
```

~~~console
$ make site
~~~
"""


def test_a_good_page(book):
    assert expand(PAGE, "page.md", book) == PUBLISHED
    assert book.figures == {
        "images/two.svg": book.results["two"]["folder"] / "b.svg",
        "images/two.dark.svg": book.results["two"]["folder"] / "b.dark.svg",
    }


def test_the_tests_see_what_the_reader_sees(book):
    """One chain for a/one, one for two; another parser counts as many Python blocks."""
    text = expand(PAGE, "page.md", book)
    chains = extract_from_buffer(io.StringIO(text))
    assert [(chain.syntax, chain.code, chain.expected_output) for chain in chains] == [
        ("python", "x = 1\nprint(x)\nx += 1\nprint(x)\n", "1\n2\n"),
        ("python", "x = 1\n", None),
    ]
    tokens = mistune.create_markdown(renderer=None)(text)
    shown = [token["raw"] for token in tokens if token.get("attrs", {}).get("info") == "python"]
    assert "".join(shown) == "".join(chain.code for chain in chains)


def test_a_figure_has_a_narrow_twin_and_two_themes(book):
    text = expand("![One](../../images/drawn/a.svg)\n![Two](../../images/drawn/b.png)\n", "deep/page.md", book)
    assert text == "![One](../../images/drawn/a.svg)\n![Two](../../images/drawn/b.svg)\n"
    assert {path: file.name for path, file in book.figures.items()} == {
        "images/drawn/a.svg": "a.svg",
        "images/drawn/a.dark.svg": "a.dark.svg",
        "images/drawn/a.narrow.svg": "a.narrow.svg",
        "images/drawn/a.narrow.dark.svg": "a.narrow.dark.svg",
        "images/drawn/b.svg": "b.svg",
        "images/drawn/b.dark.svg": "b.dark.svg",
    }


def test_a_figure_of_the_front_page(book):
    assert expand("![One](../images/two.svg)", "index.md", book) == "![One](images/two.svg)"


FORMATS = [("loss:.1e", "1.2e-01"), ("loss:.1%", "12.3%"), ("count", "50800"), ("count:,d", "50,800")]
FORMATS += [("word", "up"), ("word:>4", "  up"), ("sure", "True"), ("net.rnn.size:03d", "004")]


@pytest.mark.parametrize(("reference", "text"), FORMATS)
def test_formats(book, reference, text):
    assert expand(f"So {{{{ a.one.{reference} }}}}.", "page.md", book) == f"So {text}."


def test_the_output_of_a_hidden_cell_may_be_shown(book):
    assert "~~~text\n2\n~~~" in expand(block("hides") + block("hides", "z", "text"), "page.md", book)


def test_differences(book):
    text = expand("```diff\nsnippets/two.py\nsnippets/hides.py\n```\n", "page.md", book).lstrip()
    assert text.startswith("~~~diff\n--- snippets/two.py\n+++ snippets/hides.py\n@@")
    assert "\n-x = 1\n" in text and "\n+print(1)\n" in text


def test_links_between_twins():
    text = "[a](../rnn.md), [b](page.md#top), [c](../index.md 'Home'), [d](https://x.org/a.md), [e](../n/demo.ipynb)"
    assert plain_links(text, "deep/other.md") == (
        "[a](../../rnn/index.md), [b](../page/index.md#top), [c](../../index.md 'Home'),"
        " [d](https://x.org/a.md), [e](../../n/demo/index.md)"
    )


INDENTED = "an indented block of code escapes the tests"
NESTED = "a nested fence escapes the tests"
TYPED = "fence holds one include line, nothing typed"
LABEL = "use exactly python, text, table, diff, console or markdown"
TESTED = "which the tests would read"
BAD = {
    # what is wrong: (text below the title, line in it, parts of the message)
    "no such snippet": (block("a/on"), 1, "unknown snippet 'snippets/a/on.py' (have: a/one)"),
    "no such cell": (block("two", "z"), 1, "unknown cell 'z' of snippets/two.py (have: a, b)"),
    "no such cell's output": (block("two") + block("two", "z", "text"), 4, "unknown cell 'z'"),
    "a cell twice": (block("two") + block("two", "b") + block("two"), 7, "is shown already at docs/page.md:3 (show it"),
    "out of order": (block("two", "b"), 1, "'b' of snippets/two.py is out of order: 'a' comes first"),
    "a gap": (block("a/one") + block("a/one", "c"), 4, "'c' of snippets/a/one.py is out of order: 'b' comes first"),
    "interleaved": (block("a/one") + block("two") + block("a/one", "b"), 7, "with no other snippet between"),
    "a hidden cell": (block("hides") + block("hides", "z"), 4, "'z' of snippets/hides.py is hidden"),
    "python typed": ("```python\nprint(1)\n```\n", 1, "a python " + TYPED),
    "python typed below an include": ("```python\nsnippets/two.py#a\nx = 2\n```\n", 1, "a python " + TYPED),
    "an empty fence": ("```python\n```\n", 1, "a python " + TYPED),
    "an include without cell": ("```python\nsnippets/two.py\n```\n", 1, "a python " + TYPED),
    "an include from elsewhere": ("```python\nsnippets/../hooks/run.py#a\n```\n", 1, "unknown snippet"),
    "output typed": ("x\n\n~~~text\n1\n~~~\n", 3, "a text " + TYPED),
    "output of a silent cell": (block("two") + block("two", "a", "text"), 4, "'a' of snippets/two.py prints nothing"),
    "output of a blank line": (block("mute") + block("mute", "a", "text"), 4, "prints nothing"),
    "label py": ("```py\nsnippets/two.py#a\n```\n", 1, "a fence labelled 'py' (" + LABEL),
    "label Python": ("```Python\nsnippets/two.py#a\n```\n", 1, LABEL),
    "label sh": ("```sh\nls\n```\n", 1, LABEL),
    "label bash": ("~~~bash\nls\n~~~\n", 1, LABEL),
    "label in braces": ("```{.python}\nsnippets/two.py#a\n```\n", 1, LABEL),
    "label with a title": ('``` python title="x"\nsnippets/two.py#a\n```\n', 1, LABEL),
    "label behind a space": ("``` python\nsnippets/two.py#a\n```\n", 1, LABEL),
    "no label": ("```\nx\n```\n", 1, LABEL),
    "python typed in tildes": ("~~~python\nprint(1)\n~~~\n", 1, "a python " + TYPED),
    "unclosed": ("x\n\n```python\nsnippets/two.py#a\n", 3, "the fence is never closed (end it with ```)"),
    "closed by too few": ("~~~~text\nsnippets/two.py#b\n~~~\n", 1, "the fence is never closed (end it with ~~~~)"),
    "in a list": ("- x\n\n  ```python\n  print(1)\n  ```\n", 3, NESTED),
    "in a numbered list": ("1. ```python\n   print(1)\n   ```\n", 1, NESTED),
    "in a quote": ("> ```python\n> print(1)\n> ```\n", 1, NESTED),
    "indented by one": (" ```python\n snippets/two.py#a\n ```\n", 1, INDENTED),
    "in an admonition": ("!!! note\n\n    ```python\n    print(1)\n    ```\n", 3, INDENTED),
    "in a tight admonition": ("!!! note\n    ~~~python\n    print(1)\n    ~~~\n", 2, NESTED),
    "below a tab": ("\t```python\n\tprint(1)\n\t```\n", 1, INDENTED),
    "code without a fence": ("So:\n\n    print(1)\n", 3, INDENTED),
    "in a comment": ("<!--\n```python\nprint(1)\n```\n-->\n", 2, NESTED),
    "in a div": ("<div markdown>\n```python\nprint(1)\n```\n</div>\n", 2, NESTED),
    "code in a markdown fence": ("~~~markdown\n```python\nprint(1)\n```\n~~~\n", 1, TESTED),
    "tildes in a markdown fence": ("```markdown\n~~~\nx\n~~~\n```\n", 1, TESTED),
    "a comment in a markdown fence": ("~~~markdown\n<!--pytest.mark.skip-->\n~~~\n", 1, TESTED),
    "backticks in a cell": (block("quotes"), 1, TESTED),
    "an arrow in an output": (block("arrow"), 1, TESTED),
    "backticks in an output": (block("fenced"), 1, TESTED),
    "tildes in an output": (block("waves"), 1, TESTED),
    "an output without line end": (block("endless"), 1, "ends without a line end"),
    "one snippet compared": ("~~~diff\nsnippets/two.py\n~~~\n", 1, "a diff fence names two snippets"),
    "unknown one compared": ("~~~diff\nsnippets/two.py\nsnippets/z.py\n~~~\n", 1, "unknown snippet 'snippets/z.py'"),
    "unknown value": ("x\ny {{ two.lost }}\n", 2, "unknown value 'two.lost' (have: loss, count, word, sure, net)"),
    "unknown inner value": ("{{ two.net.gru }}", 1, "unknown value 'two.net.gru' (have: rnn, 7)"),
    "value of a scalar": ("{{ two.loss.x }}", 1, "unknown value 'two.loss.x'"),
    "value of no snippet": ("{{ to.loss }}", 1, "unknown snippet 'snippets/to.py' (have: two)"),
    "value nan": ("{{ two.nan }}", 1, "value 'two.nan' is nan (a page shows finite numbers only)"),
    "value nan in a dict": ("{{ two.net.bad:.1f }}", 1, "value 'two.net.bad' is nan"),
    "value inf": ("{{ two.inf }}", 1, "value 'two.inf' is -inf"),
    "value list": ("{{ two.list }}", 1, "value 'two.list' is a list, not a number"),
    "value None": ("{{ two.none }}", 1, "value 'two.none' is a NoneType, not a number"),
    "value dict": ("{{ two.net }}", 1, "value 'two.net' is a dict (have: rnn, bad, 7)"),
    "value function": ("{{ two.lambda_ }}", 1, "unknown value 'two.lambda_'"),
    "bad format": ("{{ two.loss:d }}", 1, "value 'two.loss' is 0.12345, which 'd' cannot format"),
    "format of a word": ("{{ two.word:.1f }}", 1, "which '.1f' cannot format"),
    "undotted reference": ("x\n\n{{ loss }}", 3, "unreadable '{{' (write {{ snippet.value:format }})"),
    "empty reference": ("{{ }}", 1, "unreadable '{{'"),
    "unclosed reference": ("{{ two.loss }\n", 1, "unreadable '{{'"),
    "a sum": ("{{ two.loss + 1 }}", 1, "unreadable '{{'"),
    "reference between prices": ("From $5 to {{ two.lost }} or $6.", 1, "unknown value 'two.lost'"),
    "below a lone backtick": ("The ` key.\n\n{{ two.lost }}\n\nThe ` key.", 3, "unknown value 'two.lost'"),
    "below lone dollars": ("A $$ sign.\n\n{{ two.lost }}\n\nA $$ sign.", 3, "unknown value 'two.lost'"),
    "formula with a blank line": ("x\n\n$$\nx\n\ny\n$$", 3, "unreadable '$$' (a formula ends in $$"),
    "formula without an end": ("x\n\n$$\nx\n", 3, "unreadable '$$' (a formula ends in $$"),
    "formula in HTML": ("x <math><mi>x</mi></math>", 1, "unreadable '<math' (write TeX"),
    "reference in alt text": ("x\n\n![So\n{{ two.lost }}](../images/two.svg)", 4, "unknown value 'two.lost'"),
    "reference in a caption": ('x\n![So](../images/two.svg "{{ two.lost }}")', 2, "unknown value 'two.lost'"),
    "no alt text": ("x\n\n![](../images/two.svg)", 3, "the image '../images/two.svg' has no alt text"),
    "blank alt text": ("![ ](../images/two.svg)", 1, "has no alt text"),
    "image that nobody draws": ("![x](../images/tow.svg)", 1, "no snippet draws '../images/tow.svg' (have: two)"),
    "image of a cell that draws none": ("![x](../images/a/one.svg)", 1, "no cell of snippets/a/one.py draws"),
    "which of two figures": ("![x](../images/drawn.svg)", 1, "(have: drawn/a.svg, drawn/b.svg)"),
    "image from docs": ("![x](assets/x.png)", 1, "no snippet draws 'assets/x.png'"),
    "image from the web": ("![x](https://x.org/x.svg)", 1, "no snippet draws 'https://x.org/x.svg'"),
    "image by reference": ("![x][1]\n\n[1]: ../images/x.png\n", 1, "unreadable '!['"),
    "image with another title": ("![x](../images/two.svg 'y')", 1, "unreadable '!['"),
    "raw image": ("x <img src='x.png' alt='x'>", 1, "unreadable '<img' (write ![alt text](../images/...))"),
    "raw image in capitals": ("<IMG src='x.png'>", 1, "unreadable '<IMG'"),
    "raw code": ("<pre>print(1)</pre>", 1, "unreadable '<pre'"),
    "a test's comment": ("x\n<!--pytest-codeblocks:skip-->\n", 2, "the press writes test comments itself"),
    "a test's comment in disguise": ("<!--- pytest.mark.skip --->\n", 1, "the press writes test comments itself"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_pages(book, what):
    text, line, message = BAD[what]
    with pytest.raises(PressError) as error:
        expand("# Title\n\n" + text, "page.md", book)
    assert len(error.value.faults) == 1
    assert error.value.faults[0].startswith(f"docs/page.md:{line + 2}: ")
    assert message in error.value.faults[0]


@pytest.mark.parametrize("text", [block("failed"), "{{ failed.loss }}", "![x](../images/failed.svg)"])
def test_a_failed_snippet_is_reported_once_by_its_own_fault(book, text):
    expand("# Title\n\n" + text, "page.md", book)


@pytest.mark.parametrize("text", [block("typo"), "{{ typo.loss }}", "![x](../images/typo.svg)"])
def test_an_unreadable_snippet_is_reported_once_by_its_own_fault(book, text):
    with pytest.raises(PressError, match="typo"):
        expand("# Title\n\n" + text, "page.md", book)
    book.unreadable.add("typo")
    expand("# Title\n\n" + text, "page.md", book)
    book.unreadable.clear()


def test_all_faults_of_a_page_together(book):
    with pytest.raises(PressError) as error:
        expand(f"{{{{ two.lost }}}}\n![](../images/two.svg)\n\n{block('nope')}\n<img>\n> ```\n", "page.md", book)
    assert sorted(fault.split()[0] for fault in error.value.faults) == [
        f"docs/page.md:{line}:" for line in (1, 2, 4, 8, 9)
    ]


def test_a_snippet_stays_on_one_page(book):
    expand(block("two"), "one.md", book)
    with pytest.raises(PressError, match=r"docs/other\.md:1: .*'a' comes first"):
        expand(block("two", "b"), "other.md", book)


def test_what_no_page_shows(book):
    expand(block("a/one") + "{{ two.loss }}\n![x](../images/drawn/b.svg)\n" + block("hides"), "page.md", book)
    faults = leftovers(book)
    assert "snippets/a/one.py:6: no page shows cell 'b' (include it, or tag it hidden)" in faults
    assert "snippets/two.py:2: no page shows cell 'a' (include it, or tag it hidden)" in faults
    assert "snippets/arrow.py:1: no page shows anything of it (use it or remove it)" in faults
    assert not any("hides" in fault for fault in faults)
