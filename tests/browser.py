"""Finds a Chromium to test with; where there is none, installs one."""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "google-chrome-stable", "google-chrome", "chromium-browser")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
NONE = (
    "no Chromium or Chrome found and none could be installed "
    "(install one, or set BROWSER=no to leave the browser tests out)"
)


def wanted() -> bool:
    """Whether the caller wants the tests that need a browser."""
    return os.environ.get("BROWSER", "").lower() != "no"


def works(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def find() -> str | None:
    """The path of a browser that is installed and starts."""
    for program in (*map(shutil.which, NAMES), MAC):
        if program and works(program):
            return program
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if works(own) else None


def install() -> None:
    """Debian's package if this is root on Debian, else Playwright's own."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-q"])
        subprocess.run(
            ["apt-get", "install", "-qy", "--no-install-recommends", "chromium"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
        if find():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])


def found_or_installed() -> str:
    program = find()
    if not program:
        print("No browser found: installing one.", flush=True)
        install()
        program = find()
    if not program:
        raise SystemExit(NONE)
    return program


if __name__ == "__main__":
    print(found_or_installed() if wanted() else "BROWSER=no: no browser tests")
