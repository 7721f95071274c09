"""Reading snippets: what is a good one, and every way to write a bad one."""

import pytest
from press_project import write

from hooks.run import read_all
from hooks.snippet import PressError, read_snippet

GOOD = '''\
"""Shows something."""
# time limit: 7 s

# %% [markdown]
# # A title
#
# Words with $x_t$.

# %% first

x = "# %% no cell"

# %% second alt="A line"
print(x)

# %% third tags=["hidden"]
y = x
'''


def test_a_good_snippet(tmp_path):
    write(tmp_path, {"snippets/deep/er/good.py": GOOD})
    snippet = read_snippet(tmp_path, "snippets/deep/er/good.py")
    assert snippet.name == "deep/er/good" and snippet.limit == 7 and snippet.source == GOOD
    assert snippet.is_notebook and not snippet.study
    assert [(cell.name, cell.line, cell.hidden, cell.alt) for cell in snippet.cells] == [
        (None, 4, False, None),
        ("first", 9, False, None),
        ("second", 13, False, "A line"),
        ("third", 16, True, None),
    ]
    assert [cell.name for cell in snippet.code] == ["first", "second", "third"]


def test_defaults(tmp_path):
    write(tmp_path, {"snippets/a.py": '"""A."""\n# %% a\nx = 1\n'})
    snippet = read_snippet(tmp_path, "snippets/a.py")
    assert snippet.limit == 120 and not snippet.is_notebook


D = '"""Shows something."""\n'
BAD = {
    # what is wrong: (source, line, part of the message)
    "no docstring": ("# %% a\nx = 1\n", 1, "has no docstring"),
    "a number for a docstring": ("1\n# %% a\nx = 1\n", 1, "has no docstring"),
    "no cell": (D + "x = 1\n", 1, "has no cell (start one with `# %% name`)"),
    "empty file": ("", 1, "has no cell"),
    "code before the first cell": (D + "\nimport os\n# %% a\nx = 1\n", 3, "code before the first cell"),
    "broken docstring": ('"""Shows.\n# %% a\nx = 1\n', 1, "SyntaxError: unterminated triple-quoted"),
    "two cells of one name": (D + "# %% a\nx = 1\n# %% a\ny = 1\n", 4, "a second cell named 'a'"),
    "shown below hidden": (D + '# %% a tags=["hidden"]\nx = 1\n# %% b\ny = 1\n', 4, "shown but follows a hidden"),
    "syntax error": (D + "# %% a\nx = 1\ndef f(:\n", 4, "SyntaxError: invalid syntax (in cell 'a')"),
    "syntax error below blank lines": (D + "# %% a\n\n\nx = 1\ndef f(:\n", 6, "SyntaxError: invalid syntax"),
    "return outside a function": (D + "# %% a\nx = 1\nreturn x\n", 4, "SyntaxError: 'return' outside function"),
    "a cell that needs the next": (D + "# %% a\nfor x in 1, 2:\n# %% b\n    print(x)\n", 3, "SyntaxError: expected"),
    "nameless cell": (D + "# %%\nx = 1\n", 2, "unreadable cell line (write `# %% name`)"),
    "a capital in a name": (D + "# %% Step\nx = 1\n", 2, "unreadable cell line"),
    "two words": (D + "# %% a step\nx = 1\n", 2, "unreadable cell line"),
    "a space behind": (D + "# %% a \nx = 1\n", 2, "unreadable cell line"),
    "an unknown tag": (D + '# %% a tags=["hide"]\nx = 1\n', 2, "unreadable cell line"),
    "no space before %%": (D + "# %% a\nx = 1\n#%% b\ny = 1\n", 4, "unreadable cell line"),
    "no space behind %%": (D + "# %%a\nx = 1\n", 2, "unreadable cell line"),
    "an indented cell line": (D + "# %% a\nx = 1\n  # %% b\ny = 1\n", 4, "unreadable cell line"),
    "a name on a Markdown cell": (D + "# %% a [markdown]\n# x\n", 2, "unreadable cell line"),
    "code in a Markdown cell": (D + "# %% [markdown]\n# x\ny = 1\n", 4, "code in a Markdown cell"),
    "a claim in a Markdown cell": (D + "# %% [markdown]\n# so. [✓](../claims.md#a)\n", 3, "not [✓ (use"),
    "a value in a Markdown cell": (D + "# %% [markdown]\n#\n# so {{ a.x }}\n# %% a\nx = 1\n", 4, "a Markdown cell"),
    "a figure in a Markdown cell": (D + "# %% [markdown]\n# ![x](y.svg)\n# %% a\nx = 1\n", 3, "a Markdown cell"),
    "code typed in a Markdown cell": (D + "# %% [markdown]\n# ```python\n# x\n# ```\n", 3, "a Markdown cell"),
    "Windows line ends": (D.encode() + b"# %% a\r\nx = 1\r\n", 2, "has Windows line ends"),
    "a byte order mark": (b"\xef\xbb\xbf" + D.encode() + b"# %% a\nx = 1\n", 1, "byte order mark"),
    "a NUL byte": (D.encode() + b"# %% a\nx = '\0'\n", 3, "NUL byte"),
    "not UTF-8": (D.encode() + b"# %% a\nx = 'K\xfche'\n", 3, "is not UTF-8"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_snippets(tmp_path, what):
    source, line, message = BAD[what]
    write(tmp_path, {"snippets/a.py": source})
    with pytest.raises(PressError) as error:
        read_snippet(tmp_path, "snippets/a.py")
    assert error.value.faults[0].startswith(f"snippets/a.py:{line}: ")
    assert message in error.value.faults[0]


@pytest.mark.parametrize("file", ["snippets/a b.py", "snippets/a.b.py", "snippets/a-b.py", "snippets/x.y/a.py"])
def test_bad_file_names(tmp_path, file):
    """A page could not refer to them, and two could share a cache folder."""
    write(tmp_path, {file: D + "# %% a\nx = 1\n"})
    with pytest.raises(PressError, match=f"{file}:1: .*rename"):
        read_snippet(tmp_path, file)


def test_all_faults_together(tmp_path):
    two = D + "# %% a\nx =\n# %% a\ny =\n"
    write(tmp_path, {"snippets/a.py": two, "snippets/b.py": "", "snippets/c.py": D + "# %% a\n"})
    write(tmp_path, {"snippets/.#c.py": "an editor's own"})
    snippets, faults = read_all(tmp_path)
    assert [snippet.name for snippet in snippets] == ["c"]
    assert [fault.split(" ")[0] for fault in faults] == [
        "snippets/a.py:3:", "snippets/a.py:4:", "snippets/a.py:5:", "snippets/b.py:1:"
    ]


@pytest.mark.parametrize("file", ["snippets/build.py", "snippets/claims/a.py", "snippets/ledger.py"])
def test_a_name_that_the_press_uses(tmp_path, file):
    write(tmp_path, {file: D + "# %% a\nx = 1\n", "snippets/builder.py": D + "# %% a\nx = 1\n"})
    with pytest.raises(PressError, match=rf"{file}:1: values named '\w+' are not a snippet's \(rename"):
        read_snippet(tmp_path, file)
    assert read_snippet(tmp_path, "snippets/builder.py").name == "builder"
