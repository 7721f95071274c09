"""Opens the built site in a browser, in each way in which readers look at it."""

import os
from pathlib import Path

import browser
import pytest
from playwright.sync_api import expect, sync_playwright
from serving import base_path, serving

expect.set_options(timeout=20_000)  # of what is drawn in 20 ms: the machine may be busy
ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site")).resolve()
TOOLS = ROOT / "tests" / "node_modules"
AXE = TOOLS / "axe-core" / "axe.min.js"

PAGES = sorted(str(file.relative_to(SITE)) for file in SITE.rglob("*.html"))
MODES = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
    "no script": {"java_script_enabled": False, "viewport": {"width": 1440, "height": 900}},
}


def address(page: str) -> str:
    return page.removesuffix("index.html")


every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: address(page) or "/")


@pytest.fixture(scope="session")
def modes():
    """One open page for each way of looking at the site, and its address."""
    if not browser.wanted():
        pytest.skip("BROWSER=no: not looked at by a browser")
    if not PAGES:
        pytest.skip("no site")
    try:
        program = browser.found_or_installed()
    except SystemExit as none:
        pytest.fail(str(none), pytrace=False)
    if not AXE.is_file():
        pytest.fail("tests/node_modules is missing: run make test", pytrace=False)
    with serving(SITE) as base, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program)
        yield {
            name: View(chromium.new_page(reduced_motion="reduce", **options), base) for name, options in MODES.items()
        }
        chromium.close()


class View:
    """A page of the browser, and what it complains about."""

    def __init__(self, page, base: str):
        self.page, self.base, self.wrong = page, base, []
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", self.asked)
        page.on("response", self.answered)

    def heard(self, message):
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.type}: {message.text}")

    def asked(self, request):
        host = self.base.removesuffix(base_path(SITE))
        if not request.url.startswith((host, "data:", "blob:")):
            self.wrong.append(f"request to {request.url}")

    def answered(self, response):
        if response.status >= 400:
            self.wrong.append(f"{response.status} {response.url}")

    def open(self, page: str):
        self.wrong.clear()
        self.page.goto(self.base + address(page))
        return self.page


def accessible(tab):
    tab.evaluate(AXE.read_text("utf-8"))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert not found, [node["failureSummary"] for violation in found for node in violation["nodes"]]
