"""Every explorable of the built site, as a reader meets it; and the calculator, worked by hand."""

import re

import pytest
import torch
from explorables import retried
from lxml import html
from playwright.sync_api import expect
from torch import nn
from views import PAGES, ROOT, SITE, View, accessible, address


def page_tree(page):
    return html.parse(SITE / page).getroot()


PLACES = [(page, found.get("id")) for page in PAGES for found in page_tree(page).find_class("explore")]
every_one = pytest.mark.parametrize(("page", "name"), PLACES, ids=lambda one: address(one).removeprefix("explore-"))


def started(view, page, name, query=""):
    """The page, and the explorable on it once it moves."""
    view.wrong.clear()
    view.page.goto(view.base + address(page) + query)
    place = view.page.locator(f"#{name}")
    place.scroll_into_view_if_needed()
    expect(place).to_have_class(re.compile("explore--live"))
    return view.page, place.locator(".explore__live")


def test_there_are_some():
    assert len(PLACES) > 1, "no explorables: run make site"


@every_one
@pytest.mark.parametrize("mode", ["light", "dark", "phone"])
def test_it_starts_and_anyone_can_read_it(modes, mode, page, name):
    tab, live = started(modes[mode], page, name)
    assert live.inner_text().strip()
    accessible(tab)
    if mode == "phone":
        tab.set_viewport_size({"width": 360, "height": 640})
        assert tab.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), "scrolls sideways"
        for one in live.locator("button, input, select, [role=slider], [tabindex='0'][role=button]").all():
            box = one.bounding_box()
            assert not box or min(box["width"], box["height"]) >= 24, one.evaluate("it => it.outerHTML")
        tab.set_viewport_size({"width": 390, "height": 844})
    assert not modes[mode].wrong


@every_one
def test_its_figure_stands_there_without_script_and_on_paper(modes, page, name):
    bare = modes["no script"].open(page).locator(f"#{name}")
    assert bare.locator("figure, .frame").first.is_visible() and not bare.locator(".explore__live").count()
    tab, live = started(modes["light"], page, name)
    still = tab.locator(f"#{name} > :not(.explore__live)").first
    assert live.is_visible() and not still.is_visible()
    tab.emulate_media(media="print")
    assert still.is_visible() and not live.is_visible()
    tab.emulate_media(media="screen")


@every_one
def test_its_figure_stands_there_when_its_files_are_lost(modes, page, name):
    tab = modes["light"].page.context.browser.new_page()
    script = page_tree(page).get_element_by_id(name).get("data-explore")
    tab.route(re.compile(rf"/explore/{script}-\w+\.js"), lambda route: route.abort())
    tab.goto(modes["light"].base + address(page))
    place = tab.locator(f"#{name}")
    place.scroll_into_view_if_needed()
    tab.wait_for_timeout(500)
    assert place.locator("figure, .frame").first.is_visible() and not place.locator(".explore__live").count()
    tab.close()


def test_opened_by_a_link_nothing_in_sight_moves(modes):
    """Until it starts, what follows it waits below the screen; if it cannot start, no longer."""
    tab = modes["light"].page.context.browser.new_page(viewport={"width": 390, "height": 700})
    held = []
    tab.route(re.compile(r"/explore/bench-\w+\.js"), lambda route: held.append(route))
    tab.goto(f"{modes['light'].base}lstm/#explore-bench")
    place = tab.locator("#explore-bench")
    bottom = "it => it.getBoundingClientRect().bottom - innerHeight"
    expect(place.locator("figure")).to_be_in_viewport()
    assert place.evaluate(bottom) >= 0
    tab.wait_for_timeout(200)
    held[0].abort()
    expect(place).to_have_class(re.compile("explore--lost"))
    assert place.evaluate(bottom) < 0
    tab.close()


@every_one
def test_it_loads_when_the_reader_comes_near(modes, page, name):
    tab = modes["light"].page.context.browser.new_page(viewport={"width": 800, "height": 300})
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(modes["light"].base + address(page))
    tab.wait_for_load_state("networkidle")
    place = tab.locator(f"#{name}")
    script = place.get_attribute("data-module")
    shared = tab.locator(f"[data-module='{script}']").count() > 1  # another one's, which may be near
    named = ("" if shared else script, place.get_attribute("data-data"))
    own = [re.sub(r"^(\.\./)+", "/", url) for url in named if url]
    far = place.bounding_box()["y"] > 300 + 800 + 50
    got = [any(url.endswith(one) for url in asked) for one in own]
    assert not far or not any(got), "loaded before anybody came near"
    place.scroll_into_view_if_needed()
    expect(place).to_have_class(re.compile("explore--live"))
    assert all(any(url.endswith(one) for url in asked) for one in own)
    tab.close()


AT_FIRST_SIGHT = """new MutationObserver((changes) => {
  for (const { target } of changes) {
    const seen = () => (target.first ??= target.querySelector(".explore__here").innerHTML);
    if (target.matches?.(".explore--live")) setTimeout(seen);  // once the frame is on the screen
  }
}).observe(document, { subtree: true, attributeFilter: ["class"] })"""


@every_one
def test_nobody_meets_half_of_it(modes, page, name):
    tab = modes["light"].page.context.browser.new_page(viewport={"width": 800, "height": 900})
    tab.add_init_script(AT_FIRST_SIGHT)
    _, live = started(View(tab, modes["light"].base), page, name)
    tab.wait_for_timeout(200)
    assert tab.locator(f"#{name}").evaluate("it => it.first") == live.locator(".explore__here").inner_html()
    tab.close()


FOCUSABLE = "button, input, select, textarea, a[href], [tabindex='0']"


@every_one
def test_every_control_is_reached_and_named(modes, page, name):
    tab, live = started(modes["light"], page, name)
    live.evaluate(f"it => it.querySelector({FOCUSABLE!r})?.focus()")
    reached = set()
    for _ in range(400):
        reached.add(tab.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
        outlined = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outlined != "none", tab.evaluate("document.activeElement.outerHTML")
        tab.keyboard.press("Tab")
        if not live.evaluate("it => it.contains(document.activeElement)"):
            break
    wanted = live.locator(f"{FOCUSABLE} >> visible=true").evaluate_all(
        """all => all.filter((it) => it.type !== "radio" || it.checked)
          .map((it) => [...document.querySelectorAll("*")].indexOf(it))"""
    )
    assert set(wanted) <= reached
    for one in live.locator("button, input, select, textarea").all():
        assert one.evaluate("it => it.labels?.length || it.ariaLabel || it.textContent.trim()"), "has no name"


FIELD = re.compile(r"\b(\w+): (?:\w+\.)?(?:number|numbers|choice|flag|text)\(")
HOSTILE = ["NaN", "1e999", "<img src=x onerror=console.error(1)>", "__proto__", "%E0%A4%A", "9" * 500, "_" * 99, ""]


@every_one
def test_a_hostile_address_does_no_harm(modes, page, name):
    view = modes["light"]
    module = page_tree(page).get_element_by_id(name).get("data-explore")
    source = (ROOT / "docs/explore" / f"{module}.js").read_text()
    keys = FIELD.findall(source)
    assert keys or "state" not in source.split("start({")[-1].partition("}")[0]
    for text in HOSTILE:
        query = "&".join(f"{name.removeprefix('explore-')}.{key}={text}" for key in [*keys, "__proto__", "constructor"])
        _, live = started(view, page, name, f"?{query}")
        assert live.inner_text().strip() and not live.locator("[onerror]").count()
        assert not view.wrong, (text, view.wrong)


# The calculator


def results(live):
    """What the calculator shows: shapes by name, and the total."""
    rows = live.locator(".shapes__results table").first.locator("tbody tr").all_inner_texts()
    shapes = {}
    for row in rows:
        name, shape = row.split("\t")
        shapes[name.strip()] = tuple(int(one) for one in re.findall(r"\d+", shape.partition(")")[0]))
    total = live.locator(".shapes__total").inner_text()
    return shapes, int(re.sub(r"\D", "", total))


@retried
def same_as_torch(live, made, *sizes):
    output, end = made(torch.zeros(*sizes))
    states = dict(zip("hc", end if isinstance(end, tuple) else [end], strict=False))
    right = {"input": sizes, "output": tuple(output.shape)}
    for key, state in states.items():
        right |= {f"{key}_0": tuple(state.shape), f"{key}_n": tuple(state.shape)}
    assert results(live) == (right, sum(one.numel() for one in made.parameters()))


@pytest.fixture
def calculator(modes):
    return started(modes["light"], "shapes/index.html", "explore-shapes")


def test_the_calculator_by_mouse(calculator):
    _, live = calculator
    same_as_torch(live, nn.LSTM(10, 20, 2, batch_first=True, bidirectional=True), 3, 12, 10)
    live.get_by_text("GRU", exact=True).click()
    same_as_torch(live, nn.GRU(10, 20, 2, batch_first=True, bidirectional=True), 3, 12, 10)
    assert not live.get_by_label("nonlinearity").is_visible()
    live.get_by_label("batch_first").click()
    live.get_by_label("hidden_size").fill("7")
    same_as_torch(live, nn.GRU(10, 7, 2, bidirectional=True), 12, 3, 10)
    live.get_by_text("RNN", exact=True).click()
    live.get_by_label("nonlinearity").select_option("sigmoid")
    expect(live.locator(".shapes__error")).to_contain_text("ValueError: Unknown nonlinearity 'sigmoid'.")
    live.get_by_role("button", name="Reset").click()
    same_as_torch(live, nn.LSTM(10, 20, 2, batch_first=True, bidirectional=True), 3, 12, 10)


def test_the_calculator_by_keyboard(calculator):
    tab, live = calculator
    live.get_by_role("radio", name="LSTM").focus()
    tab.keyboard.press("ArrowRight")
    assert live.get_by_role("radio", name="GRU").is_checked()
    for keys in ("Tab", "ArrowUp", "Tab", "ArrowDown", "Tab", "Control+a", "3"):
        tab.keyboard.press(keys)
    same_as_torch(live, nn.GRU(11, 19, 3, batch_first=True, bidirectional=True), 3, 12, 11)
    live.get_by_label("unbatched").focus()
    tab.keyboard.press("Space")
    same_as_torch(live, nn.GRU(11, 19, 3, batch_first=True, bidirectional=True), 12, 11)
    expect(live.get_by_role("status")).to_have_text(re.compile(r"Output \(12, 38\), [\d,]+ parameters\."))


def test_the_calculator_by_finger(modes):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    tab, live = started(view, "shapes/index.html", "explore-shapes")
    live.get_by_text("RNN", exact=True).tap()
    live.get_by_label("bidirectional").tap()
    live.get_by_label("bias").tap()
    same_as_torch(live, nn.RNN(10, 20, 2, bias=False, batch_first=True), 3, 12, 10)
    live.get_by_label("dropout").fill("0.25")
    expect(live.locator("pre")).to_contain_text("dropout=0.25")
    assert live.locator("pre").evaluate("it => it.scrollWidth <= it.clientWidth"), "the code does not fit"
    live.get_by_role("button", name="Reset").tap()
    assert live.get_by_role("radio", name="LSTM").is_checked() and not view.wrong
    tab.close()


def test_a_link_shows_what_its_sender_saw(calculator, modes):
    tab, live = calculator
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    live.get_by_label("proj_size").fill("6")
    live.get_by_label("T, steps").fill("5")
    live.get_by_role("button", name="Copy a link").click()
    link = tab.evaluate("navigator.clipboard.readText()")
    assert link.endswith("?shapes.proj_size=6&shapes.T=5#explore-shapes")
    view = modes["dark"]
    view.page.goto(link)
    other = view.page.locator(".explore__live")
    expect(other).to_be_visible()
    assert results(other) == results(live)
    made = nn.LSTM(10, 20, 2, batch_first=True, bidirectional=True, proj_size=6).double()
    assert results(other)[0]["output"] == tuple(made(torch.zeros(3, 5, 10).double())[0].shape)


def test_the_code_can_be_copied_and_runs(calculator):
    tab, live = calculator
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    live.get_by_role("button", name="Copy", exact=True).click()
    copied = tab.evaluate("navigator.clipboard.readText()")
    expect(live.locator(".copy")).to_have_attribute("title", "Copied")
    names = {"nn": nn, "torch": torch}
    exec(copied, names)
    assert results(live)[0]["output"] == tuple(names["output"].shape)
    assert results(live)[0]["c_n"] == tuple(names["c_n"].shape)


def test_results_are_told_once_the_changes_pause(calculator):
    tab, live = calculator
    voice = live.get_by_role("status")
    assert voice.inner_text() == ""
    heard = "window.heard = []; new MutationObserver(() => heard.push(1)).observe(it, {childList: true})"
    voice.evaluate(f"it => {{ {heard} }}")
    live.get_by_label("hidden_size").fill("")
    live.get_by_label("hidden_size").press_sequentially("0123", delay=60)
    expect(voice).to_have_text(re.compile(r"^Output \(3, 12, 246\), "))
    assert tab.evaluate("heard.length") == 1
    live.get_by_label("hidden_size").fill("0")
    expect(voice).to_have_text("PyTorch refuses. ValueError: hidden_size must be greater than zero")


def test_the_browser_meets_the_vectors_of_the_build(modes):
    _, live = started(modes["light"], "about/index.html", "explore-parity")
    found = [float(row.split("\t")[-1]) for row in live.locator("tbody tr").all_inner_texts()]
    assert len(found) == 12 and max(found) < 1e-5
    print("largest difference in this browser", max(found))
