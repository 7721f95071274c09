"""Two recurrent units: map, eigenvalues and fixed points against NumPy and torch; and the page's sentences."""

import math
import re

import numpy as np
import pytest
import torch
from explorables import node, retried
from playwright.sync_api import expect
from test_explore_browser import started
from test_explore_microscope import number
from views import View

ASK = """
const plane = await import("explore/lib/plane.js");
const { eigenvalues, fixedPoints, jacobian, orbit, radius, sensitivity, settled, step } = plane;
return given.map(({ W, b, h }) => {
  const states = orbit({ W, b }, h, 30);
  const next = step({ W, b }, h);
  return { step: next, J: jacobian(W, next), values: eigenvalues(W).map(({ re, im }) => [re, im]),
    radius: radius(W), fixed: fixedPoints({ W, b }), states, left: sensitivity(W, states), end: settled({ W, b }, h) };
});
"""
SEED = np.random.SeedSequence().entropy % 10**6


@pytest.fixture(scope="module")
def nets():
    rng = np.random.default_rng(SEED)
    made = [
        {
            "W": (rng.uniform(0.2, 1.6) * rng.standard_normal(4)).tolist(),
            "b": rng.uniform(-1, 1, 2) * (k % 2),
            "h": rng.uniform(-1, 1, 2),
        }
        for k in range(240)
    ]
    made = [one | {"b": one["b"].tolist(), "h": one["h"].tolist()} for one in made]
    return list(zip(made, node(ASK, made), strict=True))


def torchs(one, h, steps=1):
    cell = torch.nn.RNNCell(1, 2, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_hh.copy_(torch.tensor(one["W"], dtype=torch.float64).view(2, 2))
        cell.bias_hh.copy_(torch.tensor(one["b"], dtype=torch.float64))
        cell.weight_ih.zero_(), cell.bias_ih.zero_()
    states = [h]
    for _ in range(steps):
        states.append(cell(torch.zeros(*h.shape[:-1], 1, dtype=torch.float64), states[-1]))
    return torch.stack(states)


def test_step_jacobian_and_nudges_are_torchs(nets):
    worst = 0
    for one, ours in nets[:80]:
        h = torch.tensor(one["h"], dtype=torch.float64)
        states = torchs(one, h[None], 30)[:, 0].detach().numpy()
        jacobian = torch.autograd.functional.jacobian
        J = jacobian(lambda at: torchs(one, at[None])[1, 0], h).numpy()  # noqa: B023
        late = jacobian(lambda at: torchs(one, at[None], 12)[-1, 0], h)  # noqa: B023
        worst = max(worst, abs(states[:13] - ours["states"][:13]).max(), abs(J.ravel() - ours["J"]).max())
        assert ours["step"] == pytest.approx(states[1], abs=1e-12)
        assert ours["left"][12] == pytest.approx(late.norm().item() / math.sqrt(2), rel=1e-6, abs=1e-12)
    assert worst < 1e-9, f"seed {SEED}"


def test_eigenvalues_are_numpys(nets):
    for one, ours in nets:
        right = np.linalg.eigvals(np.reshape(one["W"], (2, 2))).astype(complex)
        found = np.array([complex(*value) for value in ours["values"]])
        assert abs(np.sort_complex(right) - np.sort_complex(found)).max() < 1e-7, f"seed {SEED}"
        assert ours["radius"] == pytest.approx(abs(right).max()) and abs(found[0]) >= abs(found[1]) - 1e-12


def test_fixed_points_stay_and_none_is_missing(nets):
    """Each satisfies the equation; wherever a state comes to rest there is one; their indices sum to 1."""
    for one, ours in nets:
        W, b = np.reshape(one["W"], (2, 2)), np.array(one["b"])
        at = np.array([fixed["at"] for fixed in ours["fixed"]])
        assert abs(np.tanh(at @ W.T + b) - at).max() < 1e-10, f"seed {SEED}"
        signs = [np.sign(np.linalg.det(np.eye(2) - np.diag(1 - h**2) @ W)) for h in at]
        assert sum(signs) == 1, f"seed {SEED}: {one}"  # the degree of the map: holds for a complete list
        h = np.random.default_rng(SEED).uniform(-1, 1, (60, 2))
        for _ in range(3000):
            h = np.tanh(h @ W.T + b)
        rest = h[abs(np.tanh(h @ W.T + b) - h).max(1) < 1e-12]
        for state in rest:
            assert abs(at - state).max(1).min() < 1e-6, f"seed {SEED}: {one}"


def test_stability_agrees_with_a_long_iteration(nets):
    seen = set()
    for one, ours in nets:
        W, b = np.reshape(one["W"], (2, 2)), np.array(one["b"])
        for fixed in ours["fixed"]:
            sizes = np.hypot(*np.array([[value["re"], value["im"]] for value in fixed["eigenvalues"]]).T)
            if abs(sizes - 1).min() < 0.02:
                continue
            seen.add(fixed["kind"])
            turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
            h = fixed["at"] + 1e-6 * np.stack([np.cos(turn), np.sin(turn)], 1)
            far = np.zeros(16)
            for _ in range(2000):
                h = np.tanh(h @ W.T + b)
                far = np.maximum(far, np.hypot(*(h - fixed["at"]).T))
            back = np.hypot(*(h - fixed["at"]).T) < 1e-8
            assert back.all() if fixed["kind"] == "attracts" else (far > 1e-4).sum() >= 10, f"seed {SEED}: {one}"
            assert (fixed["kind"] == "saddle") == (sizes.min() < 1 < sizes.max())
    assert seen == {"attracts", "repels", "saddle"}


def test_where_it_ends_is_where_it_is_after_a_while(nets):
    for one, ours in nets:
        W, b, h = np.reshape(one["W"], (2, 2)), np.array(one["b"]), np.array(one["h"])
        for _ in range(5000):
            h = np.tanh(W @ h + b)
        period = ours["end"]["period"]
        later = h
        for _ in range(period):
            later = np.tanh(W @ later + b)
        assert not ours["end"]["slow"] or abs(h).max() < 0.2
        if period:
            assert abs(later - h).max() < 1e-5
            assert min(abs(np.array(state) - h).max() for state in ours["end"]["states"]) < 1e-4


# The page's sentences, by NumPy and torch alone


def turned(radius, degrees):
    a = math.radians(degrees)
    return radius * np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])


def test_a_turn_goes_round_as_angles_do():
    asked = [(1.2, 25.0), (0.5, 90.0), (3.0, 170.0)]
    ask = 'const { turned } = await import("explore/lib/plane.js"); return given.map((one) => turned(...one));'
    made = node(ask, asked)
    assert np.allclose(np.reshape(made, (3, 2, 2)), [turned(*one) for one in asked])


def after(W, h, steps):
    for _ in range(steps):
        h = np.tanh(h @ W.T)
    return h


@pytest.mark.claim("rnn_plane_fades")
def test_inside_the_circle_every_start_fades():
    rng = np.random.default_rng(7)
    for _ in range(40):
        W = turned(rng.uniform(0, 0.97), rng.uniform(0, 180))
        assert abs(after(W, rng.uniform(-1, 1, (50, 2)), 1500)).max() < 1e-12


@pytest.mark.claim("rnn_plane_ends")
def test_outside_the_angle_decides():
    h = np.random.default_rng(8).uniform(-1, 1, (50, 2))
    assert abs(after(turned(1.2, 25), 1e-6 * h, 300)).max(1).min() > 0.3  # the middle repels
    rest, flips, round_ = (after(turned(1.2, angle), h, 2000) for angle in (0, 180, 25))
    assert np.allclose(after(turned(1.2, 0), rest, 1), rest) and abs(abs(rest) - abs(rest[0, 0])).max() < 1e-9
    assert np.allclose(after(turned(1.2, 180), flips, 1), -flips) and abs(flips).min() > 0.5
    first = after(turned(1.2, 0), np.array([[0.1, 0]]), 2000)  # the start shown first, on an axis
    assert abs(first[0, 0]) > 0.5 and first[0, 1] == 0
    for steps in range(1, 12):
        assert abs(after(turned(1.2, 25), round_, steps) - round_).max(1).min() > 0.1
    angles = np.unwrap([np.arctan2(*after(turned(1.2, 25), round_, t).T[::-1]) for t in range(60)], axis=0)
    assert (np.diff(angles, axis=0) > 0.2).all()  # always the same way round


@pytest.mark.claim("rnn_plane_ring")
def test_on_the_ring_a_nudge_neither_grows_nor_dies():
    W = torch.tensor(turned(1.2, 25))

    def late(h):
        for _ in range(40):
            h = torch.tanh(W @ h)
        return h

    for h in after(W.numpy(), np.random.default_rng(9).uniform(-1, 1, (10, 2)), 500):
        J = torch.autograd.functional.jacobian(late, torch.tensor(h))
        nudge = 1e-7 * np.eye(2)
        moved = (after(W.numpy(), h + nudge, 40) - after(W.numpy(), h - nudge, 40)).T / 2e-7
        assert abs(J.numpy() - moved).max() < 1e-5
        across, along = torch.linalg.svdvals(J).flip(0)
        assert 0.5 < (J.norm() / math.sqrt(2)).item() < 1 and across < 1e-3 < 0.6 < along
    assert 1.2**40 > 1400


# In a browser

PAGE = ("rnn/index.html", "explore-plane")


def left_of(W, h, steps=40):
    """What is left of a nudge, from torch; the page shows two digits."""

    def late(h):
        for _ in range(steps):
            h = torch.tanh(W @ h)
        return h

    return (torch.autograd.functional.jacobian(late, torch.tensor(h, dtype=torch.float64)).norm() / math.sqrt(2)).item()


@retried
def says(live, W, h, fate):
    expect(live.locator(".plane__words")).to_contain_text(fate)
    shown = live.locator(".plane__left").inner_text()
    W = torch.tensor(W, dtype=torch.float64)
    assert number(shown) == pytest.approx(left_of(W, h), rel=0.06)
    radius = torch.linalg.eigvals(W).abs().max().item()
    assert f"size {radius:.2f}" in live.locator(".plane__words").inner_text()


FIRST = [[1.09, -0.51], [0.51, 1.09]]


def test_by_mouse(modes):
    tab, live = started(modes["light"], *PAGE)
    says(live, FIRST, [0.1, 0.0], "goes round for ever")
    box = live.locator(".plane__portrait").bounding_box()
    unit = box["width"] / 320
    tab.mouse.move(box["x"] + 100 * unit, box["y"] + 100 * unit)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 242 * unit, box["y"] + 232 * unit, steps=4)
    tab.mouse.up()
    says(live, FIRST, [0.5, -0.5], "goes round for ever")
    unit_circle = live.locator(".plane__unit").bounding_box()
    middle = (unit_circle["x"] + unit_circle["width"] / 2, unit_circle["y"] + unit_circle["height"] / 2)
    tab.mouse.click(middle[0], middle[1] - unit_circle["height"] / 4)
    says(live, [[0, -0.5], [0.5, 0]], [0.5, -0.5], "decays to 0")
    tab.mouse.click(middle[0] - unit_circle["width"] * 0.75, middle[1])
    says(live, [[-1.5, 0], [0, -1.5]], [0.5, -0.5], "flips for ever between two states")
    assert live.locator(".plane__portrait .plane__attracts").count() == 0
    live.get_by_role("button", name="Reset").click()
    says(live, FIRST, [0.1, 0.0], "goes round for ever")


def test_by_keyboard(modes):
    tab, live = started(modes["light"], *PAGE)
    handle = live.get_by_role("slider", name="Start of the trajectory")
    handle.focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp"):
        tab.keyboard.press(key)
    assert handle.get_attribute("aria-valuetext") == "h₁ 0.12, h₂ 0.12"
    says(live, FIRST, [0.12, 0.12], "goes round for ever")
    angle = live.get_by_label("Angle of W")
    angle.focus()
    tab.keyboard.press("Home")
    says(live, [[1.2, 0], [0, 1.2]], [0.12, 0.12], "comes to rest at (0.66, 0.66)")
    assert live.locator(".plane__portrait .plane__attracts").count() == 4
    assert live.locator(".plane__portrait .plane__saddle").count() == 4
    expect(live.get_by_role("status")).to_have_text(re.compile("comes to rest at .* Eigenvalues 1.20 and 1.20"))
    live.get_by_label("W₁₂").focus()
    tab.keyboard.press("PageUp")
    says(live, [[1.2, 0.1], [0, 1.2]], [0.12, 0.12], "comes to rest at")


def test_by_finger(modes):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    tab, live = started(view, *PAGE)
    square = live.locator(".plane__frame")
    square.scroll_into_view_if_needed()
    box = square.bounding_box()
    tab.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    handle = live.get_by_role("slider", name="Start of the trajectory")
    expect(handle).not_to_have_attribute("aria-valuetext", "h₁ 0.10, h₂ 0.00")
    value = handle.get_attribute("aria-valuetext")
    x, y = (float(one.replace("−", "-")) for one in re.findall(r"−?\d\.\d\d", value))
    assert abs(x + 0.5) < 0.02 and abs(y + 0.5) < 0.02
    says(live, FIRST, [x, y], "goes round for ever")
    assert not view.wrong
    tab.close()


def test_a_link_keeps_matrix_and_start(modes):
    _, live = started(modes["light"], *PAGE, "?plane.w11=0.5&plane.w12=2&plane.w21=0&plane.w22=0.5&plane.x=-0.3")
    says(live, [[0.5, 2], [0, 0.5]], [-0.3, 0.0], "decays to 0")
    expect(live.get_by_label("Radius of W")).to_have_value("0.5")


def test_what_dies_slowly_is_not_said_to_last(modes):
    _, live = started(modes["light"], *PAGE, "?plane.w11=0&plane.w12=-1&plane.w21=1&plane.w22=0&plane.x=0.9")
    says(live, [[0, -1], [1, 0]], [0.9, 0.0], "dies away, ever more slowly")
