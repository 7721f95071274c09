"""A study: a snippet whose long runs are made once, by `make reproduce`, and recorded beside it.

Before its recorded cell it defines `plan`, a dict from a key to the settings of one
run, and `run`, which makes one. No build runs them: it reads `runs` from the record.
"""

import ast
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

from hooks.snippet import PressError, Snippet


def preparation(snippet: Snippet) -> list:
    """The cells before the recorded one: all that the runs depend on."""
    return [cell for cell in snippet.code if cell.line < snippet.study.line]


def fingerprint(snippet: Snippet) -> str:
    """Of the code that makes the runs."""
    return fingerprint_of("\n".join(cell.source for cell in preparation(snippet)))


def fingerprint_of(source: str) -> str:
    """Without what cannot change a result: comments, docstrings, prints."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [line for line in body if not (isinstance(line, ast.Expr) and is_idle(line.value))]
        if isinstance(node, ast.JoinedStr):  # some 3.12 end a format such as {x:{width}} in an empty text
            node.values = [part for part in node.values if not isinstance(part, ast.Constant) or part.value]
    return hashlib.sha256(dump(tree).encode()).hexdigest()[:16]


def dump(node) -> str:
    """As Python 3.11's ast.dump writes it: that of 3.12 knows more fields, that of 3.13 leaves out empty ones."""
    if isinstance(node, list):
        return f"[{', '.join(map(dump, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [(name, getattr(node, name, None), getattr(type(node), name, ...)) for name in node._fields]
    there = [(name, value) for name, value, default in fields if value is not None or default is not None]
    kept = [f"{name}={dump(value)}" for name, value in there if value or name != "type_params"]
    return f"{type(node).__name__}({', '.join(kept)})"


def is_idle(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "print"
    return isinstance(value, ast.Constant)


def define(root: Path, snippet: Snippet) -> dict:
    """The names that the preparation defines, `plan` and `run` among them."""
    names = {"__name__": "__main__", "__file__": str(root / snippet.file)}
    for cell in preparation(snippet):
        exec(compile("\n" * cell.line + cell.source, names["__file__"], "exec", dont_inherit=True), names)
    return names


def read(root: Path, snippet: Snippet) -> tuple[dict, dict]:
    """`runs` and `made` of the record, or PressError if it is not this code's."""
    again = f"make reproduce S={snippet.file}"
    path = root / snippet.record
    if not path.exists():
        raise PressError(f"{snippet.file}:{snippet.study.line}: has no record yet ({again})")
    try:
        record = json.loads(path.read_bytes(), parse_constant=refuse)
        runs, made = dict(record["runs"]), dict(record["made"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise PressError(f"{snippet.record}:1: is no record: {error} (make it anew: {again})") from None
    if made.get("code") != fingerprint(snippet):
        raise PressError(f"{snippet.record}:1: was made by other code than {snippet.file} now holds ({again})")
    return runs, made


def refuse(name: str) -> None:
    raise ValueError(f"it holds {name}")


def check_keys(snippet: Snippet, runs: dict, plan: dict) -> None:
    """Nobody may take a run out of a record, or put one in, by hand."""
    if runs.keys() != plan.keys():
        lacks, more = ([key for key in one if key not in two] for one, two in ((plan, runs), (runs, plan)))
        what = f"lacks '{lacks[0]}'" if lacks else f"holds '{more[0]}'"
        raise PressError(f"{snippet.record}:1: {what}, unlike the plan (make reproduce S={snippet.file})")


def write(root: Path, snippet: Snippet, runs: dict, made: dict) -> None:
    """The record, one run a line so that a change of one shows as one."""
    lines = [f"{json.dumps(key)}: {json.dumps(run, allow_nan=False)}" for key, run in runs.items()]
    text = f'{{"made": {json.dumps(made, indent=1)},\n"runs": {{\n' + ",\n".join(lines) + "\n}}\n"
    draft = (root / snippet.record).with_suffix(f".{os.getpid()}.new")  # two may write at once
    try:
        draft.write_text(text)
        draft.rename(root / snippet.record)
    except OSError as error:
        what = f"cannot be written: {error.strerror} (make way for it; the runs are kept)"
        raise PressError(f"{snippet.record}:1: {what}") from None
    finally:
        with suppress(OSError):
            draft.unlink()
