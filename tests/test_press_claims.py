"""Claims and printed tables: what the press makes of good ones, and what it says of bad ones."""

import pytest
from press_project import build, project, snippet

from hooks.claims import Claims, dress, sentence
from hooks.expand import Book, expand, leftovers, table
from hooks.snippet import PressError

MARK = "[✓](claims.md#a)"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("It fades. The LSTM, by 0.63 per step, fades too. ", "The LSTM, by 0.63 per step, fades too."),
        ("It fades.\n\nIt does: fast. ", "It does: fast."),
        ("Why? It **does**: [fast](x.md), says Gers et al. (2000), `nn.RNN` too: ",
         "It does: fast, says Gers et al. (2000), `nn.RNN` too"),
        ("- one thing is so,\n- another thing,\n  over two lines, ", "another thing, over two lines"),
        ("> The dose. It holds as long as it is kept. ", "It holds as long as it is kept."),
        ("It is said.[✓](claims.md#b) And this. ", "And this."),
        ("| | says | verdict |\n|---|---|---|\n| RNN | 0.5<br>0.6 | **Holds.** ", "RNN, says 0.5; 0.6, verdict Holds."),
        ("It is **Sure.** At 3 it is what it always was. ", "At 3 it is what it always was."),
        ("> - one thing\n> - another thing ", "another thing"),
        ("> The dose. It holds\n> as long as it is kept. ", "It holds as long as it is kept."),
        ("## Why\nIt fades. ", "It fades."),
        ("~~~text\n1. a\n~~~\nIt fades. ", "It fades."),
        ("1) one thing\n2) another thing ", "another thing"),
        ("## It fades ", ""),
        ("It is $|h|$ or $\\|h\\|$, `a|b`, a | b ", r"It is $\vert h\vert$ or $\Vert h\Vert$, `a|b`, a \| b"),
        ("It is `0.9**50` where $a < b$ and $c > d$, <b>so</b> ", "It is `0.9**50` where $a < b$ and $c > d$, so"),
        ("By [`a[0]`](x.md) it is\n$$\nx\n$$\n", "By `a[0]` it is $x$"),
        ("| a |\n|---|\n| x \\| `y` ", r"a x \| `y`"),
        ("| x ", ""),
    ],
)  # fmt: skip
def test_the_sentence_before_a_mark(before, words):
    assert sentence(before) == words


def test_a_mark_and_its_row_lead_to_each_other():
    book = Book({}, {})
    published = expand("It fades by half. [✓](../claims.md#a)\n", "gradients/lstm.md", book)
    html = dress(published, "gradients/lstm.md", "repo")
    assert html.startswith("It fades by half.\u00a0[✓](../claims.md#a){#claim-a .claim ")
    row = expand("| {{ claims.a }} |", "claims.md", book)
    assert row == '| <a id="a"></a>It fades by half. [`a`](gradients/lstm.md#claim-a) |'
    assert leftovers(book) == []
    proof = dress("`tests/test_a.py::test_b_c`", "claims.md", "repo")
    assert proof == '<a class="proof" href="repo/blob/main/tests/test_a.py" title="tests/test_a.py::test_b_c">b c</a>'


def test_faults_of_claims_name_file_and_line():
    book = Book({}, {})
    expand(f"\n\nIt fades. {MARK}\n", "x.md", book)
    with pytest.raises(PressError, match=r"docs/y.md:2: claim 'a' is made already at docs/x.md:3 \(choose"):
        expand(f"\nIt grows. {MARK}\n", "y.md", book)
    with pytest.raises(PressError, match=r"docs/claims.md:1: no page makes claim 'b' \(have: a\)"):
        expand("| {{ claims.b }} |", "claims.md", book)
    assert leftovers(book) == ["docs/x.md:3: claim 'a' is not in docs/claims.md (add a row with {{ claims.a }})"]


def test_a_row_is_on_the_ledger_once_and_without_a_format():
    book = Book({}, {})
    expand(f"It fades. {MARK}\n", "x.md", book)
    for text, page in (("{{ claims.a }}", "x.md"), ("{{ claims.a:>9 }}", "claims.md")):
        with pytest.raises(PressError, match=r"'claims.a' is a row of docs/claims.md, there without a format"):
            expand(text, page, book)
    with pytest.raises(PressError, match=r"docs/claims.md:2: claim 'a' has a row already"):
        expand("{{ claims.a }}\n{{ claims.a }}", "claims.md", book)


@pytest.mark.parametrize(
    "mark",
    ["[✓](claims.md#A)", "[✓](claims.md#a-b)", "[✓](claims.md#1)", "[✓](claims.md)", "[✓](claims.md#)", "[✓]",
     '[✓](claims.md#a "why")', "[✔](claims.md#a)", "[ ✓ ](claims.md#a)", "[✓](../claims.md#a)", "[✓](sub/claims.md#a)"],
)  # fmt: skip
def test_an_unreadable_mark(mark):
    with pytest.raises(PressError) as error:
        expand(f"Words.\n\nIt fades. {mark}\n", "x.md", Book({}, {}))
    advice = "(write [✓](claims.md#some_id): small letters, digits and _)"
    assert error.value.faults == [f"docs/x.md:3: unreadable mark '{mark}' {advice}"]


@pytest.mark.parametrize(
    ("text", "page", "fault"),
    [
        (f"It fades. {MARK}\n\nIt grows. {MARK}", "x.md", "3: claim 'a' is made already at docs/x.md:1 (choose"),
        (f"\n## It fades {MARK}", "x.md", "2: no sentence stands before claim 'a' (put"),
        (f"It fades. [✓](claims.md#b) {MARK}", "x.md", "1: no sentence stands before claim 'a' (put"),
        (f"| x {MARK} |\n|---|\n| y |\n", "x.md", "1: no sentence stands before claim 'a' (put"),
        (f"It fades. {MARK}", "claims.md", "1: claim 'a' is made in the ledger (mark"),
        ("It fades. [✓](claims.md#a)", "sub/x.md", "1: unreadable mark '[✓](claims.md#a)' (write [✓](../claims.md#so"),
        (f'\n![b](../images/b.svg "It fades. {MARK}")', "x.md", "2: claim 'a' is made in an image (mark"),
    ],
)
def test_a_mark_in_the_wrong_place(text, page, fault):
    with pytest.raises(PressError) as error:
        expand(text, page, Book({}, {}))
    assert error.value.faults[0].startswith(f"docs/{page}:{fault}")


def test_a_mark_in_code_is_no_claim():
    book = Book({}, {})
    text = f"Write `It fades. {MARK}`:\n\n~~~markdown\nIt fades. {MARK}\n~~~\n"
    assert dress(expand(text, "x.md", book), "x.md", "repo") == text.rstrip("\n") + "\n"
    assert not book.claims.made
    expand(f"{text}\nIt grows. {MARK}\n", "x.md", book)
    assert book.claims.made == {"a": ("x.md", "docs/x.md:7", "It grows.")}


def test_a_page_with_a_fault_leaves_no_fault_in_the_ledger(tmp_path):
    ledger = "# Claims\n\n{{ claims.a }}\n"
    project(tmp_path, {"docs/index.md": f"# K\xfc\n\nIt fades. {MARK}\n".encode("latin-1", "replace"),
                       "docs/claims.md": ledger})  # fmt: skip
    built = build(tmp_path)
    assert built.returncode != 0 and "docs/index.md:1: is not UTF-8 text" in built.stderr
    assert "claims.md" not in built.stderr


def test_a_claim_is_no_snippets_value():
    assert Claims().unlisted() == []
    with pytest.raises(PressError, match="no page makes claim 'a'"):
        expand("{{ claims.a }}", "claims.md", Book({}, {}))


def site(tmp_path, printed, kind="table"):
    project(
        tmp_path,
        {
            "snippets/rows.py": snippet(f"print({printed!r})"),
            "docs/index.md": "# Rows\n\nOf torch {{ build.torch }}:\n"
            f"```python\nsnippets/rows.py#a\n```\nAnd\n```{kind}\nsnippets/rows.py#a\n```\nEnd.\n",
        },
    )
    return build(tmp_path)


def test_a_printed_table_is_a_table(tmp_path):
    built = site(tmp_path, "| a | b |\n|---|---|\n| $x_t$ | 0.5 |")
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site/index.html").read_text()
    assert "<td>0.5</td>" in page and "<math" in page and "{{" not in page
    assert "\nAnd\n\n| a | b |\n|---|---|\n| $x_t$ | 0.5 |\n\nEnd." in (tmp_path / "site/index.md").read_text()


@pytest.mark.parametrize("printed", ["b", "| <img src=x> |", "| {{ a.b }} |", "| ![a](b) |"])
def test_what_is_no_row(tmp_path, printed):
    built = site(tmp_path, f"| a |\n|---|\n{printed}")
    assert built.returncode != 0
    assert "docs/index.md:8: cell 'a' of snippets/rows.py prints" in built.stderr
    assert "(print |-rows alone, or use a text fence)" in built.stderr


@pytest.mark.parametrize("printed", ["a", "| a |", "| a |\n|---|", "| a |\n| b |\n| c |", "| a |\n|---|\n| b | c |"])
def test_what_is_no_table(printed):
    with pytest.raises(ValueError, match=r"prints no table \(print a head, a line like \|---"):
        table(printed, "rows", "a")


def test_a_bar_in_code_ends_no_cell():
    assert table("| a |\n|:-:|\n| `b|c` |", "rows", "a")
