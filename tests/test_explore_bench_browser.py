"""The cell bench, worked by mouse, finger and keyboard; its numbers are torch's."""

import json
import re

import pytest
import torch
from explorables import retried
from playwright.sync_api import expect
from test_explore_bench import PASSES, STEPS, listed, slopes, start, states
from test_explore_browser import started
from views import View

PAGES = {kind: f"{kind}/index.html" for kind in ("rnn", "lstm", "gru")}
LAST = {"rnn": ["h′"], "lstm": ["h′", "c′"], "gru": ["h′"]}


def number(text):
    """Also 3.2 · 10⁻⁷."""
    digits, _, power = text.replace("−", "-").replace("\u00a0", " ").partition(" · 10⁻")
    return float(digits) * 10.0 ** -int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")) or 0)


def settled(tab):
    tab.evaluate("() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


def shown(live, name):
    return number(live.locator(f"[data-number='{name}']").locator("text").last.text_content())


def inputs(live):
    return [float(one.get_attribute("aria-valuenow")) for one in live.locator(".bench__x").all()]


@retried
def same_as_torch(tab, live, kind, w, t, s):
    """The states in the drawing and the derivative in the sentence, of the inputs that the page shows."""
    settled(tab)
    x = inputs(live)
    with torch.no_grad():
        end = states(kind, w, torch.tensor(x, dtype=torch.float64))[t - 1]
    for name, one in zip(LAST[kind], end, strict=True):
        assert shown(live, name) == pytest.approx(one.item(), abs=0.00501)
    said = live.locator(".bench__effect").inner_text().rstrip(".").rsplit(" = ", 1)[-1]
    assert number(said) == pytest.approx(right := slopes(kind, w, x)[t - 1, s - 1], rel=0.06, abs=1e-99)
    assert number(said) == pytest.approx(right, abs=0.000501)


def bench(view, kind, query=""):
    return started(view, PAGES[kind], "explore-bench", query)


@pytest.mark.parametrize("kind", PAGES)
def test_it_starts_as_its_figure_and_computes_as_torch(modes, kind):
    tab, live = bench(modes["light"], kind)
    given = start(kind)
    settled(tab)
    assert inputs(live) == given["x"]
    same_as_torch(tab, live, kind, given["w"], given["t"], given["s"])


def drag(tab, live, k, by):
    box = live.locator(".bench__x").nth(k).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x, y + by * box["height"], steps=4)
    tab.mouse.up()


@pytest.mark.parametrize("kind", PAGES)
def test_by_mouse(modes, kind):
    tab, live = bench(modes["light"], kind)
    w = start(kind)["w"]
    live.locator(".bench__x").nth(3).scroll_into_view_if_needed()
    settled(tab)
    drag(tab, live, 3, -0.25)  # a quarter of four up from the middle
    settled(tab)
    assert inputs(live)[3] == pytest.approx(1, abs=0.11)
    same_as_torch(tab, live, kind, w, STEPS, 4)
    live.locator(".bench__x").nth(1).click()  # no more than a choice
    settled(tab)
    assert inputs(live)[1] == 1
    same_as_torch(tab, live, kind, w, STEPS, 2)
    zone = live.locator(".bench__time").bounding_box()
    tab.mouse.click(zone["x"] + zone["width"] * 5.5 / STEPS, zone["y"] + 10)
    same_as_torch(tab, live, kind, w, 6, 2)
    live.locator("[data-number='h′']").click()
    expect(live.locator(".bench__formula")).to_contain_text("h₆ = ")
    tab.mouse.click(zone["x"] + zone["width"] * 0.5 / STEPS, zone["y"] + 10)
    expect(live.locator(".bench__effect")).to_have_text("The input of step 2 is still to come.")
    live.get_by_role("button", name="Reset").click()
    same_as_torch(tab, live, kind, w, STEPS, 2)


def test_by_keyboard(modes):
    tab, live = bench(modes["light"], "lstm")
    w = list(start("lstm")["w"])
    bars = live.locator(".bench__x")
    bars.nth(1).focus()
    for key in ("ArrowRight", "PageUp", "ArrowUp", "ArrowUp"):
        tab.keyboard.press(key)
        settled(tab)
    expect(bars.nth(2)).to_be_focused()
    assert inputs(live)[2] == 1.2
    same_as_torch(tab, live, "lstm", w, STEPS, 3)
    live.get_by_label("now: step").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowLeft")
    same_as_torch(tab, live, "lstm", w, 9, 3)
    live.get_by_label("b_f, bias of f").focus()
    tab.keyboard.press("PageDown")
    w[9] -= 1
    same_as_torch(tab, live, "lstm", w, 9, 3)
    live.locator("[data-number='c′']").focus()
    tab.keyboard.press("ArrowRight")
    settled(tab)
    focused = tab.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.fullmatch(r"the .*: −?\d\.\d\d", focused)
    assert tab.evaluate("document.activeElement.getAttribute('aria-checked')") == "true"
    expect(live.get_by_role("status")).to_contain_text("Step 9, ")


def test_by_finger(modes):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    tab, live = bench(view, "gru")
    for bar in live.locator(".bench__x").all():
        assert bar.bounding_box()["width"] >= 24
    live.locator(".bench__x").nth(7).tap()
    same_as_torch(tab, live, "gru", start("gru")["w"], STEPS, 8)
    live.locator("[data-number='z']").tap()
    expect(live.locator(".bench__formula")).to_contain_text("z₁₂ = σ(W_iz")
    live.locator(".bench__time").scroll_into_view_if_needed()
    box = live.locator(".bench__time").bounding_box()
    tab.touchscreen.tap(box["x"] + box["width"] * 8.5 / STEPS, box["y"] + 20)
    same_as_torch(tab, live, "gru", start("gru")["w"], 9, 8)
    live.get_by_text("forget when told").tap()
    expect(live.locator(".bench__verdict")).to_contain_text("✗ Not yet.")
    assert not view.wrong
    tab.close()


@pytest.mark.parametrize(("kind", "task"), PASSES)
def test_a_challenge_is_judged_in_words(modes, kind, task):
    tab, live = bench(modes["light"], kind)
    assert not live.locator(".bench__verdict").is_visible()
    live.get_by_text("remember a bit" if task == "remember" else "forget when told").click()
    expect(live.locator(".bench__verdict")).to_contain_text("✗ Not yet.")
    assert inputs(live)[1] == 1 and (inputs(live)[6] == 2) == (task == "forget")
    w = listed(kind, PASSES[kind, task])
    query = f"?bench.task={task}&bench.w={'_'.join(map(str, w))}"
    tab, live = bench(modes["light"], kind, query)
    expect(live.locator(".bench__verdict")).to_contain_text("✓ Passed.")
    assert not live.get_by_text("✗").count()
    same_as_torch(tab, live, kind, w, STEPS, 2)


@pytest.mark.parametrize("kind", PAGES)
def test_every_number_has_its_formula(modes, kind):
    tab, live = bench(modes["light"], kind, "?bench.t=3")
    names = json.loads(
        live.locator(".bench__number").evaluate_all("all => JSON.stringify(all.map((it) => it.dataset.number))")
    )
    for name in names:
        live.locator(f"[data-number='{name}']").click()
        settled(tab)
        told = live.locator(".bench__formula code").last.inner_text()
        assert number(re.findall(r"−?\d+\.\d\d", told)[-1]) == shown(live, name), (name, told)


def test_three_on_one_page_do_not_disturb_each_other(modes):
    for kind in PAGES:
        tab, live = started(modes["light"], "playground/index.html", f"explore-{kind}", f"?{kind}.t=5")
        same_as_torch(tab, live, kind, start(kind)["w"], 5, 2)
        others = [one for one in PAGES if one != kind]
        for other in others:
            place = tab.locator(f"#explore-{other}")
            place.scroll_into_view_if_needed()
            same_as_torch(tab, place.locator(".explore__live"), other, start(other)["w"], STEPS, 2)


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_there_is_room_for_names_numbers_and_fingers(modes, kind, width):
    """No name of a weight takes a second line, whatever its value: the slider below it would move."""
    lowest = "_".join(["-10"] * len(start(kind)["w"]))
    modes["light"].page.set_viewport_size({"width": width, "height": 900})
    tab, live = bench(modes["light"], kind, f"?bench.w={lowest}")
    tab.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    names = live.locator(".bench ~ :is(.controls, details) label")
    heights = names.evaluate_all(
        "all => all.map((it) => it.offsetHeight / parseFloat(getComputedStyle(it).lineHeight))"
    )
    assert len(heights) == len(start(kind)["w"]) and max(heights) < 1.5
    assert min(one.bounding_box()["width"] for one in live.locator(".bench__x").all()) >= 24
    tab.set_viewport_size({"width": 1440, "height": 900})


def test_a_row_says_its_scale_once_c_leaves_it(modes):
    keeps_and_adds_one = "_".join(["0"] * 8 + ["10", "10", "10", "0"])
    _, live = bench(modes["light"], "lstm", f"?bench.w={keeps_and_adds_one}")
    assert live.locator(".bench__scale").all_text_contents() == ["", "", "", "", "±20", ""]
    heights = live.locator("g:has(> rect[fill='var(--cell)'])").first.locator("rect").evaluate_all(
        "all => all.map((it) => Number(it.getAttribute('height')))"
    )
    assert heights == pytest.approx([22 * step / 20 for step in range(1, 13)], abs=0.02)
    _, live = bench(modes["light"], "lstm")
    assert not "".join(live.locator(".bench__scale").all_text_contents())
