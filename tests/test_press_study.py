"""Studies: what makes their records, goes on where it stopped, and tells a stale record."""

import ast
import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from press_project import REPO, block, build, project, write

from hooks import reproduce as sweeps
from hooks import run, study
from hooks.reproduce import shard
from hooks.snippet import PressError, read_snippet

STUDY = '''\
"""Doubles numbers, at length."""

# %% double
def double(x):
    """Twice the number."""
    return 2 * x  # by multiplication


print(double(2))

# %% plan tags=["hidden"]
plan = {f"of {x}": {"x": x} for x in (1, 2, 3)}


def run(x):
    return {"twice": double(x), "list": [x, x]}


# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
total = sum(one["twice"] for one in runs.values())
'''
FILE = "snippets/doubles.py"
PLAN = 'plan = {f"of {x}": {"x": x} for x in (1, 2, 3)}'
RUNS = {f"of {x}": {"twice": 2 * x, "list": [x, x]} for x in (1, 2, 3)}
RETURN = 'return {"twice": double(x), "list": [x, x]}'
PAGE = "# Doubles\n\n" + block("doubles", "double") + block("doubles", "double", "text")
PAGE += "\nIn all {{ doubles.total }}, made {{ doubles.made.date }} with torch {{ doubles.made.torch }};"
PAGE += " of two: {{ doubles.runs.two.twice }}.\n"


def lay(root, text=STUDY):
    return write(root, {FILE: text, "docs/index.md": PAGE})


def reproduce(root, *files, **changes):
    environment = os.environ | {"PYTHONPATH": str(REPO), "PRESS_WORKERS": "2"} | changes
    command = [sys.executable, "-P", "-m", "hooks.reproduce", *(files or [FILE])]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)


def record(root):
    return json.loads((root / FILE).with_suffix(".json").read_text())


def faults_of(root):
    return run.results(root, say=lambda line: None)[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = lay(tmp_path_factory.mktemp("study"))
    end = reproduce(root)
    assert end.returncode == 0, end.stderr
    return root, end.stdout


def test_a_record_holds_runs_and_where_they_were_made(made):
    root, said = made
    assert record(root)["runs"] == RUNS
    expected = {"machine", "python", "torch", "numpy", "date", "commit", "hours", "code"}
    assert set(record(root)["made"]) == expected
    assert "3 runs, 0 made before" in said and "min left" in said and said.count("of ") >= 3


def test_a_second_start_makes_nothing_anew(made):
    assert "3 runs, 3 made before" in reproduce(made[0]).stdout


def test_a_build_reads_the_record_and_runs_the_rest(made):
    root = made[0]
    never = STUDY.replace("return {", "raise SystemExit\n    return {")  # would end a build that ran it
    never = never.replace(PLAN, 'plan = {"two": {"x": 2}}')
    text = record(root) | {"made": record(root)["made"] | {"code": study.fingerprint(snippet_of(root, never))}}
    project(root, {FILE.replace(".py", ".json"): json.dumps(text | {"runs": {"two": {"twice": 4}}})})
    write(root, {"docs/index.md": PAGE})
    end = build(root)
    page = (root / "site/index.md").read_text()
    assert end.returncode == 0, end.stderr
    assert f"In all 4, made {text['made']['date']} with torch {text['made']['torch']}; of two: 4." in page
    assert (root / "site/snippets/doubles.json").read_bytes() == (root / "snippets/doubles.json").read_bytes()
    assert "~~~text\n4\n~~~" in page  # what the shown cell printed, in this build


def test_an_error_after_the_runs_does_not_advise_to_make_them_all_anew(tmp_path):
    lay(tmp_path, STUDY.replace("total = sum(", "total = summed("))
    assert reproduce(tmp_path).returncode == 0
    what = "NameError: name 'summed' is not defined (mend it and build again)"
    assert faults_of(tmp_path) == [f"{FILE}:{STUDY[: STUDY.index('total =')].count(chr(10)) + 1}: {what}"]


def snippet_of(root, text):
    write(root, {FILE: text})
    return read_snippet(root, FILE)


HARMLESS = {
    "a comment": ("  # by multiplication", ""),
    "a docstring": ('"""Twice the number."""', '"""Two times it."""'),
    "a print": ("print(double(2))", "print(double(3))"),
    "a summary": ("total = sum(", "total = 1 + sum("),
}
HARMFUL = {"the code": ("2 * x", "x + x"), "the plan": ("(1, 2, 3)", "(1, 2, 4)"), "a run": ("[x, x]", "[x]")}


@pytest.mark.parametrize("change", HARMLESS)
def test_an_edit_that_cannot_change_the_runs_keeps_the_record(tmp_path, change):
    old = study.fingerprint(snippet_of(tmp_path, STUDY))
    assert HARMLESS[change][0] in STUDY
    assert study.fingerprint(snippet_of(tmp_path, STUDY.replace(*HARMLESS[change]))) == old


MUCH = '''
@decorate
def f(a, /, b: int = None, *c, d, e=..., **g) -> None:
    with a as b, c: pass
    x = {**a, None: 1}; del x[1:, ::2]
    return lambda *, k: (f"{a!r:>{b}} {c=}" "and" f\'{d:{a}}\', b"\\0", 1j, -2.5, "é")
class C(B, metaclass=M):
    x: int
    try: pass
    except (A, B) as e: raise E from None
    else: pass
match a:
    case None | True: pass
    case {"k": [1, *r], **s} if t: pass
    case C(x, y=_): pass
[i for i in a if (n := i)]
'''


def test_every_python_finds_the_same_fingerprint(tmp_path):
    """A record made with 3.11 must hold with 3.13, whose syntax trees, and their texts, are others."""
    text = STUDY.replace("# %% plan", MUCH + "\n# %% plan")
    assert study.fingerprint(snippet_of(tmp_path, text)) == "fb2b851d5469cefb"
    if sys.version_info < (3, 12):
        assert study.dump(ast.parse(MUCH)) == ast.dump(ast.parse(MUCH))
    for path in sorted((REPO / "snippets").rglob("*.json")):
        snippet = read_snippet(REPO, path.with_suffix(".py").relative_to(REPO).as_posix())
        assert json.loads(path.read_text())["made"]["code"] == study.fingerprint(snippet), path


@pytest.mark.parametrize("change", HARMFUL)
def test_a_record_of_other_code_is_refused(tmp_path, made, change):
    assert HARMFUL[change][0] in STUDY
    snippet = snippet_of(tmp_path, STUDY)
    study.write(tmp_path, snippet, RUNS, {"code": study.fingerprint(snippet)})
    assert faults_of(tmp_path) == []
    write(tmp_path, {FILE: STUDY.replace(*HARMFUL[change])})
    assert faults_of(tmp_path) == [
        f"snippets/doubles.json:1: was made by other code than {FILE} now holds (make reproduce S={FILE})"
    ]


def test_no_record_yet(tmp_path):
    lay(tmp_path)
    assert faults_of(tmp_path) == [f"{FILE}:19: has no record yet (make reproduce S={FILE})"]


@pytest.mark.parametrize("runs, what", [({"of 1": {}, "of 2": {}}, "lacks 'of 3'"), (RUNS | {"x": 1}, "holds 'x'")])
def test_a_record_of_more_or_fewer_runs(tmp_path, runs, what):
    study.write(tmp_path, snippet := snippet_of(tmp_path, STUDY), runs, {"code": study.fingerprint(snippet)})
    assert faults_of(tmp_path) == [f"snippets/doubles.json:1: {what}, unlike the plan (make reproduce S={FILE})"]


BROKEN = ["", "{", "[]", "3", '{"made": {}}', '{"runs": {}}', '{"runs": 3, "made": {}}', b"\xff"]
BROKEN.append('{"runs": {"of 1": NaN}, "made": {}}')


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_record(tmp_path, text):
    write(lay(tmp_path), {"snippets/doubles.json": text})
    (fault,) = faults_of(tmp_path)
    assert fault.startswith("snippets/doubles.json:1: is no record: ")
    assert fault.endswith(f"(make it anew: make reproduce S={FILE})")


def test_shards_make_the_whole_between_them(tmp_path, made):
    lay(tmp_path)
    first = reproduce(tmp_path, SHARD="1/2")
    assert "2 runs, 0 made before" in first.stdout and "2 of 3 runs are in .cache/reproduce: no record" in first.stdout
    assert not (tmp_path / "snippets/doubles.json").exists()
    assert "1 runs, 0 made before" in reproduce(tmp_path, SHARD="2/2").stdout
    assert record(tmp_path)["runs"] == RUNS


def test_every_key_is_in_one_shard():
    keys = list("abcdefghijk")
    assert shard(keys, "") == keys
    assert sorted(key for k in range(1, 5) for key in shard(keys, f"{k}/4")) == keys


@pytest.mark.parametrize("which", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_shard(tmp_path, which):
    end = reproduce(lay(tmp_path), SHARD=which)
    assert end.returncode == 1
    assert end.stderr == f"SHARD={which} is no shard (write SHARD=2/8 for the second of eight)\n"


def test_a_run_that_fails_is_named_and_the_others_are_kept(tmp_path):
    lay(tmp_path, STUDY.replace('"twice": double(x)', '"twice": 6 / (x - 2)'))
    end = reproduce(tmp_path)
    assert end.returncode == 1
    what = f"{FILE}:16: run 'of 2' failed: ZeroDivisionError: division by zero (mend it; finished runs are kept)\n"
    assert end.stderr == what
    assert "2 of 3 runs are in" in end.stdout and not (tmp_path / "snippets/doubles.json").exists()
    assert "3 runs, 2 made before" in reproduce(tmp_path).stdout


UNFIT = {
    '{"twice": [1.0, float("nan")]}': "its result['twice'][1] is nan (return finite numbers",
    '{"twice": __import__("decimal").Decimal(2)}': "its result['twice'] is a decimal.Decimal (return",
    '{"twice": {1, 2}}': "its result['twice'] is a set (return",
    '{(1, 2): 3}': "its result has the key (1, 2) (return",
    '{1: 2, "1": 3}': "its result has two keys that are one in a record (return",
    "None": "its result is None (return",
    '"x" * 2**21': "its result takes 2.0 MiB (return at most 1: a summary)",
}  # fmt: skip


@pytest.mark.parametrize("result", UNFIT)
def test_what_no_record_can_hold(tmp_path, result):
    lay(tmp_path, STUDY.replace(RETURN, f"return {result}"))
    end = reproduce(tmp_path)
    assert end.returncode == 1 and end.stderr.count("\n") == 1 and not (tmp_path / "snippets/doubles.json").exists()
    assert f"{FILE}:19: run 'of " in end.stderr and f"' and 2 more failed: {UNFIT[result]}" in end.stderr


ENDS = {
    "raise SystemExit": "SystemExit (mend it; finished runs are kept)",
    "import os; os._exit(0)": "ended with exit status 0 and no result (let it return one)",
    "import os; os.kill(os.getpid(), 9)": "was ended by signal 9 (it crashed, or memory ran out)",
    'raise ValueError("of\\ntwo lines")': "ValueError: of two lines (mend it; finished runs are kept)",
}


@pytest.mark.parametrize("code", ENDS)
def test_a_run_that_ends_before_its_end(tmp_path, code):
    lay(tmp_path, STUDY.replace(RETURN, f"{code}\n    {RETURN}"))
    end = reproduce(tmp_path)
    assert end.returncode == 1 and end.stderr.count("\n") == 1 and end.stderr.endswith(f" failed: {ENDS[code]}\n")


def test_a_run_without_an_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    monkeypatch.setattr(sweeps, "LIMIT", 6)
    snippet = snippet_of(tmp_path, STUDY.replace(RETURN, f"while x == 3: pass\n    {RETURN}"))
    (fault,) = sweeps.reproduce(tmp_path, snippet)
    what = "still running after 0 min (an endless loop? else cut it into shorter runs in `plan`)"
    assert fault == f"{FILE}:{snippet.study.line}: run 'of 3' failed: {what}"
    assert len(list((tmp_path / ".cache/reproduce").rglob("of_*.json"))) == 2


UNREADY = {
    "plan = [1, 2]": "21: `plan` is no dict with runs in it",
    "plan = {}": "21: `plan` is no dict with runs in it",
    "other = 3": "21: `plan` is no dict with runs in it",
    'plan = {1: {"x": 1}}': "21: the key 1 of `plan` is no short text of one line (rename it)",
    'plan = {"a\\n": {"x": 1}}': "21: the key 'a\\n' of `plan` is no short text of one line (rename it)",
    'plan = {"a": {"y": 1}}': "21: `run` cannot take the settings of 'a': missing a required argument: 'x' (mend",
    'plan = {"a": 3}': "21: `run` cannot take the settings of 'a': 'int' object is not iterable (mend",
    'plan, run = {"a": {}}, 3': "21: has no `run`",
    'raise ValueError("no\\nway")': "18: ValueError: no way (mend it: no run can start)",
}


@pytest.mark.parametrize("line", UNREADY)
def test_a_study_that_cannot_start(tmp_path, line):
    lay(tmp_path, STUDY.replace(PLAN + "\n", "").replace(f"{RETURN}\n", f"{RETURN}\n\n\n{line}\n"))
    end = reproduce(tmp_path)
    assert end.returncode == 1 and end.stderr.count("\n") == 1
    assert end.stderr.startswith(f"{FILE}:{UNREADY[line]}") and end.stderr.endswith(")\n")


def test_a_study_is_made_in_an_empty_folder(tmp_path):
    writes = 'open("left.txt", "x").close()\n'
    lay(tmp_path, STUDY.replace(PLAN, writes + PLAN).replace(RETURN, f'open("more.txt", "x").close()\n    {RETURN}'))
    assert reproduce(tmp_path).returncode == 0 and record(tmp_path)["runs"] == RUNS
    assert not [*tmp_path.rglob("left.txt"), *tmp_path.rglob("more.txt")]


def test_a_damaged_part_is_made_again(tmp_path):
    lay(tmp_path)
    reproduce(tmp_path)
    for text in ("", "{", "[]", '{"key": "of 1"}'):
        next((tmp_path / ".cache/reproduce").rglob("of_1*.json")).write_text(text)
        assert "3 runs, 2 made before" in reproduce(tmp_path).stdout and record(tmp_path)["runs"] == RUNS


def started(root):
    environment = os.environ | {"PYTHONPATH": str(REPO), "PRESS_WORKERS": "2"}
    command = [sys.executable, "-P", "-m", "hooks.reproduce", FILE]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what runs in the background is told to ignore it
    return subprocess.Popen(command, cwd=root, env=environment, stdout=-1, stderr=-1, text=True, preexec_fn=heed)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stopped_sweep_leaves_no_run_behind_and_goes_on(tmp_path, name):
    wait = f"import time; time.sleep(60 * (x == 3)); {RETURN}"
    lay(tmp_path, STUDY.replace(RETURN, wait))
    sweep = started(tmp_path)
    for line in sweep.stdout:
        if line.startswith("[  2/3]"):
            break
    sweep.send_signal(getattr(signal, name))
    said = sweep.communicate(timeout=120)[1]  # the pipe would stay open if the third run went on
    assert sweep.returncode == 1 and said.startswith("stopped; what is finished is kept in .cache/reproduce")
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    code = f"from pathlib import Path; from hooks import reproduce as r; s = r.read_snippet(Path('.'), {FILE!r});"
    code += "print(*r.read_parts(Path('.'), s, ['of 1', 'of 2', 'of 3']), sep='; ')"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout == "of 1; of 2\n" and not (tmp_path / "snippets/doubles.json").exists()


def test_two_sweeps_at_once(tmp_path):
    lay(tmp_path)
    sweeps = [started(tmp_path) for _ in range(3)]
    assert [(sweep.communicate()[1], sweep.returncode) for sweep in sweeps] == [("", 0)] * 3
    assert record(tmp_path)["runs"] == RUNS
    assert sorted(path.name for path in (tmp_path / "snippets").iterdir()) == ["doubles.json", "doubles.py"]


def test_nowhere_to_write(tmp_path):
    (lay(tmp_path) / ".cache").write_text("")
    end = reproduce(tmp_path)
    assert end.stderr.startswith(".cache/reproduce:1: cannot be written: ") and "FAILED" not in end.stdout
    (tmp_path / ".cache").unlink()
    (tmp_path / "snippets/doubles.json").mkdir()
    end = reproduce(tmp_path)
    assert end.returncode == 1 and end.stderr.startswith("snippets/doubles.json:1: cannot be written: ")
    assert not [*tmp_path.rglob("*.new")]
    assert faults_of(tmp_path)[0].startswith("snippets/doubles.json:1: is no record: ")


def test_a_sweep_that_fails_leaves_the_record_as_it_was(tmp_path):
    reproduce(lay(tmp_path))
    before = (tmp_path / "snippets/doubles.json").read_bytes()
    lay(tmp_path, STUDY.replace('"twice": double(x)', '"twice": 6 / (x - 2)'))
    assert reproduce(tmp_path).returncode == 1 and (tmp_path / "snippets/doubles.json").read_bytes() == before


def test_one_bad_study_does_not_stop_the_others(tmp_path):
    write(lay(tmp_path), {"snippets/a.py": STUDY.replace(PLAN, "plan = 3"), "snippets/b.py": "no docstring"})
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    command = [sys.executable, "-P", "-m", "hooks.reproduce"]
    end = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert end.returncode == 1 and record(tmp_path)["runs"] == RUNS
    assert [line.split(" ")[0] for line in end.stderr.splitlines()] == ["snippets/b.py:1:", "snippets/a.py:19:"]


@pytest.mark.parametrize("file", ["snippets/nope.py", "snippets", "../x.py", "doubles"])
def test_what_is_no_snippet(tmp_path, file):
    end = reproduce(lay(tmp_path), file)
    advice = "(name one: make reproduce S=snippets/speed/layers.py)"
    assert end.returncode == 1 and end.stderr == f"{file}:1: is no snippet {advice}\n"


def test_workers_that_are_no_number(tmp_path):
    end = reproduce(lay(tmp_path), PRESS_WORKERS="two")
    assert end.returncode == 1 and end.stderr == "PRESS_WORKERS=two is no number (write PRESS_WORKERS=2)\n"


def test_a_snippet_that_is_no_study(tmp_path):
    write(tmp_path, {"snippets/plain.py": '"""Plain."""\n# %% a\nx = 1\n'})
    end = reproduce(tmp_path, "snippets/plain.py")
    assert end.returncode == 1 and end.stderr.startswith("snippets/plain.py:1: is no study ")


def test_a_recorded_cell_holds_one_line_alone(tmp_path):
    for text, what in (
        (STUDY.replace("settings in plan", "settings in other"), "holds other code"),
        (STUDY + '\n# %% more tags=["recorded"]\n' + STUDY.split('["recorded"]\n')[1].split("\n\n")[0], "a second"),
    ):
        with pytest.raises(PressError) as error:
            snippet_of(tmp_path, text)
        assert what in str(error.value)
