"""Breaks the snippets in one place at a time and sees whether their tests notice: make mutants.

Only cells that a page shows are broken (tests/mutate.py says how), in a scratch
copy of the project. The snippet's own `assert` lines are taken out first: a
mutant is killed if a test in tests/ fails, or never ends. Those that survive
run once more with the asserts, so that the table can say which of them the
snippet's own check alone would have found.

The command fails if less than 95 % of the mutants of a step, backward or
converter snippet die, if one of their survivors has no reason in
tests/survivors.toml, or if a reason there fits no survivor.

Why no ready-made tester: mutmut 3 changes functions of modules that the tests
import, found by their names; ours are scripts that the tests run by path, cell
by cell. Cosmic Ray starts a new process for each mutant, which imports torch
and pytest each time, in all three seconds for tests of one. Neither takes one
gate for another, loses a transpose or drops a term.
"""

import argparse
import contextlib
import fnmatch
import gc
import hashlib
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # a process with threads cannot be forked
os.environ |= {"MPLBACKEND": "Agg", "KERAS_BACKEND": "torch", "PYTHONDONTWRITEBYTECODE": "1"}

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from mutate import Mutant, mutants, without_asserts  # noqa: E402

from hooks.snippet import read_snippet  # noqa: E402

TESTS = {  # of a snippet, the first line that fits: arguments of pytest; else tests/test_<its folder>.py
    # not those of the mark, which look for pieces of the snippet's text, nor the long run of its hidden grid, nor
    # the one that its asserts answer for: they are taken out
    "snippets/rnn/step.py": "tests/test_steps.py -k 'rnn and not mark and not grid'",
    "snippets/lstm/step.py": "tests/test_steps.py -k 'lstm and not mark and not grid'",
    "snippets/gru/step.py": "tests/test_steps.py -k 'gru and not mark and not grid'",
    "snippets/backward/rnn.py": "tests/test_backward.py -k 'rnn and not beyond'",
    "snippets/backward/lstm.py": "tests/test_backward.py -k 'lstm and not beyond'",
    "snippets/backward/gru.py": "tests/test_backward.py -k 'gru and not beyond'",
    "snippets/backward/detach.py": "tests/test_backward.py -k 'detached or history'",
    "snippets/conventions/to_onnx.py": "tests/test_conventions.py -k onnx",
    "snippets/conventions/to_keras.py": "tests/test_conventions.py -k 'keras or counts or start'",
    "snippets/gru/reset.py": "tests/test_steps.py tests/test_small_claims.py -k reset",
    "snippets/compare/gradient.py": "tests/test_compare.py -k gradient",
    "snippets/compare/parameters.py": "tests/test_compare.py -k test_parameters",
    "snippets/rnn_exploding_gradient.py": "tests/test_gradient_figure.py",
    "snippets/*/fades.py": "tests/test_compare.py -k influence",
    "snippets/*/keeps.py": "tests/test_compare.py -k influence",
    "snippets/*/pytorch.py": "tests/test_steps.py -k shapes",
}
HELD = ["snippets/*/step.py", "snippets/backward/*.py", "snippets/conventions/to_*.py"]  # to 95 %
SCORE = 0.95
WORKERS = 2
COPIED = ("snippets", "hooks", "tests", "docs", "pyproject.toml", "mkdocs.yml")


@dataclass
class Job:
    file: str
    text: str  # the snippet as it is
    mutant: Mutant | None = None
    own_check: bool = False  # with the snippet's asserts
    result: str = ""  # "killed", "survived" or "endless"

    @property
    def source(self) -> str:
        text = self.mutant.source if self.mutant else self.text
        return text if self.own_check else without_asserts(text)


def tests_of(file: str) -> list[str]:
    fitting = (tests for pattern, tests in TESTS.items() if fnmatch.fnmatch(file, pattern))
    return shlex.split(next(fitting, f"tests/test_{Path(file).parent.name}.py"))


def held(file: str) -> bool:
    return any(fnmatch.fnmatch(file, pattern) for pattern in HELD)


def shown_lines(root: Path, file: str) -> set[int]:
    cells = [cell for cell in read_snippet(root, file).code if not cell.hidden]
    return {line for cell in cells for line in range(cell.line, cell.line + cell.source.count("\n") + 1)}


class Runner:
    """Runs jobs in forks of this process, each worker in a copy of the project of its own."""

    def __init__(self, root: Path, scratch: Path):
        self.root, self.free, self.running, self.seconds = root, [], {}, {}
        for number in range(WORKERS):
            copy = scratch / str(number)
            copy.mkdir()
            for name in COPIED:
                if (root / name).is_dir():
                    shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("node_modules"))
                elif (root / name).exists():
                    shutil.copy(root / name, copy / name)
            self.free.append(copy)
        preload(["pytest"])
        self.kept = root / ".cache" / "mutants.json"
        self.known = json.loads(self.kept.read_text()) if self.kept.exists() else {}

    def key(self, job: Job) -> str:
        """Changes with all that the result hangs on: snippet, its tests, their helpers, the press."""
        tests = tests_of(job.file)
        used = [path for path in self.root.glob("tests/*.py") if path.name[:5] != "test_" and path.stem[:5] != "mutan"]
        used += [self.root / "constraints.txt", *self.root.glob("hooks/*.py")]
        used += [self.root / name for name in tests if name.endswith(".py")]
        parts = [job.file, job.source, *tests, *(path.read_text() for path in sorted(used) if path.exists())]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def run(self, jobs: list[Job], say=lambda job: None) -> None:
        waiting = []
        for job in jobs:
            job.result = self.known.get(self.key(job), "")
            (waiting.append if not job.result else say)(job)
        while waiting or self.running:
            while waiting and self.free:
                self.start(waiting.pop(0), self.free.pop())
            self.collect(say)
            time.sleep(0.01)

    def start(self, job: Job, copy: Path) -> None:
        (copy / job.file).write_text(job.source)
        process = os.fork()
        if not process:
            test(copy, [*tests_of(job.file), f"--tb={'no' if job.mutant else 'short'}"])
        self.running[process] = job, copy, time.monotonic()

    def collect(self, say) -> None:
        for process, (job, copy, begun) in list(self.running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            took = time.monotonic() - begun
            if not ended and took < self.limit(job.file):
                continue
            if not ended:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
                job.result = "endless"
            else:
                job.result = "survived" if status == 0 else "killed"
            del self.running[process]
            if not job.mutant:
                self.seconds[job.file] = took
                if job.result != "survived":
                    sys.exit(f"tests/mutants.py: the tests of {job.file} fail as it is\n{(copy / 'log').read_text()}")
                preload(json.loads((copy / "modules").read_text()))
            self.known[self.key(job)] = job.result
            (copy / job.file).write_text(job.text)
            self.free.append(copy)
            say(job)

    def stop(self) -> None:
        """End what still runs; keep what is known, so that the next time goes on from here."""
        self.kept.parent.mkdir(exist_ok=True)
        self.kept.write_text(json.dumps(self.known))
        for process in self.running:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def limit(self, file: str) -> float:
        return 10 + 5 * self.seconds.get(file, 60)


def preload(names: list[str]) -> None:
    """Import what tests have imported once, so that the next fork need not."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def test(copy: Path, tests: list[str]) -> None:
    """Run these tests in a fork of this process and end it."""
    os.setsid()
    with open(copy / "log", "w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdin = open(os.devnull)  # noqa: SIM115
    os.chdir(copy)
    sys.path[:] = [path for path in sys.path if path not in (str(HERE), str(HERE.parent))]
    for name in [name for name in sys.modules if name.split(".")[0] in ("hooks", "mutate")]:
        del sys.modules[name]
    sys.dont_write_bytecode = False  # of tests, in the copy; a snippet is never imported
    import pytest

    code = 1
    try:
        code = pytest.main(["-x", "-q", "--rootdir", str(copy), *tests])
        made = [name for name, module in sys.modules.items() if "-packages" in str(getattr(module, "__file__", ""))]
        (copy / "modules").write_text(json.dumps(made))
    finally:
        sys.stdout.flush()
        os._exit(int(code))


# Reasons


def fits(pattern: str, text: str) -> bool:
    """Whether a text is as written, where … stands for anything."""
    return bool(re.fullmatch(re.escape(pattern).replace("…", ".*"), text))


def reason(reasons: list[dict], job: Job) -> dict | None:
    for entry in reasons:
        wanted = entry["snippet"], entry["line"], entry["change"]
        if all(map(fits, wanted, (job.file, job.mutant.text, job.mutant.change))):
            return entry
    return None


# The report


def report(jobs: list[Job], own: dict[int, str], reasons: list[dict], whole: bool) -> list[str]:
    """Print the table; return what is wrong."""
    faults, used, pages = [], set(), defaultdict(list)
    for file in dict.fromkeys(job.file for job in jobs):
        mine = [job for job in jobs if job.file == file]
        alive = [job for job in mine if job.result == "survived"]
        checked = sum(own[id(job)] != "survived" for job in alive)
        score = 1 - len(alive) / len(mine)
        pages[Path(file).parent.name or "snippets"] += mine
        endless = sum(job.result == "endless" for job in mine)
        print(f"\n{file}: {len(mine)} mutants, {len(mine) - len(alive)} killed, {score:.1%}", end="")
        print(f" ({endless} of them by not ending)" * bool(endless), end="")
        print(f" (and {checked} by the snippet's own check alone)" * bool(checked))
        if held(file) and score < SCORE:
            faults.append(f"{file}: {score:.1%} of its mutants die, less than {SCORE:.0%}")
        for job in alive:
            why = reason(reasons, job)
            used.add(id(why))
            words = why["reason"] if why else "no reason given"
            print(f"  {job.mutant.line}: {job.mutant.text}\n      {job.mutant.change}: {words}")
            if not why and held(file):
                faults.append(f"{file}:{job.mutant.line}: survives without a reason: {job.mutant.change}")
    files = {job.file for job in jobs}
    for entry in reasons:
        about = whole or entry["snippet"] in files
        if about and id(entry) not in used:
            faults.append(f"tests/survivors.toml: fits no survivor: {entry['snippet']}: {entry['change']}")
    print(f"\n{'page':14} {'snippets':>8} {'mutants':>8} {'killed':>7} {'score':>7}")
    for page, mine in [*pages.items(), ("all", jobs)]:
        killed = sum(job.result != "survived" for job in mine)
        print(f"{page:14} {len({job.file for job in mine}):8} {len(mine):8} {killed:7} {killed / len(mine):7.1%}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("snippets", nargs="*", help="files or folders; none: all that are held to 95 %%")
    parser.add_argument("--root", type=Path, default=HERE.parent, help="the project")
    options = parser.parse_args()
    root = options.root.resolve()
    every = sorted(path.relative_to(root).as_posix() for path in root.glob("snippets/**/*.py"))
    files = [file for file in every if held(file)]
    if options.snippets:
        wanted = [name.rstrip("/") for name in options.snippets]
        files = [file for file in every if any(file == name or file.startswith(name + "/") for name in wanted)]
    if not files:
        sys.exit(f"tests/mutants.py: no such snippet: {' '.join(options.snippets)}")
    listed = root / "tests" / "survivors.toml"
    reasons = tomllib.loads(listed.read_text())["survivor"] if listed.exists() else []
    texts = {file: (root / file).read_text() for file in files}
    jobs = [Job(f, text, mutant) for f, text in texts.items() for mutant in mutants(text, shown_lines(root, f))]
    done = iter(range(1, len(jobs) + 1))

    def say(job: Job) -> None:
        if sys.stderr.isatty():
            print(f"\r{next(done)}/{len(jobs)} {job.file:50}", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(root, Path(scratch))
        try:
            runner.run([Job(file, texts[file]) for file in dict.fromkeys(job.file for job in jobs)])
            runner.run(jobs, say)
            again = {id(j): Job(j.file, j.text, j.mutant, own_check=True) for j in jobs if j.result == "survived"}
            runner.run(list(again.values()))
        finally:
            runner.stop()
    faults = report(jobs, {key: job.result for key, job in again.items()}, reasons, whole=not options.snippets)
    print("\n".join(["", *faults]))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
