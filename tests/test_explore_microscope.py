"""The gradient microscope: its data, measured again by other code, and what the page says of it."""

import json
import math
import re

import numpy as np
import pytest
import torch
from explorables import ROOT, node, retried
from playwright.sync_api import expect
from test_explore_browser import started
from test_gradients import cells, of_torch, random_weights, sigmoid, walk
from torch import nn
from views import View

DATA = json.loads((ROOT / "site/images/gradients/microscope/starts.json").read_text())
STARTS = DATA["starts"]
UNPACK = """
const { unpacked } = await import("explore/lib/lags.js");
return given.map((one) => unpacked(one, 1000));
"""
LAGS = (0, 1, 7, 40, 100, 250, 400)
CELLS = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def layer_of(name, seed):
    """The snippet's weights, by its seeds: a layer, then its input, then the matrix."""
    cell, *start = name.split()
    torch.manual_seed(seed)
    made = getattr(nn, cell.upper())(10, 64, dtype=torch.float64)
    x = torch.randn(8, 500, 10, dtype=torch.float64).transpose(0, 1)
    state = made.state_dict()
    if start[0] == "orthogonal":
        state["weight_hh_l0"] = nn.init.orthogonal_(torch.empty(64, 64, dtype=torch.float64), float(start[1]))
    elif start[0] == "random":
        W = torch.randn(64, 64, dtype=torch.float64).numpy()
        state["weight_hh_l0"] = torch.tensor(W * float(start[1]) / abs(np.linalg.eigvals(W)).max())
    elif start[0] != "default":
        state["bias_ih_l0"][64:128], state["bias_hh_l0"][64:128] = float(start[0]), 0
    return cell, {key.removesuffix("_l0"): value for key, value in state.items()}, x


def decades(name, seed):
    """log10 of what is left at some lags: cell by cell, autograd from the last output."""
    cell, weights, x = layer_of(name, seed)
    one = CELLS[cell](10, 64, dtype=torch.float64)
    one.load_state_dict(weights)
    xs = [x_t.clone().requires_grad_() for x_t in x]
    state = None
    for x_t in xs:
        state = one(x_t, state)
    last = state[0] if cell == "lstm" else state
    by = torch.autograd.grad(last.sum(), [xs[-1 - lag] for lag in LAGS])
    sizes = torch.stack([(g**2).sum(1).sqrt() for g in by])  # (lags, B)
    return torch.log10(sizes / sizes[0]).mean(1).numpy()


@pytest.mark.parametrize(
    "name", ["rnn default", "rnn random 1", "rnn orthogonal 1.3", "lstm default", "lstm 3", "gru 1", "gru 5"]
)
def test_the_data_are_what_autograd_says(name):
    again = np.quantile([decades(name, seed) for seed in range(5)], (0, 0.5, 1), axis=0)
    curves = np.array(node(UNPACK, [STARTS[name]["curve"][end] for end in ("low", "median", "high")]))
    assert curves.shape == (3, 401)
    assert abs(curves[:, LAGS] - again).max() < 6e-4  # they are kept in thousandths


def rates(cell, weights, seed, warm=100, long=200):
    """The rule's rate and the mean step's, from Jacobians by hand."""
    xs = np.random.default_rng(seed).standard_normal((warm + long, 10))
    states, Js, _, gates = walk(cell, weights, xs)
    step = abs(np.linalg.eigvals(np.mean(Js[warm:], axis=0))).max()
    if cell == "rnn":
        slope = np.mean(1 - np.array(states[warm:]) ** 2)
        return abs(np.linalg.eigvals(weights[1])).max() * slope, step
    return np.mean(gates[warm:]), step


@pytest.mark.parametrize(
    "name", ["rnn default", "rnn random 0.8", "lstm default", "lstm 1", "lstm 3", "gru default", "gru 3"]
)
def test_the_rates_are_those_of_jacobians_by_hand(name):
    """The snippet's weights, other inputs."""
    found = []
    for seed in range(5):
        cell, weights, _ = layer_of(name, seed)
        found.append(
            rates(cell, [weights[key].numpy() for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")], seed)
        )
    for what, values in zip(("rule", "step"), zip(*found, strict=True), strict=True):
        assert STARTS[name][what]["median"] == pytest.approx(np.median(values), rel=0.015), what


@pytest.mark.parametrize(("cell", "bias"), [("rnn", None), ("lstm", None), ("lstm", 3), ("gru", None), ("gru", 3)])
def test_the_mean_step_is_the_mean_of_all_jacobians(cell, bias):
    """To the last digits, on the snippet's own inputs: small terms count too."""
    short = [
        ("T, LAGS, WARM = 500, 400, 100", "T, LAGS, WARM = 40, 30, 10"),
        ("input_size, H, B = 10, 64, 8", "input_size, H, B = 4, 12, 3"),
    ]
    made = cells("microscope", "sweep", replace=short, until="\n_curves, starts")
    layer, x = made["make"](cell, None, bias, 5)
    with torch.no_grad():
        layer.weight_hh_l0 *= 3  # so that no term is small
        found = made["RATES"][cell](layer, x, layer(x)[0])
    walks = [walk(cell, of_torch(layer), one.numpy()) for one in x]
    step = np.mean([J for _, Js, _, _ in walks for J in Js[10:]], axis=0)
    assert found[1] == pytest.approx(abs(np.linalg.eigvals(step)).max(), rel=1e-9)
    if cell != "rnn":
        assert found[0] == pytest.approx(np.mean([gate for *_, gates in walks for gate in gates[10:]]), rel=1e-9)


def random_rnn(kind, radius, seed):
    """Other seeds, NumPy's generator."""
    W_ih, _, b_ih, b_hh = random_weights("rnn", seed)
    W = np.random.default_rng([seed, 1]).standard_normal((64, 64))
    W = np.linalg.qr(W)[0] if kind == "orthogonal" else W / abs(np.linalg.eigvals(W)).max()
    return W_ih, radius * W, b_ih, b_hh


def measured(cell, weights, seed, near=20, far=100, warm=100):
    """Factor per step of d(sum of the last h) / d(input), median over 8 sequences, as a product of Jacobians."""
    found = []
    for k in range(8):
        xs = np.random.default_rng([seed, 2, k]).standard_normal((warm + far, 10))
        _, Js, Bs, _ = walk(cell, weights, xs)
        back = np.zeros(len(Js[0]))
        back[:64] = 1
        sizes = []
        for J, by_x in zip(reversed(Js), reversed(Bs), strict=True):
            sizes.append(math.log(np.linalg.norm(back @ by_x)))
            back = back @ J
        found.append((sizes[far] - sizes[near]) / (far - near))
    return math.exp(np.mean(found))


def medians(kind, radius):
    runs = []
    for seed in range(60, 65):
        weights = random_weights("rnn", seed) if kind == "default" else random_rnn(kind, radius, seed)
        runs.append((measured("rnn", weights, seed), rates("rnn", weights, seed)[0]))
    return np.median(runs, axis=0)


@pytest.mark.claim("gradients_microscope_rule")
@pytest.mark.parametrize(
    ("kind", "radius"), [("default", None), *[(k, r) for k in ("random", "orthogonal") for r in (0.5, 1.0)]]
)
def test_radius_times_slope_up_to_a_radius_of_1(kind, radius):
    factor, rule = medians(kind, radius)
    assert rule == pytest.approx(factor, rel=0.06)


@pytest.mark.claim("gradients_microscope_chaos")
@pytest.mark.parametrize("kind", ["random", "orthogonal"])
def test_at_radius_3_the_rule_is_wrong(kind):
    factor, rule = medians(kind, 3.0)
    assert factor > 1.1 and rule < 0.99


@pytest.mark.claim("gradients_microscope_gate")
def test_the_gate_alone_promises_too_little():
    """Other seeds, cell by cell under autograd; a sequence each."""
    lefts, promised = [], []
    for seed in range(60, 65):
        torch.manual_seed(seed)
        cell = nn.LSTMCell(10, 64, dtype=torch.float64)
        xs = list(torch.randn(160, 8, 10, dtype=torch.float64).requires_grad_().unbind(0))
        state, gates = None, []
        for x in xs:
            h = torch.zeros(8, 64, dtype=torch.float64) if state is None else state[0]
            sums = x @ cell.weight_ih.T + cell.bias_ih + h @ cell.weight_hh.T + cell.bias_hh
            gates.append(sums[:, 64:128].sigmoid().mean().item())
            state = cell(x, state)
        back, now = torch.autograd.grad(state[0].sum(), [xs[-41], xs[-1]])
        lefts.append((back.norm(dim=1) / now.norm(dim=1)).log().mean().exp().item())
        promised.append(np.mean(gates) ** 40)
    left, gate = np.median(lefts), np.median(promised)
    assert 1e-9 < left < 2e-8 and 5e-13 < gate < 2e-12
    assert gate == pytest.approx(sigmoid(0) ** 40, rel=0.5)


def test_float32_runs_out_where_float32_does():
    """The lag from which a float32 run has only zeros, and the one from which a sum with lag 0's stays the same."""
    for name in ("rnn default", "lstm default", "gru default"):
        zeros, sums = [], []
        for seed in range(5):
            cell, weights, x = layer_of(name, seed)
            layer = getattr(nn, cell.upper())(10, 64)
            layer.load_state_dict({f"{key}_l0": value.float() for key, value in weights.items()})
            x = x.float().requires_grad_()
            layer(x)[0][-1].sum().backward()
            by_lag = x.grad.flip(0).abs().amax(dim=(1, 2))
            zeros.append((by_lag == 0).nonzero()[0].item())
            sums.append((by_lag[0] + by_lag == by_lag[0]).nonzero()[0].item())
        assert STARTS[name]["gone"]["median"] == pytest.approx(np.median(zeros), abs=4)
        assert STARTS[name]["lost"]["median"] == pytest.approx(np.median(sums), abs=3)


NUMBERS = """
const { decades, extent, firstAbove, firstBelow, nameOf, powered, shown, spoken } = await import("explore/lib/lags.js");
const old = { cell: "rnn", matrix: "random", radius: "1", bias: "3" };
return {
  shown: given.map(shown), spoken: given.map(spoken), powered: powered(0.5, 10),
  first: [firstBelow([0, -1, -3], -2), firstBelow([0, -1], -2) ?? null, firstAbove([0, 39], 38.5)],
  names: [nameOf({ ...old, matrix: "default" }), nameOf(old), nameOf({ ...old, cell: "gru" })],
  extents: [[-3, 0.5], [-100, 0], [-1, 41], [-1, 48.7], [-4, 3]].map((one) => extent(...one)),
  decades: [decades([-24, 1]), decades([-2, 1])],
};
"""


def test_numbers_are_written_as_they_are():
    made = node(NUMBERS, [0, math.log10(0.5), -8.4289, 2.5, -1.99, 16.6, math.log10(9.97e-7), -3.0])
    assert made["shown"] == ["1.0", "0.50", "3.7·10⁻⁹", "316", "0.010", "4.0·10¹⁶", "1.0·10⁻⁶", "1.0·10⁻³"]
    assert made["spoken"][2] == "3.7 times ten to the minus 9" and made["spoken"][1] == "0.50"
    assert 10 ** made["powered"] == pytest.approx(0.5**10)
    assert made["first"] == [2, None, 1] and made["names"] == ["rnn default", "rnn random 1", "gru 3"]
    assert made["extents"] == [[-4, 1], [-48, 1], [-2, 48], [-2, 60], [-4, 3]]
    assert made["decades"] == [[-24, -20, -16, -12, -8, -4, 0], [-2, -1, 0, 1]]


def test_every_choice_has_its_data():
    kinds = [
        f"rnn {kind} {radius}" for kind in ("random", "orthogonal") for radius in ("0.5", "0.8", "1", "1.3", "2", "3")
    ]
    gated = [f"{cell} {bias}" for cell in ("lstm", "gru") for bias in ("default", 0, 1, 2, 3, 5)]
    assert set(STARTS) == {"rnn default", *kinds, *gated}


# In a browser

PAGE = ("gradients/index.html", "explore-microscope")
UNDO = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def number(text):
    """0.21, or 3.7·10⁻⁹."""
    factor, _, power = text.partition("·10")
    return float(factor) * 10.0 ** int(power.translate(UNDO) or 0)


def table(live):
    """Per step, left at the lag: measured, by the rule, by the mean step."""
    rows = live.locator("tbody tr").all()
    cells = [[one.strip() for one in row.locator("td").all_inner_texts()] for row in rows]
    low, high = map(number, cells[0][1].split("\n")[-1].split(" to "))
    lefts = [number(cells[0][1].split("\n")[0]), number(cells[1][1]), number(cells[2][1])]
    return [float(row[0]) for row in cells], lefts, (low, high)


@retried
def says(live, name, lag):
    """What the page shows is what autograd and Jacobians by hand say, to the digits that it shows."""
    expect(live.locator("th").nth(1)).to_have_text(re.compile(f"left after {lag} step"))
    again = np.quantile([decades(name, seed) for seed in range(5)], (0, 0.5, 1), axis=0)[:, LAGS.index(lag)]
    steps, lefts, ends = table(live)
    assert lefts[0] == pytest.approx(10 ** again[1], rel=0.055)
    assert ends == pytest.approx((10 ** again[0], 10 ** again[2]), rel=0.055)
    start = STARTS[name]
    assert steps == pytest.approx([start[what]["median"] for what in ("factor", "rule", "step")], abs=0.006)
    assert lefts[1:] == pytest.approx([start[what]["median"] ** lag for what in ("rule", "step")], rel=0.055)


@pytest.fixture
def microscope(modes):
    return started(modes["light"], *PAGE)


def test_by_mouse(microscope):
    tab, live = microscope
    says(live, "lstm default", 40)
    live.locator("label", has_text=re.compile("^3$")).locator("visible=true").click()
    live.locator("label", has_text="400").click()
    box = live.locator(".microscope__drawing").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    tab.mouse.down()
    left, right = (live.locator(".microscope__lost").bounding_box()[side] for side in ("x", "width"))
    tab.mouse.move(left + right / 4, box["y"] + 60, steps=5)
    tab.mouse.up()
    assert live.get_by_label("Look back").input_value() == "100"
    says(live, "lstm 3", 100)
    live.get_by_role("button", name="Reset").click()
    says(live, "lstm default", 40)


def test_by_keyboard(microscope):
    tab, live = microscope
    live.get_by_role("radio", name="LSTM").focus()
    for key in ("ArrowRight", "Tab", "ArrowRight", "ArrowRight", "Tab", "Tab", "End"):
        tab.keyboard.press(key)
    says(live, "gru 1", 100)
    expect(live.get_by_role("status")).to_have_text(re.compile("100 steps back, .* is left; by the update gate z"))
    for key in ("Home", "ArrowRight"):
        tab.keyboard.press(key)
    says(live, "gru 1", 1)


def test_by_finger(modes):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    tab, live = started(view, *PAGE)
    live.get_by_text("RNN", exact=True).first.tap()
    for word in ("random", "1", "400"):
        live.get_by_label(word, exact=True).locator("visible=true").tap()
    lost = live.locator(".microscope__lost")
    lost.scroll_into_view_if_needed()
    box = lost.bounding_box()
    tab.touchscreen.tap(box["x"] + box["width"] * 250 / 400, box["y"] + box["height"] / 2)
    expect(live.get_by_label("Look back")).to_have_value(re.compile("^2(4[89]|5[0-2])$"))
    live.get_by_label("Look back").fill("250")
    says(live, "rnn random 1", 250)
    assert not view.wrong
    tab.close()


def test_it_says_when_float32_cannot_hold_it(modes):
    _, live = started(modes["light"], *PAGE, "?microscope.cell=rnn&microscope.matrix=orthogonal&microscope.radius=3")
    end = live.locator(".microscope__ends")
    expect(end).to_contain_text(re.compile(r"From \d+ steps on it is more than float32 can hold\.$"))
    curve = np.cumsum(STARTS["rnn orthogonal 3"]["curve"]["median"]) / DATA["fine"]
    most = math.log10(np.finfo(np.float32).max)
    assert int(end.locator("b").last.inner_text()) == (curve > most).nonzero()[0][0]


def test_fewer_steps_hold_the_lag(modes):
    _, live = started(modes["light"], *PAGE, "?microscope.span=50&microscope.lag=400")
    expect(live.get_by_label("Look back")).to_have_value("50")
    live.get_by_label("200", exact=True).check()
    assert live.get_by_label("Look back").get_attribute("max") == "200"
