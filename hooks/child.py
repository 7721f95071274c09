"""Runs one snippet in a process of its own and writes down what it made."""

import contextlib
import errno
import faulthandler
import json
import math
import os
import re
import sys
import types
import wave
from importlib.util import source_from_cache
from pathlib import Path

from hooks import cache, figure, study
from hooks.snippet import Cell, PressError, Snippet, read_snippet

LONGEST = 200  # characters of a text that prose may quote
LARGEST = {".wav": 32, ".json": 200}  # KiB of a sound that a page plays, and of an explorable's data
MAX_FILE = 64 * 2**20  # bytes; an endless loop that prints must not fill the disk


def run(root: Path, file: str, out: Path) -> None:
    """Run a snippet; write done.json (or error.json) and figures into `out`.

    The caller sees the process end; a crash or the time limit leaves a
    traceback in `out/fatal` and neither JSON.
    """
    snippet = read_snippet(root, file)
    base = cache.base_key(snippet)
    redirect(out)
    fatal = open(out / "fatal", "w")  # noqa: SIM115 (faulthandler keeps it)
    faulthandler.enable(fatal)
    faulthandler.dump_traceback_later(snippet.limit, exit=True, file=fatal)
    opened = watch_opened(root)
    work = out / "work"  # an empty folder, like the one a reader pastes into
    work.mkdir()
    os.chdir(work)
    try:
        cells, values, written = run_cells(root, snippet, out)
        made = {"base": base, "opened": opened, "cells": cells, "values": values, "written": written}
        (out / "done.json").write_text(json.dumps(made))
    except BaseException as error:
        (out / "error.json").write_text(json.dumps(describe_error(root, file, error)))
    finally:
        faulthandler.cancel_dump_traceback_later()


def redirect(out: Path) -> None:
    """Send what the snippet writes, from Python or from C, to files in `out`."""
    with contextlib.suppress(ImportError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE, MAX_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(out / "stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(os.open(out / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", 1, encoding="utf-8", closefd=False) for n in (1, 2))


def watch_opened(root: Path) -> dict[str, str | None]:
    """The project's files that the snippet opens or imports, with their hashes, filled as it runs."""
    opened: dict[str, str | None] = {}

    def hook(event: str, args: tuple) -> None:
        if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            with contextlib.suppress(ValueError):
                path = Path(os.path.abspath(os.fsdecode(args[0]))).relative_to(root)
                name = source_from_cache(path) if path.suffix == ".pyc" else path.as_posix()
                if name not in opened and not any(part.startswith(".") for part in path.parts):
                    opened[name] = None  # now, for hashing opens it too
                    opened.update(cache.hash_files(root, [name]))

    sys.addaudithook(hook)
    sys.dont_write_bytecode = True
    return opened


def run_cells(root: Path, snippet: Snippet, out: Path) -> tuple[dict, dict, dict]:
    """Run cell after cell as one program; stdout and figures per cell, then values and files."""
    import matplotlib
    import matplotlib.pyplot as plt

    matplotlib.rcdefaults()  # not what a matplotlibrc of the user's says
    matplotlib.rcParams.update(figure.STYLE)
    main = types.ModuleType("__main__")
    main.__file__ = str(root / snippet.file)
    sys.modules["__main__"] = main
    sys.path[0] = str((root / snippet.file).parent)  # so far it was the press's
    sys.argv = [main.__file__]
    cells, made, written = {}, {}, {}
    plt.show = lambda *_, **__: show(plt, cell.name, figures, out)
    for cell in snippet.code:
        figures: list[dict] = []
        code = compile("\n" * cell.line + cell.source, main.__file__, "exec", dont_inherit=True)
        before = os.fstat(1).st_size
        if cell.recorded:
            main.runs, made = study.read(root, snippet)
            study.check_keys(snippet, main.runs, main.plan)
        else:
            exec(code, main.__dict__)
        sys.stdout.flush()
        if plt.get_fignums():
            raise RuntimeError(f"cell '{cell.name}' draws a figure it never shows (call plt.show())")
        with open(out / "stdout", "rb") as stdout:
            stdout.seek(before)
            cells[cell.name] = {"stdout": stdout.read().decode(), "figures": figures}
        keep_written(cell, snippet.file, written, out)
    return cells, plain_values(main.__dict__ | ({"made": made} if made else {})), written


def show(plt, cell: str, figures: list[dict], out: Path) -> None:
    """Stands in for plt.show(): a cell's first figure, and its narrow twin."""
    for number in plt.get_fignums():
        if len(figures) == 2:
            raise RuntimeError(f"cell '{cell}' draws a third figure (start a new cell)")
        stem = cell + (".narrow" if figures else "")
        figures.append({"file": stem, **figure.save(plt.figure(number), out / stem)})
    plt.close("all")


def keep_written(cell: Cell, file: str, written: dict[str, str], out: Path) -> None:
    """Take the sounds and data that a cell wrote into its folder, for pages to play and to load."""
    where = f"{file}:{cell.line}: cell '{cell.name}' writes"
    for path in sorted(path for path in Path().iterdir() if path.suffix in LARGEST):
        if path.name in written:
            raise PressError(f"{where} {path}, and so does a cell before (rename one)")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
            raise PressError(f"{where} {str(path)!r}, which no page can name (write small letters, digits and _)")
        if fault := fault_of_file(path) or (fault_of_sound if path.suffix == ".wav" else fault_of_data)(path):
            raise PressError(f"{where} {path}: {fault}")
        written[path.name] = f"written.{path.name}"  # beside the press's own files
        path.rename(out / written[path.name])


def fault_of_file(path: Path) -> str:
    """Why a page can't have it, whatever is in it, or nothing."""
    if not path.is_file() or path.is_symlink():
        return "it is no file (write one)"
    size, most = path.stat().st_size / 1024, LARGEST[path.suffix]
    return f"it takes {size:.1f} KiB, and may take {most} (make it smaller)" if size > most else ""


def fault_of_data(path: Path) -> str:
    """Why no browser can read it, or nothing."""
    try:
        json.dumps(json.loads(path.read_bytes()), allow_nan=False)
    except ValueError as error:
        return f"it is no JSON: {error} (write numbers that are finite, and nothing else around)"
    return ""


def fault_of_sound(path: Path) -> str:
    """Why no page can play it, or nothing."""
    advice = "(write one channel of 16 bits with `wave`)"
    try:
        with wave.open(str(path)) as sound:
            channels, width, rate, count = sound.getparams()[:4]
            samples = len(sound.readframes(count)) // (channels * width)
    except (wave.Error, EOFError, RuntimeError) as error:
        return f"it is no wav file, or was never closed: {error}".removesuffix(": ") + f" {advice}"
    if (channels, width) != (1, 2):
        return f"it has {channels} channels of {8 * width} bits {advice}"
    if not samples or samples < count:
        return f"it holds {samples} of {count} samples {advice}"
    if not 3000 <= rate <= 192_000:
        return f"{rate} samples a second are no sound that browsers play {advice}"
    return ""


def plain_values(names: dict) -> dict:
    """What prose may name: scalars and dicts of them; else why it may not."""
    skip = types.ModuleType | type | types.FunctionType | types.BuiltinFunctionType
    return {
        name: plain(value)
        for name, value in names.items()
        if not name.startswith("_") and not isinstance(value, skip)
    }


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "shape", 1):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"!": f"is {value} (a page shows finite numbers only)"}
    if isinstance(value, str) and len(value) > LONGEST:
        return {"!": f"is a text of {len(value)} characters (print it instead)"}
    if isinstance(value, bool | int | float | str):
        return value
    kind = type(value).__name__
    return {"!": f"is a {kind}, not a number (make it one in the snippet, say with .item())"}


def describe_error(root: Path, file: str, error: BaseException) -> dict:
    """Where in the project's own files, and what."""
    if isinstance(error, PressError):
        found, line, what = error.faults[0].split(":", 2)
        return {"file": found, "line": int(line), "what": what.strip()}
    where, trace = (file, 1), error.__traceback__
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        if path.is_relative_to(root / "snippets"):
            where = (path.relative_to(root).as_posix(), trace.tb_lineno)
        trace = trace.tb_next
    if isinstance(error, SystemExit):
        what = "the snippet calls sys.exit (let it run to its end)"
    elif isinstance(error, OSError) and error.errno == errno.EFBIG:
        what = f"the snippet writes more than {MAX_FILE >> 20} MiB (an endless loop?)"
    else:
        recorded = (root / file).with_suffix(".json").exists()  # by hand it would make all its runs anew
        advice = "mend it and build again" if recorded else f"run it: python {file}"
        what = " ".join(f"{type(error).__name__}: {error}".split()) + f" ({advice})"
    return {"file": where[0], "line": where[1], "what": what}


if __name__ == "__main__":  # where there is no fork: one process, one snippet
    import matplotlib.pyplot  # noqa: F401  (before the time limit begins)

    run(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    os._exit(0)  # like a fork: no thread and no atexit function lives on
