"""The cache: what makes a stored result stale, what does not, and what a damaged one does."""

import json
import os
import py_compile
import shutil
import time
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from press_project import snippet, tree, write

from hooks import cache, run

FILES = {
    "snippets/alone.py": snippet("print(1)"),
    "snippets/deep/helper.py": snippet("import math\n\ndef twice(x):\n    return 2 * x"),
    "snippets/deep/user.py": snippet("from helper import twice\nprint(twice(4))"),
    "snippets/deep/indirect.py": snippet("import user\ny = user.twice(1)"),
    "snippets/reader.py": snippet("with open(__file__[:-9] + 'data.csv') as file:\n    print(file.read())"),
    "snippets/hoper.py": snippet("import os\ntry:\n    x = open(__file__[:-8] + 'more.csv').read()")
    + "except FileNotFoundError:\n    x = 'none'\n",
    "snippets/drawn.py": snippet(
        'import matplotlib.pyplot as plt\nplt.figure(figsize=(4.8, 2))\nplt.plot([1], "o", color="#2072d5")\nplt.show()'
    ),
    "snippets/data.csv": "1,2,3\n",
    "docs/index.md": "# Home\n",
}
ALL = {path[9:-3] for path in FILES if path.endswith(".py")}


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A project all of whose snippets have run."""
    root = write(tmp_path_factory.mktemp("warm"), FILES)
    assert ran(root) == ALL
    return root


@pytest.fixture
def root(warm, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(warm, tmp_path / "copy")


def ran(root, name: str = "", value: str = "") -> set[str]:
    """The snippets that a build runs, having checked that each of them says so and is right."""
    said = []
    snippets, results, faults = run.results(root, said.append)
    assert faults == [] and set(results) == set(snippets)
    ends = {words[0][9:-3]: words[1] for words in map(str.split, said)}
    assert set(ends) == set(snippets) and set(ends.values()) <= {"ran", "cached"}
    for made in results.values():
        assert "tmp." not in made["folder"].name and (made["folder"] / "result.json").is_file()
    return {name for name, end in ends.items() if end == "ran"}


def entries(root, name: str) -> list:
    return sorted((root / ".cache/press").glob(f"{name}-*"))


def test_nothing_changed(root):
    assert ran(root) == set()


def test_it_may_move(root, tmp_path):
    assert ran(root.rename(tmp_path / "else where")) == set()


def test_touching_is_no_change(root):
    for path in root.rglob("snippets/**/*"):
        os.utime(path, (1, 1))
    assert ran(root) == set()


EDITS = {
    "snippets/alone.py": {"alone"},
    "snippets/drawn.py": {"drawn"},
    "snippets/deep/user.py": {"deep/user", "deep/indirect"},
    "snippets/deep/helper.py": {"deep/helper", "deep/user", "deep/indirect"},
    "snippets/data.csv": {"reader"},
    "snippets/more.csv": {"hoper"},
    "snippets/other.csv": set(),
    "docs/index.md": set(),
    "docs/more.md": set(),
    "mkdocs.yml": set(),
}


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_runs_exactly_those_concerned(root, path):
    file = root / path
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"") + b"# more\n")
    assert ran(root) == EDITS[path]
    assert ran(root) == set()
    file.unlink() if before is None else file.write_bytes(before)
    assert ran(root) == set(), "what was made before the edit is found again"


def test_a_data_file_removed(root):
    (root / "snippets/more.csv").write_text("much")
    assert ran(root) == {"hoper"}
    (root / "snippets/more.csv").unlink()
    assert ran(root) == set()


def test_a_new_snippet_a_lost_and_a_renamed_one(root):
    write(root, {"snippets/new.py": snippet("x = 1")})
    (root / "snippets/drawn.py").unlink()
    (root / "snippets/alone.py").rename(root / "snippets/lone.py")
    assert ran(root) == {"new", "lone"}


def test_results_follow_an_edit(root):
    write(root, {"snippets/deep/helper.py": snippet("def twice(x):\n    return 3 * x")})
    results = run.results(root, say=lambda line: None)[1]
    assert results["deep/user"]["cells"]["a"]["stdout"] == "12\n"
    assert results["deep/indirect"]["values"]["y"] == 3




def test_bytecode_beside_a_helper(root):
    """It stands for its source: an edit of that is seen, and it is no file of its own."""
    py_compile.compile(root / "snippets/deep/helper.py")
    assert ran(root) == set()
    write(root, {"snippets/deep/user.py": snippet("from helper import twice\nprint(twice(5))")})
    assert ran(root) == {"deep/user", "deep/indirect"}
    entry = cache.find(root, run.read_snippet(root, "snippets/deep/user.py"))
    assert set(entry["opened"]) == {"snippets/deep/helper.py"}
    shutil.rmtree(root / "snippets/deep/__pycache__")
    assert ran(root) == set()


LIBRARIES = ["numpy", "torch", "matplotlib"]


@pytest.mark.parametrize("what", ["press", "python", *LIBRARIES])
def test_another_press_python_or_library(root, monkeypatch, what):
    alone = run.read_snippet(root, "snippets/alone.py")
    python, press = cache.platform.python_version(), cache.PRESS
    monkeypatch.setattr(cache, "version", lambda name: "99" if name == what else version(name))
    monkeypatch.setattr(cache.platform, "python_version", lambda: "99" if what == "python" else python)
    monkeypatch.setattr(cache, "PRESS", "99" if what == "press" else press)
    assert cache.find(root, alone) is None
    monkeypatch.undo()
    assert cache.find(root, alone)


def damage_json(entry):
    file = entry / "result.json"
    file.write_bytes(file.read_bytes()[:-9])


def cut_json(entry, key):
    result = json.loads((entry / "result.json").read_text())
    del result[key]
    (entry / "result.json").write_text(json.dumps(result))


def change_svg(entry):
    file = entry / "a.svg"
    file.write_text(file.read_text().replace("#2072d5", "#2072d6"))


DAMAGES = {
    "truncated JSON": damage_json,
    "empty JSON": lambda entry: (entry / "result.json").write_bytes(b""),
    "other JSON": lambda entry: (entry / "result.json").write_text("[1]"),
    "half the JSON": lambda entry: cut_json(entry, "files"),
    "no JSON": lambda entry: (entry / "result.json").unlink(),
    "JSON that is no text": lambda entry: (entry / "result.json").write_bytes(b"\xff\xfe"),
    "a folder for JSON": lambda entry: ((entry / "result.json").unlink(), (entry / "result.json").mkdir()),
    "a changed figure": change_svg,
    "a cut figure": lambda entry: (entry / "a.png").write_bytes(b""),
    "a lost figure": lambda entry: (entry / "a.dark.svg").unlink(),
    "an empty folder": lambda entry: (shutil.rmtree(entry), entry.mkdir()),
    "a file for a folder": lambda entry: (shutil.rmtree(entry), entry.write_text("")),
    "a lost folder": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew(root, damage):
    [entry] = entries(root, "drawn")
    whole = tree(entry)
    DAMAGES[damage](entry)
    assert ran(root) == {"drawn"}
    assert ran(root) == set()
    assert tree(entry) == whole


def test_what_no_build_used_for_long_is_evicted(root):
    day = 86400
    ages = {"gone-1": 15 * day, "gone-2": 13 * day, "tmp.1.gone": 2 * day, "tmp.2.gone": day / 2, "gone": 15 * day}
    write(root, {f".cache/press/{name}/a.svg": "x" for name in ages if name != "gone"} | {".cache/press/gone": "x"})
    [used] = entries(root, "alone")
    for name, age in (ages | {used.name: 15 * day}).items():
        os.utime(root / ".cache/press" / name, (time.time() - age,) * 2)
    assert ran(root) == set()
    left = {path.name for path in (root / ".cache/press").iterdir()}
    assert left & {*ages, used.name} == {"gone-2", "tmp.2.gone", used.name}
    os.utime(used, (time.time() - 15 * day,) * 2)
    (root / "snippets/alone.py").unlink()
    assert ran(root) == set() and not used.exists()


def test_what_a_build_made_is_kept_whatever_the_clock_says(root, monkeypatch):
    later = time.time() + 100 * 86400
    monkeypatch.setattr(cache, "time", SimpleNamespace(time=lambda: later))
    write(root, {"snippets/alone.py": snippet("x = 'made before its time'")})
    assert ran(root) == {"alone"}
    assert ran(root) == set()


def test_a_run_leaves_only_its_entry(root):
    write(root, {"snippets/alone.py": snippet("open('x', 'w').write('x')")})
    assert ran(root) == {"alone"}
    assert {path.name[: path.name.rindex("-")] for path in (root / ".cache/press").iterdir()} == {
        name.replace("/", ".") for name in ALL
    }
    assert [path.name for path in entries(root, "alone")[0].iterdir()] == ["result.json"]


def test_a_helper_edited_while_it_runs(root):
    """What a run read counts, not what lies there when it ends."""
    late = snippet("import helper", "open(helper.__file__, 'a').write('# more\\n')")
    write(root, {"snippets/deep/late.py": late})
    snippets, _, faults = run.results(root, say=lambda line: None)
    assert faults == [] and "# more" in (root / "snippets/deep/helper.py").read_text()
    assert cache.find(root, snippets["deep/late"]) is None


def test_a_snippet_edited_as_it_starts(root):
    """The build has read one source, the run reads another: they must not be mixed."""
    write(root, {"snippets/own.py": snippet("print(1)")})
    _, results, faults = run.results(root, lambda line: write(root, {"snippets/own.py": snippet("print(2)")}))
    assert "own" not in results and entries(root, "own") == []
    assert faults == ["snippets/own.py:1: it, or the press, was edited as it started (start the build again)"]
    assert ran(root) == {"own"}
