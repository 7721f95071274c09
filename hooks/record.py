"""Runs a recorded snippet and writes its values beside it, with where and when they were made."""

import json
import os
import platform
import runpy
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from hooks.child import plain_values
from hooks.expand import is_bad


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def record(file: Path) -> dict:
    found = plain_values(runpy.run_path(str(file)))
    values = {name: value for name, value in found.items() if not is_bad(value)}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    made = {
        "machine": f"{cpu_name()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": commit,
    }
    return {"values": values, "made": made}


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        sys.exit("hooks/record.py: name one snippet (make record S=snippets/compare/speed.py)")
    target = Path(sys.argv[1]).with_suffix(".json")
    target.write_text(json.dumps(record(Path(sys.argv[1])), indent=2) + "\n")
    print(target)
