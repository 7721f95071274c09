"""The fork host: imports torch and matplotlib once, then runs each snippet in a fork.

Jobs come as lines of JSON on stdin, ends go out as lines of JSON on stdout.
When stdin closes (the build ended or was killed) the host and its children end.
"""

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from hooks import child

GRACE = 5  # seconds beyond the time limit until a child that hangs in C is killed


def preload() -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot
    import torch  # noqa: F401


def start(job: dict) -> int:
    """Fork a child for the job and return its process id."""
    if "torch.optim" in job["source"]:
        import torch._dynamo  # noqa: F401  (the first optimizer would import it: 1.5 s)
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()  # so that what the snippet starts can be killed with it
        child.run(Path(job["root"]), job["file"], Path(job["out"]))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def main(workers: int) -> None:
    preload()
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    queue: list[dict] = []
    running: dict[int, tuple[dict, float]] = {}
    buffer = b""
    try:
        while True:
            idle = not queue and not running
            if select.select([0], [], [], None if idle else 0.005)[0]:
                data = os.read(0, 1 << 16)
                if not data:
                    return
                *lines, buffer = (buffer + data).split(b"\n")
                queue += map(json.loads, lines)
            while queue and len(running) < workers:
                job = queue.pop(0)
                running[start(job)] = (job, time.monotonic())
            for pid, (job, begun) in list(running.items()):
                seconds = time.monotonic() - begun
                if seconds > job["limit"] + GRACE:
                    kill_group(pid)
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    del running[pid]
                    kill_group(pid)
                    code = os.waitstatus_to_exitcode(status)
                    reports.write(json.dumps({"file": job["file"], "code": code, "seconds": seconds}) + "\n")
    finally:
        for pid in running:
            kill_group(pid)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
