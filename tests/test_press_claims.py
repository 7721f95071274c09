"""Claims and printed tables: what the press makes of good ones, and what it says of bad ones."""

import pytest
from press_project import build, project, snippet

from hooks.claims import Claims, dress, sentence
from hooks.expand import Book, expand, leftovers
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
    ],
)  # fmt: skip
def test_the_sentence_before_a_mark(before, words):
    assert sentence(before) == words


def test_a_mark_and_its_row_lead_to_each_other():
    book = Book({}, {})
    published = expand(f"It fades by half. {MARK}\n", "gradients/lstm.md", book)
    html = dress(published, "gradients/lstm.md", "repo")
    assert html.startswith("It fades by half. [✓](../claims.md#a){#claim-a .claim ")
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


@pytest.mark.parametrize("printed", ["| a |\nb", "| <img src=x> |", "| {{ a.b }} |", "| ![a](b) |", "a"])
def test_what_is_no_table(tmp_path, printed):
    built = site(tmp_path, printed)
    assert built.returncode != 0
    assert "docs/index.md:8: cell 'a' of snippets/rows.py prints" in built.stderr
    assert "(print |-rows alone, or use a text fence)" in built.stderr
