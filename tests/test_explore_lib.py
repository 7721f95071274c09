"""What all explorables share: state in the address, controls, scales and frames, in a real browser."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from explorables import ROOT, node
from playwright.sync_api import expect

HOST = "http://lib.test/"
PAGE = """<!doctype html><title>Lib</title><body><main></main><script type="module">
  import { slider, numberField, select, radios, toggle, button } from "./lib/controls.js";
  import * as fields from "./lib/state.js";
  const mine = fields.state("a", {
    t: fields.number(3, 0, 40), w: fields.number(0.5, -2, 2, 0.1), cell: fields.choice("lstm", ["rnn", "lstm", "gru"]),
    on: fields.flag(true), x: fields.numbers([0, 1, 0], -1, 1),
    words: fields.text("hello", 20, /^[a-z ]*$/),
  });
  window.mine = mine;
  window.drawn = 0;
  mine.watch(() => { window.drawn += 1; });
  document.querySelector("main").append(
    slider(mine, "t", "time step", { say: (t) => `step ${t}` }), slider(mine, "w", "weight"),
    numberField(mine, "w", "weight as a number"), select(mine, "cell", "cell", { say: (one) => one.toUpperCase() }),
    radios(mine, "cell", "cell again"), toggle(mine, "on", "switched on", { hint: "On is on." }),
    button("Reset", mine.reset));
  window.ready = true;
</script>"""


@pytest.fixture
def tab(modes):
    """A page of the browser in which the sources of docs/explore/ can be imported as they are."""
    tab = modes["light"].page.context.browser.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))

    def answer(route):
        path = urlsplit(route.request.url).path
        if path.endswith(".js"):
            route.fulfill(path=ROOT / "docs/explore" / path[1:], content_type="text/javascript")
        else:
            route.fulfill(body=PAGE if path == "/" else "", content_type="text/html")

    tab.route("**/*", answer)
    yield tab
    assert not tab.errors
    tab.close()


def opened(tab, query=""):
    tab.goto(HOST + query)
    tab.wait_for_function("window.ready")
    return tab


def values(tab):
    return tab.evaluate("({...mine.values})")


START = {"t": 3, "w": 0.5, "cell": "lstm", "on": True, "x": [0, 1, 0], "words": "hello"}


def test_the_address_says_what_is_not_as_at_the_start(tab):
    opened(tab, "?other=1&a.t=9#place")
    assert values(tab) == START | {"t": 9}
    tab.evaluate("mine.set({cell: 'gru', on: false, x: [1, -1, 0], words: 'a b', w: -0.7})")
    tab.wait_for_url("**a.cell=gru**")
    address = urlsplit(tab.url)
    assert address.fragment == "place"
    asked = {
        "other": "1",
        "a.t": "9",
        "a.cell": "gru",
        "a.on": "0",
        "a.x": "1_-1_0",
        "a.words": "a b",
    }
    assert parse_qs(address.query) == {key: [one] for key, one in (asked | {"a.w": "-0.7"}).items()}
    saved = values(tab)
    opened(tab, "?" + address.query)
    assert values(tab) == saved
    tab.get_by_role("button", name="Reset").click()
    tab.wait_for_url(HOST + "?other=1")
    assert values(tab) == START


HOSTILE = [
    "",
    "NaN",
    "Infinity",
    "1e3",
    "0x10",
    "--1",
    "1.",
    ".",
    "__proto__",
    "constructor",
    "toString",
    "%00",
    "%E0%A4%A",
]
HOSTILE += [
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "9" * 400,
    "0_" * 5000,
    "1_1_1_1_1_1_1_1_1",
    "1_1",  # one too few
    "é",
    "\u202e",
    "2;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_cannot_be_read_is_as_at_the_start(tab, text):
    text = text if text.startswith("%") else quote(text)
    opened(tab, "?" + "&".join(f"a.{key}={text}" for key in START))
    found = values(tab)
    if text in ("", "constructor"):  # of a text these are as good as any
        found.pop("words")
    assert all(START[key] == value for key, value in found.items()), found


def test_numbers_are_brought_into_their_range(tab):
    opened(tab, "?a.t=999&a.w=-7.123&a.t=2&a.x=5_-5_0.4")
    assert values(tab) == START | {"t": 40, "w": -2, "x": [1, -1, 0]}
    opened(tab, "?a.w=0.333")
    assert values(tab)["w"] == 0.3


def test_the_address_is_changed_seldom(tab):
    opened(tab)
    tab.evaluate(
        """async () => {
          window.written = 0;
          const replace = history.replaceState.bind(history);
          history.replaceState = (...all) => { window.written += 1; replace(...all); };
          for (let n = 0; n < 60; n++) {
            mine.set({t: n % 40});
            await new Promise((go) => setTimeout(go, 15));
          }
        }"""
    )
    tab.wait_for_timeout(600)
    assert 1 <= tab.evaluate("written") <= 6 and "a.t=19" in tab.url


def test_a_watcher_is_called_for_changes_alone(tab):
    opened(tab)
    tab.evaluate("mine.set({t: 3, x: [0, 1, 0]})")
    assert tab.evaluate("drawn") == 1
    tab.evaluate("mine.set({t: 4, cell: 'rnn'})")
    assert tab.evaluate("drawn") == 2


def test_a_slider_by_keyboard(tab):
    opened(tab)
    slider = tab.get_by_role("slider", name="time step")
    slider.focus()
    expect(slider).to_have_attribute("aria-valuetext", "step 3")
    for key, value in (
        ("ArrowRight", 4),
        ("ArrowDown", 3),
        ("PageUp", 13),
        ("PageDown", 3),
        ("End", 40),
        ("PageUp", 40),
        ("Home", 0),
    ):
        slider.press(key)
        assert values(tab)["t"] == value, key
        expect(slider).to_have_attribute("aria-valuetext", f"step {value}")
        expect(tab.locator("output").first).to_have_text(f"step {value}")


def test_a_slider_by_mouse(tab):
    opened(tab)
    box = tab.get_by_role("slider", name="time step").bounding_box()
    tab.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.up()
    assert abs(values(tab)["t"] - 20) <= 1


def test_controls_of_one_value_follow_each_other(tab):
    opened(tab)
    number, slider = tab.get_by_role("spinbutton"), tab.get_by_role("slider", name="weight")
    number.fill("-1.3")
    assert values(tab)["w"] == -1.3 and slider.input_value() == "-1.3"
    number.fill("")
    assert values(tab)["w"] == -1.3
    number.blur()
    assert number.input_value() == "-1.3"
    number.fill("77")
    number.blur()
    assert number.input_value() == "2" and values(tab)["w"] == 2
    slider.press("Home")
    assert number.input_value() == "-2"
    tab.get_by_label("cell", exact=True).select_option("GRU")
    assert tab.get_by_role("radio", name="GRU").is_checked()
    tab.get_by_role("radio", name="GRU").press("ArrowLeft")
    assert values(tab)["cell"] == "lstm" and tab.get_by_label("cell", exact=True).input_value() == "lstm"
    box = tab.get_by_role("checkbox", name="switched on")
    box.press("Space")
    assert values(tab)["on"] is False
    expect(box).to_have_accessible_description("On is on.")


def test_a_frame_draws_once(tab):
    opened(tab)
    drawn = tab.evaluate(
        """async () => {
          const { frame } = await import("./lib/draw.js");
          const drawn = [];
          const draw = frame((value) => drawn.push(value));
          for (let n = 0; n < 100; n++) draw(n);
          await new Promise(requestAnimationFrame);
          draw("again");
          await new Promise(requestAnimationFrame);
          return drawn;
        }"""
    )
    assert drawn == [99, "again"]


SCALES = [((0, 10), 5, [0, 2, 4, 6, 8, 10]), ((-1, 1), 5, [-1, -0.5, 0, 0.5, 1]), ((0, 0.07), 4, [0, 0.02, 0.04, 0.06])]


@pytest.mark.parametrize(("domain", "about", "ticks"), SCALES)
def test_scales(domain, about, ticks):
    body = """
      const { scale } = await import("explore/lib/draw.js");
      const at = scale(given.domain, [200, 0]);
      return [at(given.domain[0]), at(given.domain[1]), at.invert(at(0.03)), at.ticks(given.about)];
    """
    body = "globalThis.matchMedia = () => ({});" + body
    first, last, again, found = node(body, {"domain": domain, "about": about})
    assert (first, last) == (200, 0) and abs(again - 0.03) < 1e-12 and found == ticks


def test_a_line_has_gaps_where_there_is_no_number():
    body = """
      globalThis.matchMedia = () => ({});
      const { path } = await import("explore/lib/draw.js");
      return path([[0, 1], [1, 2], [2, NaN], [3, 4], [4, 5.678]]);
    """
    assert node(body) == "M0.00 1.00L1.00 2.00M3.00 4.00L4.00 5.68"
