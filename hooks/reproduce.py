"""Makes recorded results: each run of a study in a process of its own, a few at a time.

    python -m hooks.reproduce [snippets/speed/layers.py ...]

Finished runs lie in .cache/reproduce, so a second start goes on where the first
stopped. SHARD=2/8 makes the second eighth alone; once the parts of all shards lie
there, on whichever machines they were made, the record is written.
"""

import contextlib
import inspect
import io
import json
import math
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from importlib.metadata import version
from pathlib import Path

from hooks import study
from hooks.cache import digest
from hooks.run import environment, read_all, workers
from hooks.snippet import PressError, Snippet, read_snippet

PARTS = Path(".cache/reproduce")
ALONE = re.compile(r"^# one run at a time\b", re.M)  # a line of studies that measure time
LIMIT = 2 * 3600  # seconds for one run; the longest of ours takes twenty minutes
LARGEST = 2**20  # bytes of one run's result; git keeps it for ever
_running: set[subprocess.Popen] = set()  # to be ended when this process is


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def where_and_when() -> dict:
    return {
        "machine": f"{cpu_name()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def part(root: Path, snippet: Snippet, key: str) -> Path:
    """Where a run's result lies until all are there; other code or versions, another place."""
    versions = [platform.python_version(), version("torch"), version("numpy")]
    folder = f"{snippet.name.replace('/', '.')}-{study.fingerprint(snippet)}-{'-'.join(versions)}"
    return root / PARTS / folder / f"{re.sub(r'[^a-z0-9]+', '_', key.lower())}-{digest(key.encode())[:8]}.json"


def make_part(root: Path, snippet: Snippet, key: str) -> None:
    """One run, in this process; the part appears by a rename, whole or not at all."""
    target = part(root, snippet, key)
    with empty_folder(root):
        names = study.define(root, snippet)
        begun = time.process_time()
        result = names["run"](**names["plan"][key])
        made = {"key": key, "seconds": time.process_time() - begun, **where_and_when(), "result": result}
    if fault := "its result is None" if result is None else no_record_holds(result, "its result"):
        raise PressError(f"{fault} (return finite numbers and texts, and lists and dicts of them)")
    text = json.dumps(made, allow_nan=False)
    if len(text) > LARGEST:
        raise PressError(f"its result takes {len(text) / 2**20:.1f} MiB (return at most {LARGEST >> 20}: a summary)")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(f".{os.getpid()}")
    draft.write_text(text)
    draft.rename(target)


@contextlib.contextmanager
def empty_folder(root: Path):
    """Work in an empty folder, as in a build, and come back."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        os.chdir(empty)
        try:
            yield
        finally:
            os.chdir(root)


def no_record_holds(value, name: str) -> str:
    """What of a result would be lost in a record, or nothing."""
    if isinstance(value, dict):
        if len({key if isinstance(key, str) else json.dumps(key, default=str) for key in value}) < len(value):
            return f"{name} has two keys that are one in a record"
        if strange := [key for key in value if not isinstance(key, str | int | float)]:
            return f"{name} has the key {strange[0]!r}"
    if isinstance(value, dict | list | tuple):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return next(filter(None, (no_record_holds(inner, f"{name}[{key!r}]") for key, inner in pairs)), "")
    if isinstance(value, float) and not math.isfinite(value):
        return f"{name} is {value}"
    kind = f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
    return "" if value is None or isinstance(value, str | int | float) else f"{name} is a {kind}"


def described(root: Path, snippet: Snippet, error: BaseException) -> tuple[int, str]:
    """The snippet's line at which an error rose, and what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(root / snippet.file)]
    what = str(error) if isinstance(error, PressError) else f"{type(error).__name__}: {error}"
    return (lines or [snippet.study.line])[-1], " ".join(what.split()).removesuffix(":")


def planned(root: Path, snippet: Snippet) -> list[str]:
    """The keys of the plan, once it is sure that each run can be started."""
    try:
        with empty_folder(root), contextlib.redirect_stdout(io.StringIO()):
            names = study.define(root, snippet)
    except (Exception, SystemExit) as error:
        line, what = described(root, snippet, error)
        raise PressError(f"{snippet.file}:{line}: {what} (mend it: no run can start)") from None
    plan, run = names.get("plan"), names.get("run")
    where = f"{snippet.file}:{snippet.study.line}"
    if not callable(run):
        raise PressError(f"{where}: has no `run` before its recorded cell (write `def run(...)`, which makes one run)")
    if not isinstance(plan, dict) or not plan:
        raise PressError(f"{where}: `plan` is no dict with runs in it (write {{'a short text': {{settings of run}}}})")
    for key, settings in plan.items():
        if not isinstance(key, str) or not key.strip() or not key.isprintable() or len(key) > 80:
            raise PressError(f"{where}: the key {key!r} of `plan` is no short text of one line (rename it)")
        try:
            inspect.signature(run).bind(**dict(settings))
        except TypeError as error:
            raise PressError(f"{where}: `run` cannot take the settings of '{key}': {error} (mend `plan`)") from None
    return list(plan)


def read_parts(root: Path, snippet: Snippet, keys: list[str]) -> dict:
    """What is made already; a part that is damaged is as good as none."""
    parts = {}
    for key in keys:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            made = json.loads(part(root, snippet, key).read_bytes())
            if made["key"] == key and made["seconds"] >= 0 and made.keys() >= {"result", *where_and_when()}:
                parts[key] = made
    return parts


def start(root: Path, snippet: Snippet, key: str) -> str:
    """Make one part in a fresh process; `line: why` if it fails, else nothing."""
    command = [sys.executable, "-P", "-m", "hooks.reproduce", "--part", snippet.file, key]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=root, env=environment(), text=True, errors="replace", **pipes) as child:
        _running.add(child)
        try:
            said = child.communicate(timeout=LIMIT)[1].strip().splitlines()
        except subprocess.TimeoutExpired:
            child.kill()
            advice = "an endless loop? else cut it into shorter runs in `plan`"
            return f"{snippet.study.line}: still running after {LIMIT / 60:.0f} min ({advice})"
        finally:
            _running.discard(child)
    if child.returncode == 1 and said and re.match(r"\d+: ", said[-1]):
        return said[-1]
    if child.returncode < 0:
        return f"{snippet.study.line}: was ended by signal {-child.returncode} (it crashed, or memory ran out)"
    if child.returncode or not read_parts(root, snippet, [key]):
        return f"{snippet.study.line}: ended with exit status {child.returncode} and no result (let it return one)"
    return ""


def make_missing(root: Path, snippet: Snippet, keys: list[str], done: dict, at_once: int) -> list[str]:
    """Run what has no part yet and tell how far it is. Returns faults."""
    missing = [key for key in keys if key not in done]
    seconds = [made["seconds"] for made in done.values()]
    print(f"{snippet.file}: {len(keys)} runs, {len(keys) - len(missing)} made before", flush=True)
    faults: dict[str, list[str]] = {}
    with ThreadPoolExecutor(at_once) as pool:
        jobs = {pool.submit(start, root, snippet, key): key for key in missing}
        try:
            for count, job in enumerate(as_they_end(jobs), len(keys) - len(missing) + 1):
                if fault := job.result():
                    faults.setdefault(fault, []).append(jobs[job])
                else:
                    seconds.append(read_parts(root, snippet, [jobs[job]])[jobs[job]]["seconds"])
                left = (len(keys) - count) * sum(seconds) / max(1, len(seconds)) / at_once
                took = "  FAILED" if fault else f"{seconds[-1]:6.0f} s"
                print(f"[{count:3}/{len(keys)}] {jobs[job]:<32} {took}  {left / 60:5.1f} min left", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(job.done() for job in jobs):  # one may be about to start
                for child in list(_running):
                    child.kill()
                time.sleep(0.05)
            raise
    return [told(snippet, fault, failed) for fault, failed in faults.items()]


def as_they_end(jobs: Iterable[Future]) -> Iterator[Future]:
    """As `as_completed`, but never asleep for long: a signal that comes as it falls asleep does not wake it."""
    waiting = set(jobs)
    while waiting:
        ended, waiting = wait(waiting, 0.5, FIRST_COMPLETED)
        yield from ended


def told(snippet: Snippet, fault: str, keys: list[str]) -> str:
    """One fault for all runs that failed alike."""
    line, _, why = fault.partition(": ")
    more = f" and {len(keys) - 1} more" if keys[1:] else ""
    advice = "" if why.endswith(")") else " (mend it; finished runs are kept)"
    return f"{snippet.file}:{line}: run '{keys[0]}'{more} failed: {why}{advice}"


def shard(keys: list[str], which: str) -> list[str]:
    """The keys of shard `which`, "2/8": every eighth, from the second on; all without one."""
    if not which:
        return keys
    match = re.fullmatch(r"(\d+)/(\d+)", which)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise PressError(f"SHARD={which} is no shard (write SHARD=2/8 for the second of eight)")
    return keys[int(match[1]) - 1 :: int(match[2])]


def check_writable(root: Path, snippet: Snippet, key: str) -> None:
    """Say before hours of work, not after, that there is nowhere to put their result."""
    folders = {PARTS: part(root, snippet, key).parent, Path(snippet.record).parent: (root / snippet.record).parent}
    for name, folder in folders.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            raise PressError(f"{name}:1: cannot be written: {error.strerror} (make it a folder with room)") from None


def reproduce(root: Path, snippet: Snippet, which: str = "") -> list[str]:
    """Make a study's runs and, once all are there, its record. Returns faults."""
    keys = planned(root, snippet)
    mine = shard(keys, which)
    check_writable(root, snippet, keys[0])
    at_once = 1 if ALONE.search(snippet.source) else workers()
    faults = make_missing(root, snippet, mine, read_parts(root, snippet, mine), at_once)
    parts = read_parts(root, snippet, keys)
    if len(parts) < len(keys):
        print(f"{len(parts)} of {len(keys)} runs are in {PARTS}: no record yet")
        return faults
    ordered = [parts[key] for key in keys]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True)
    made = {name: "; ".join(sorted({one[name] for one in ordered})) for name in ("machine", "python", "torch", "numpy")}
    made |= {"date": max(one["date"] for one in ordered), "commit": commit.stdout.strip()}
    made |= {"hours": sum(one["seconds"] for one in ordered) / 3600, "code": study.fingerprint(snippet)}
    study.write(root, snippet, {key: parts[key]["result"] for key in keys}, made)
    print(snippet.record)
    return faults


def find(root: Path, file: str) -> Snippet:
    """The study that was named on the command line."""
    path = Path(os.path.abspath(file))
    if not path.is_file() or not path.is_relative_to(root / "snippets"):
        raise PressError(f"{file}:1: is no snippet (name one: make reproduce S=snippets/speed/layers.py)")
    snippet = read_snippet(root, path.relative_to(root).as_posix())
    if not snippet.study:
        raise PressError(f'{snippet.file}:1: is no study (one has a cell with tags=["recorded"])')
    return snippet


def main(arguments: list[str]) -> None:
    root, which = Path.cwd(), os.environ.get("SHARD", "")
    if arguments[:1] == ["--part"]:
        snippet = read_snippet(root, arguments[1])
        try:
            return make_part(root, snippet, arguments[2])
        except BaseException as error:
            sys.exit("{}: {}".format(*described(root, snippet, error)))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to end the runs too
    shard([], which)
    snippets, faults = ([find(root, file) for file in arguments], []) if arguments else read_all(root)
    for snippet in snippets:
        try:
            faults += reproduce(root, snippet, which) if snippet.study else []
        except PressError as error:
            faults += error.faults
    if faults:
        raise PressError(*faults)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PressError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(f"stopped; what is finished is kept in {PARTS} (the same command goes on from there)")
