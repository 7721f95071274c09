"""Makes recorded results: each run of a study in a process of its own, a few at a time.

    python -m hooks.reproduce [snippets/memory/gym.py ...]

Finished runs lie in .cache/reproduce, so a second start goes on where the first
stopped. SHARD=2/8 makes the second eighth alone; once the parts of all shards lie
there, on whichever machines they were made, the record is written.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

from hooks import study
from hooks.cache import digest
from hooks.run import environment, read_all, workers
from hooks.snippet import PressError, Snippet, read_snippet

PARTS = Path(".cache/reproduce")
ALONE = re.compile(r"^# one run at a time\b", re.M)  # a line of studies that measure time


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
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        names = study.define(root, snippet)
        begun = time.process_time()
        result = names["run"](**names["plan"][key])
        made = {"key": key, "seconds": time.process_time() - begun, **where_and_when(), "result": result}
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(made, allow_nan=False))
        draft.rename(target)
        os.chdir(root)


def read_parts(root: Path, snippet: Snippet, keys: list[str]) -> dict:
    paths = {key: part(root, snippet, key) for key in keys}
    return {key: json.loads(path.read_bytes()) for key, path in paths.items() if path.exists()}


def start(root: Path, snippet: Snippet, key: str) -> str:
    """Make one part in a fresh process; what it says on stderr if it fails, else nothing."""
    command = [sys.executable, "-P", "-m", "hooks.reproduce", "--part", snippet.file, key]
    end = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True)
    last = (end.stderr.strip().splitlines() or [f"exit status {end.returncode}"])[-1]
    lines = re.findall(rf'File "{re.escape(str(root / snippet.file))}", line (\d+)', end.stderr)
    where = f"{snippet.file}:{lines[-1] if lines else snippet.study.line}"
    return f"{where}: run '{key}' failed: {last}" if end.returncode else ""


def make_missing(root: Path, snippet: Snippet, keys: list[str], done: dict, at_once: int) -> list[str]:
    """Run what has no part yet and tell how far it is. Returns faults."""
    missing = [key for key in keys if key not in done]
    seconds = [made["seconds"] for made in done.values()]
    print(f"{snippet.file}: {len(keys)} runs, {len(keys) - len(missing)} made before", flush=True)
    faults = []
    with ThreadPoolExecutor(at_once) as pool:
        jobs = {pool.submit(start, root, snippet, key): key for key in missing}
        try:
            for count, job in enumerate(as_completed(jobs), len(keys) - len(missing) + 1):
                if job.result():
                    faults.append(job.result())
                else:
                    seconds.append(read_parts(root, snippet, [jobs[job]])[jobs[job]]["seconds"])
                left = (len(keys) - count) * sum(seconds) / max(1, len(seconds)) / at_once
                took = f"{seconds[-1]:6.0f} s" if not job.result() else "  FAILED"
                print(f"[{count:3}/{len(keys)}] {jobs[job]:<32} {took}  {left / 60:5.1f} min left", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            sys.exit(f"stopped; what is finished is kept in {PARTS} (the same command goes on from there)")
    return faults


def shard(keys: list[str], which: str) -> list[str]:
    """The keys of shard `which`, "2/8": every eighth, from the second on; all without one."""
    if not which:
        return keys
    match = re.fullmatch(r"(\d+)/(\d+)", which)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise PressError(f"SHARD={which} is no shard (write SHARD=2/8 for the second of eight)")
    return keys[int(match[1]) - 1 :: int(match[2])]


def reproduce(root: Path, snippet: Snippet, which: str = "") -> list[str]:
    """Make a study's runs and, once all are there, its record. Returns faults."""
    keys = list(study.define(root, snippet)["plan"])
    mine = shard(keys, which)
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


def main(arguments: list[str]) -> None:
    root = Path.cwd()
    if arguments[:1] == ["--part"]:
        make_part(root, read_snippet(root, arguments[1]), arguments[2])
        return
    snippets, faults = ([read_snippet(root, file) for file in arguments], []) if arguments else read_all(root)
    if strangers := [snippet.file for snippet in snippets if arguments and not snippet.study]:
        raise PressError(f"{strangers[0]}:1: is no study (one has a cell with tags=[\"recorded\"])")
    for snippet in snippets:
        if snippet.study:
            faults += reproduce(root, snippet, os.environ.get("SHARD", ""))
    if faults:
        raise PressError(*faults)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PressError as error:
        sys.exit(str(error))
