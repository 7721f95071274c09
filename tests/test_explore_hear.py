"""What the listener of docs/applications/audio.md shows is what its net and its sounds give."""

import json
import re
import runpy
import wave

import numpy as np
import pytest
import torch
from explorables import ROOT, node, retried
from playwright.sync_api import expect
from test_explore_browser import started
from torch import nn
from views import SITE, View

PAGE, PLACE = "applications/audio/index.html", "explore-hear"
SOUNDS = {"seven": "linda_seven", "six": "six", "m8": "m8_seven", "whisper": "whisper_seven", "backwards": "backwards"}
HEAR = SITE / "images/applications/audio/hear/hear.json"


@pytest.fixture(scope="module")
def data():
    return json.loads(HEAR.read_text())


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The snippet run afresh: its names, and the data that it writes."""
    folder = tmp_path_factory.mktemp("hear")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        names = runpy.run_path(str(ROOT / "snippets/applications/audio/hear.py"))
    return names | {"written": json.loads((folder / "hear.json").read_text())}


def log_mel(samples):
    """By numpy's FFT, and triangles by interpolation."""
    frames = np.lib.stride_tricks.sliding_window_view(samples / 2**15, 200)[::80]
    power = np.abs(np.fft.rfft(frames * np.hanning(201)[:-1], 256)) ** 2
    corners = 700 * (np.exp(np.linspace(0, np.log(1 + 4000 / 700), 26)) - 1)
    hertz = np.arange(129) * 8000 / 256
    filters = np.array([np.interp(hertz, corners[k : k + 3], [0, 1, 0]) for k in range(24)])
    return np.log(power @ filters.T + 1e-4)


@pytest.mark.parametrize("name", SOUNDS)
def test_the_bands_are_those_of_the_pages_sound(data, name):
    with wave.open(str(SITE / f"images/applications/audio/unfold/{SOUNDS[name]}.wav")) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(float)
    assert np.abs(log_mel(samples) - np.array(data["clips"][name]["mel"])).max() < 0.06
    assert (data["frame"], data["hop"]) == (25, 10)


@pytest.mark.claim("audio_hear", "audio_hear_backwards")
def test_the_data_are_the_nets(data, again):
    """Each step by nn.GRUCell in float64; and the page's numbers are those of the data it shows."""
    net, cell = again["_net"], nn.GRUCell(24, 52, dtype=torch.float64)
    cell.load_state_dict({key.removesuffix("_l0"): one for key, one in net.layer.state_dict().items()})
    mean, std = (getattr(again["_own"]["known"].double(), of)(0) for of in ("mean", "std"))
    for name, one in again["written"]["clips"].items():
        h = torch.zeros(1, 52, dtype=torch.float64)
        for t, frame in enumerate(again["_own"]["log_mel"](again["_clips"][name]).double()):
            with torch.no_grad():
                h = cell(((frame - mean) / std)[None], h)
            p = (net.out.weight.double() @ h[0] + net.out.bias).softmax(0)
            assert np.abs(h[0].numpy() - one["h"][t]).max() < 6e-5  # they are rounded to four digits
            assert np.abs(p.numpy() - one["p"][t]).max() < 1e-5
        close = np.abs(np.array(one["p"]) - data["clips"][name]["p"])
        assert close.shape == (len(one["p"]), 10) and close.max() < 0.05
    prose = (SITE / "applications/audio/index.md").read_text()
    said = prose[prose.index("### Hear it") :].split("<!--")[0]
    seven = data["clips"]["seven"]["p"]
    assert "after 65 ms" in said and min(seven[4][6:8]) > 0.2 and seven[-1][7] > 0.9
    backwards = data["clips"]["backwards"]["p"][-1]
    numbers = [float(one) / 100 for one in re.findall(r"([\d.]+)%", said)]
    assert numbers == pytest.approx([seven[4][7], seven[4][6], seven[-1][7], max(backwards)], abs=0.0051)
    assert f"sure of {data['words'][np.argmax(backwards)]}." in said and np.argmax(backwards) != 7


def test_frames_and_moments():
    made = node(
        """const { heard, complete } = await import("explore/lib/heard.js");
        const framing = { hop: 10, frame: 25 };
        const moments = Array.from({ length: 900 }, (_, ms) => complete(ms, framing));
        return moments.map((frames) => [frames, heard(frames, framing)]);"""
    )
    for ms, (frames, until) in enumerate(made):
        ends = [25 + 10 * k for k in range(100) if 25 + 10 * k <= ms]
        assert (frames, until) == (len(ends), ends[-1] if ends else 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_shades_are_the_table(seed):
    """Every cell of the paths, filled in by hand, is its number on the scale."""
    draw = np.random.default_rng(seed)
    T, rows, levels = 17, 5, 6
    table, order = draw.uniform(-1.3, 1.2, (T, rows)), draw.permutation(rows)
    made = node(
        """const { shades } = await import("explore/lib/heard.js");
        return shades(given.table, given.order, [-1, 1], { x: 3, y: 7, width: 170, height: 50 }, 6);""",
        {"table": table.tolist(), "order": order.tolist()},
    )
    found = np.zeros((T, rows), int)
    for level, d in enumerate(made, 1):
        for x, y, width, height in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", d):
            start, count = round((float(x) - 3) / 10), round(float(width) / 10)
            assert float(height) == 10
            found[start : start + count, order[round((float(y) - 7) / 10)]] += level
    assert np.array_equal(found, np.floor(levels * np.clip((table + 1) / 2, 0, 1) + 0.5))


# ---- in the browser


@retried
def shows(live, data, clip, frames):
    """The ten answers on the page are those after so many frames."""
    expect(live.get_by_label("Heard so far")).to_have_attribute("aria-valuetext", f"{15 + 10 * frames} ms")
    rows = [row.split() for row in live.locator(".hear__answers li").all_inner_texts()]
    assert [word for word, _ in rows] == data["words"]
    for (_, shown), p in zip(rows, data["clips"][clip]["p"][frames - 1], strict=True):
        assert float(shown.strip("%")) / 100 == pytest.approx(p, abs=0.0051 if p >= 0.0995 else 0.00051)


@pytest.fixture
def live(modes):
    return started(modes["light"], PAGE, PLACE)[1]


def test_by_keyboard(live, data):
    tab = live.page
    shows(live, data, "seven", 5)
    live.get_by_label("Heard so far").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    shows(live, data, "seven", 8)
    tab.keyboard.press("PageUp")
    shows(live, data, "seven", 18)
    tab.keyboard.press("End")
    shows(live, data, "seven", len(data["clips"]["seven"]["p"]))
    tab.keyboard.press("Home")
    shows(live, data, "seven", 1)
    expect(live.get_by_role("status")).to_contain_text("25 ms heard: ")
    live.get_by_label("Clip").select_option("six")
    shows(live, data, "six", 1)


def head(live):
    """Where the play head stands, as a share of the pictures' width."""
    box = live.locator(".hear__picture svg").bounding_box()
    x = float(re.match(r"M([\d.]+)", live.locator(".hear__picture path").last.get_attribute("d"))[1])
    return box["x"] + x, box


def test_by_mouse(live, data):
    tab = live.page
    live.get_by_label("Clip").select_option("backwards")
    shows(live, data, "backwards", 5)
    x, box = head(live)
    step = (box["width"] - 60) / len(data["clips"]["backwards"]["p"])
    assert x == pytest.approx(box["x"] + 54 + 5 * step, abs=0.1)
    tab.mouse.move(x, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(x + 20 * step, box["y"] + 90, steps=4)
    tab.mouse.up()
    shows(live, data, "backwards", 25)
    tab.mouse.move(x, box["y"] + 40)
    shows(live, data, "backwards", 25)


def test_by_finger(modes, data):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    _, live = started(view, PAGE, PLACE)
    box = live.locator(".hear__picture svg").bounding_box()
    step = (box["width"] - 60) / len(data["clips"]["seven"]["p"])
    live.locator(".hear__picture").tap(position={"x": 54 + 12 * step, "y": 60})
    shows(live, data, "seven", 12)
    live.get_by_role("button", name="Reset").tap()
    shows(live, data, "seven", 5)
    assert phone.evaluate("document.scrollingElement.scrollWidth") == 360 and not view.wrong
    phone.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_sound_moves_the_head_unless_the_reader_wants_no_motion(modes, data, motion):
    tab = modes["light"].page.context.browser.new_page(reduced_motion=motion, viewport={"width": 1000, "height": 900})
    view = View(tab, modes["light"].base)
    _, live = started(view, PAGE, PLACE)
    live.get_by_role("button", name="Play").click()
    if motion == "reduce":
        tab.wait_for_timeout(800)
        shows(live, data, "seven", 5)
    else:
        shows(live, data, "seven", len(data["clips"]["seven"]["p"]))
    expect(live.get_by_role("button", name="Play")).to_be_visible()
    assert not view.wrong
    tab.close()
