"""Brings every snippet's result up to date: cached where right, run where not."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from hooks import cache, study
from hooks.snippet import PressError, Snippet, read_snippet

HERE = Path(__file__).parent.parent
CAN_FORK = sys.platform.startswith("linux")  # macOS has fork, but not after its frameworks
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SAME_EVERYWHERE = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "MPLBACKEND": "Agg"}
_host: subprocess.Popen | None = None  # lives as long as the build, or the server


def read_all(root: Path) -> tuple[list[Snippet], list[str]]:
    """Every snippet of the project, and the faults of those that cannot be read."""
    snippets, faults = [], []
    for path in sorted((root / "snippets").rglob("[!.]*.py")):
        try:
            snippets.append(read_snippet(root, path.relative_to(root).as_posix()))
        except PressError as error:
            faults += error.faults
    return snippets, faults


def results(root: Path, say: Callable[[str], None] = print) -> tuple[dict, dict, list[str]]:
    """Run what is stale. Returns snippets by name, results by name, and faults."""
    root = root.resolve()
    snippets, faults = read_all(root)
    made, stale = {}, []
    for snippet in snippets:
        try:
            if snippet.study:
                study.read(root, snippet)
            result = cache.find(root, snippet)
        except PressError as error:
            faults += error.faults
            continue
        if result is None:
            stale.append(snippet)
        else:
            say(f"{snippet.file:<48} cached")
            made[snippet.name] = result
    try:
        for snippet, code, seconds, out in run_stale(root, stale):
            try:
                made[snippet.name] = collect(root, snippet, code, seconds, out)
            except PressError as error:
                faults += error.faults
                shutil.rmtree(out, ignore_errors=True)
            say(f"{snippet.file:<48} {'ran' if snippet.name in made else 'FAILED'} {seconds:.1f} s")
    except PressError as error:  # of the cache or the host
        faults += error.faults
    cache.evict(root, {result["folder"] for result in made.values() if "folder" in result})
    return {snippet.name: snippet for snippet in snippets}, made, faults


def run_stale(root: Path, stale: list[Snippet]) -> Iterator[tuple[Snippet, int, float, Path]]:
    """Yield (snippet, exit code, seconds, folder) as runs end; the longest limits start first."""
    jobs = {}
    for snippet in sorted(stale, key=lambda snippet: -snippet.limit):
        out = cache.new_folder(root, snippet)
        jobs[snippet.file] = {"root": str(root), "file": snippet.file, "out": str(out)}
        jobs[snippet.file] |= {"limit": snippet.limit, "source": snippet.source}
    by_file = {snippet.file: snippet for snippet in stale}
    for end in (fork_each if CAN_FORK else spawn_each)(list(jobs.values())) if jobs else ():
        yield by_file[end["file"]], end["code"], end["seconds"], Path(jobs[end["file"]]["out"])


def workers() -> int:
    said = os.environ.get("PRESS_WORKERS") or str(os.cpu_count() or 1)
    if not said.removeprefix("-").isdecimal():
        raise PressError(f"PRESS_WORKERS={said} is no number (write PRESS_WORKERS=2)")
    return max(1, int(said))


def environment() -> dict:
    return {**os.environ, **ONE_THREAD, **SAME_EVERYWHERE, "PYTHONPATH": str(HERE)}


def fork_each(jobs: list[dict]) -> Iterator[dict]:
    """Hand the jobs to the fork host, started at first need."""
    global _host
    if _host is None or _host.poll() is not None:
        command = [sys.executable, "-P", "-m", "hooks.host", str(workers())]
        _host = subprocess.Popen(command, env=environment(), stdin=-1, stdout=-1)
    _host.stdin.write(b"".join(json.dumps(job).encode() + b"\n" for job in jobs))
    _host.stdin.flush()
    for _ in jobs:
        line = _host.stdout.readline()
        if not line:
            raise PressError("hooks/host.py:1: the fork host ended early (run the build again)")
        yield json.loads(line)


def spawn_each(jobs: list[dict]) -> Iterator[dict]:
    """Where there is no fork: a process each."""

    def spawn(job: dict) -> dict:
        begun = time.monotonic()
        command = [sys.executable, "-P", "-m", "hooks.child", job["root"], job["file"], job["out"]]
        code = subprocess.run(command, env=environment()).returncode
        return {"file": job["file"], "code": code, "seconds": time.monotonic() - begun}

    with ThreadPoolExecutor(workers()) as pool:
        for future in as_completed([pool.submit(spawn, job) for job in jobs]):
            yield future.result()


def collect(root: Path, snippet: Snippet, code: int, seconds: float, out: Path) -> dict:
    """Store what a run made, or raise PressError saying why it made nothing."""
    stderr = (out / "stderr").read_text(errors="replace").strip() if (out / "stderr").exists() else ""
    if (out / "error.json").exists():
        error = json.loads((out / "error.json").read_bytes())
        raise PressError(f"{error['file']}:{error['line']}: {error['what']}")
    if not (out / "done.json").exists():
        why = why_it_ended(snippet, code, seconds, out)
        raise PressError(f"{snippet.file}:{fatal_line(root, snippet, out)}: {why}")
    if stderr:
        first = stderr.splitlines()[0]
        warning = re.match(rf"{re.escape(str(root))}/(snippets/\S+:\d+): (.*)", first)
        where, what = warning.groups() if warning else (f"{snippet.file}:1", first)
        raise PressError(f"{where}: writes to stderr: {what} (a reader would see it: mend the cause)")
    made = json.loads((out / "done.json").read_bytes())
    if made["base"] != cache.base_key(snippet):
        raise PressError(f"{snippet.file}:1: it, or the press, was edited as it started (start the build again)")
    return cache.store(root, snippet, made, out)


def fatal_text(out: Path) -> str:
    """The traceback that a crash or the time limit left."""
    return (out / "fatal").read_text(errors="replace") if (out / "fatal").exists() else ""


def fatal_line(root: Path, snippet: Snippet, out: Path) -> int:
    """The line of the snippet in that traceback."""
    match = re.search(rf'File "{re.escape(str(root / snippet.file))}", line (\d+)', fatal_text(out))
    return int(match[1]) if match else 1


def why_it_ended(snippet: Snippet, code: int, seconds: float, out: Path) -> str:
    if "Timeout" in fatal_text(out) or (code == -signal.SIGKILL and seconds > snippet.limit):
        advice = f"an endless loop? else write `# time limit: {snippet.limit * 3} s` under its docstring"
        return f"still running after {snippet.limit} s ({advice})"
    if code < 0:
        return f"was ended by signal {-code} (it crashed, or memory ran out)"
    return f"ended early with exit status {code} (let it run to its last line)"
