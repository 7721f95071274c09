"""The scripts of the explorables, as the TypeScript compiler reads them."""

import subprocess

from explorables import NODE, ROOT

TSC = ROOT / "tests" / "node_modules" / "typescript" / "bin" / "tsc"


def check(folder):
    return subprocess.run([NODE, TSC, "-p", folder], capture_output=True, text=True)


def test_types_are_right():
    checked = check(ROOT / "docs/explore")
    assert checked.returncode == 0, checked.stdout


def test_a_wrong_type_would_be_noticed(tmp_path):
    for path in (ROOT / "docs/explore").rglob("*.*"):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(path.read_text() + 'sigmoid("1");\n' * (path.name == "cells.js"))
    checked = check(tmp_path / "docs/explore")
    assert checked.returncode and "cells.js" in checked.stdout and "'string' is not assignable" in checked.stdout
