"""Goes through every page by the Tab key, on a phone's width and a wide one."""

import pytest
from views import every_page

FOCUS = """() => {
  const it = document.activeElement;
  if (it === document.body) return null;
  const seen = it.checkVisibility({opacityProperty: true, visibilityProperty: true})
    && [...it.getClientRects()].some((part) => {
      const middle = (start, end, size) => (Math.max(start, 0) + Math.min(end, size)) / 2;  // of what is on the screen
      const [x, y] = [middle(part.left, part.right, innerWidth), middle(part.top, part.bottom, innerHeight)];
      const top = document.elementFromPoint(x, y);
      return part.width > 1 && part.height > 1 && top && (it.contains(top) || top.contains(it));
    });
  const outlined = getComputedStyle(it).outlineStyle !== "none";
  return {
    what: it.outerHTML.slice(0, 160), seen, outlined, skip: it.matches(".md-skip"),
    opens: it.dataset.for ?? (it.matches(".md-search__input") ? "__search" : ""),
  };
}"""


def tab_stops(tab, laps: int) -> list[dict]:
    """Where the Tab key leads; in a second lap the page lies at its end, with its menu beside it."""
    stops = []
    while len(stops) < 3000:
        tab.keyboard.press("Tab")
        stop = tab.evaluate(FOCUS)
        if stop and not stop["seen"]:
            tab.evaluate("() => new Promise(requestAnimationFrame)")  # until the page has scrolled to it
            stop = tab.evaluate(FOCUS)
        if stop is None or (stops and stop["skip"] and (laps := laps - 1) == 0):  # out of the page, or round it
            return stops
        stops.append(stop)
    raise AssertionError("the Tab key never leaves the page")


@every_page
@pytest.mark.parametrize("width", [360, 1440])
def test_keyboard_reaches_what_is_seen(modes, width, page):
    tab = modes["phone" if width == 360 else "light"].open(page)
    tab.set_viewport_size({"width": width, "height": 800})
    for place in tab.locator(".explore").all():  # one that starts meanwhile would push the focus off the screen
        place.scroll_into_view_if_needed()
        tab.wait_for_function("it => it.classList.contains('explore--live')", arg=place.element_handle())
    tab.evaluate("scrollTo(0, 0)")
    stops = tab_stops(tab, laps=2 if page == "claims/index.html" and width == 1440 else 1)
    assert stops[0]["skip"], f"first is not the skip link: {stops[0]}"
    wrong = [stop["what"] for stop in stops if not (stop["seen"] and stop["outlined"])]
    assert not wrong, "focus can't be seen:\n" + "\n".join(wrong)
    opened = {stop["opens"] for stop in stops}
    assert {"__search"} | ({"__drawer"} if width == 360 else set()) <= opened
    assert any(name.startswith("__palette") for name in opened)
