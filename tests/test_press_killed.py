"""Builds killed at any moment: what is left is whole, and the next build is right."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from press_project import block, build, environment, mkdocs, project, snippet, tree

from hooks import cache

NAMES = ["one", "two", "three"]
SLOW = "import time\ntime.sleep(0.1)\nprint('{}')"
DRAWN = """\
import matplotlib.pyplot as plt
plt.figure(figsize=(4.8, 2))
plt.plot([1, 2], color="#2072d5")
plt.show()"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    files = {f"snippets/{name}.py": snippet(SLOW.format(name), DRAWN) for name in NAMES}
    page = "# Home\n\n" + "".join(
        block(name, "a") + block(name, "a", "text") + block(name, "b") + f"![A line](../images/{name}.svg)\n\n"
        for name in NAMES
    )
    return project(tmp_path_factory.mktemp("killed"), files | {"docs/index.md": page})


@pytest.fixture(scope="module")
def right(root):
    """The site as it must be in the end."""
    made = build(root)
    assert made.returncode == 0, made.stderr
    site = tree(root / "site")
    shutil.rmtree(root / ".cache")
    return site


def some(root: Path, pattern: str) -> bool:
    return any(root.glob(pattern))


MOMENTS = [  # in this order: what an earlier build left counts
    ("the first snippet starts", lambda root: some(root, ".cache/press/tmp.*/stdout")),
    ("a figure is drawn", lambda root: some(root, ".cache/press/tmp.*/b.svg")),
    ("the first result is stored", lambda root: some(root, ".cache/press/*-*/result.json")),
    ("all results are stored", lambda root: len(list(root.glob(".cache/press/*-*/result.json"))) == 3),
    ("the first page is written", lambda root: some(root, ".site-*/index.html")),
    ("the twins are written", lambda root: some(root, ".site-*/llms.txt")),
]


def test_killed_at_any_moment(root, right):
    hosts, killed = [], []
    for what, reached in MOMENTS:
        running = subprocess.Popen(mkdocs("build", "--strict"), cwd=root, env=environment(), stderr=subprocess.DEVNULL)
        while not reached(root) and running.poll() is None:
            time.sleep(0.001)
        hosts += read(f"/proc/{running.pid}/task/{running.pid}/children").split()
        running.kill()
        if running.wait() == -signal.SIGKILL:
            killed.append(what)
        assert tree(root / "site") == right, what
        for entry in root.glob(".cache/press/*-*"):
            result = json.loads((entry / "result.json").read_text())
            assert cache.hash_files(entry, result["files"]) == result["files"] and len(result["files"]) == 3
    assert len(killed) >= 4, "a busy machine may miss a moment, not all"
    until = time.monotonic() + 60
    while left := [pid for pid in hosts if "hooks.host" in read(f"/proc/{pid}/cmdline")]:
        assert time.monotonic() < until, f"fork hosts that outlive their builds: {left}"
        time.sleep(0.05)
    shutil.rmtree(root / "site")
    made = build(root)
    assert made.returncode == 0, made.stderr
    assert tree(root / "site") == right


def read(path: str) -> str:
    """A file of /proc, whose process may be gone; where there is no /proc there is no fork host."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def test_old_leavings_are_cleared(root, right):
    """Of what the killed builds left, the next build clears whatever is old."""
    left = [*root.glob(".site-*"), *root.glob(".cache/press/tmp.*")]
    assert left, "the builds above were killed half-way"
    for path in left:
        os.utime(path, (1, 1))
    made = build(root)
    assert made.returncode == 0 and tree(root / "site") == right
    assert not any(path.exists() for path in left)
