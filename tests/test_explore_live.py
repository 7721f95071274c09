"""The live character model is torch's, from the record's bytes, on texts that no snippet used."""

import json
import random
import re

import numpy as np
import pytest
import studies
import torch
from explorables import node, retried
from playwright.sync_api import expect
from test_explore_browser import started
from test_text import CELLS, forward, weights_of
from torch import nn
from views import SITE, View

PAGE, PLACE = "applications/text/index.html", "explore-live"
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
ALLOWED = 1e-5
READ = """
const { guesser, encode, reading, chances, futures } = await import("explore/lib/guesser.js");
const { data, texts, heat, held, more } = given;
return Object.entries(data.nets).map(([kind, one]) => {
  const net = guesser(kind, one.weights);
  const read = reading(net, 300);
  return texts.map((text) => {
    const { ids } = encode(data.alphabet, text);
    read.read(ids, held && { unit: held[kind], value: one.mean[held[kind]] });
    const p = ids.map((_, t) => [...chances(net, read, t + 1, heat)]);
    return { ids, p, h: [...read.h.subarray(0, (ids.length + 1) * net.cell.H)],
      futures: more ? futures(net, read, ids.length, { ...more, heat, held: null }) : [] };
  });
});
"""


@pytest.fixture(scope="module")
def data():
    return json.loads((SITE / "images/applications/text/live/nets.json").read_text())


@pytest.fixture(scope="module")
def record():
    torch.set_num_threads(1)
    runs = json.loads((studies.ROOT / "snippets/applications/text/nets.json").read_text())["runs"]
    return {cell: runs[f"{cell} 0"] for cell in CELLS}


def texts_of(alphabet, seed):
    """Random characters, and sentences of no manual."""
    draw = random.Random(seed)
    return [
        "".join(draw.choices(alphabet, k=draw.randint(5, 90))),
        'My cat said "meow, a lot"; the dog (who is old) said "wuff',
        "\n\nlet it rain:\n    for drop in cloud[1:7]:\n        fall(drop)\n",
    ]


class Torch:
    """An exported net, its bytes unpacked by other code, in torch's own layers and float64."""

    def __init__(self, cell, run):
        W = {name: torch.tensor(one) for name, one in weights_of(run).items()}
        self.embed, self.score = W["embed.weight"], (W["score.weight"], W["score.bias"])
        self.layer = LAYERS[cell](*reversed(self.score[0].shape[1:] + self.embed.shape[1:]), dtype=torch.float64)
        self.layer.load_state_dict({key: one for key, one in W.items() if key.endswith("_l0")})

    @torch.no_grad()
    def read(self, ids, heat=1.0):
        h = self.layer(self.embed[torch.tensor(ids, dtype=torch.long)])[0]  # (T, H)
        return h.numpy(), (nn.functional.linear(h, *self.score) / heat).softmax(-1).numpy()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("heat", [1.0, 0.3, 1.7])
def test_the_browsers_nets_are_torchs(data, record, seed, heat):
    texts = texts_of(data["alphabet"], seed)
    made = node(READ, {"data": data, "texts": texts, "heat": heat})
    worst = 0.0
    for cell, readings in zip(data["nets"], made, strict=True):
        net = Torch(cell, record[cell])
        for text, one in zip(texts, readings, strict=True):
            assert one["ids"] == [record[cell]["alphabet"].index(character) for character in text]
            h, p = net.read(one["ids"], heat)
            H = h.shape[1]
            gaps = (np.reshape(one["h"], (-1, H))[1:] - h, np.array(one["p"]) - p)
            worst = max(worst, *(np.abs(gap).max() for gap in gaps))
    assert worst < ALLOWED
    print("largest difference from torch", worst)


@pytest.mark.parametrize("seed", range(3))
def test_a_unit_switched_off_is_held(data, record, seed):
    texts = texts_of(data["alphabet"], 50 + seed)
    held = {cell: random.Random(seed).randrange(len(one["mean"])) for cell, one in data["nets"].items()}
    made = node(READ, {"data": data, "texts": texts, "heat": 1, "held": held})
    for cell, readings in zip(data["nets"], made, strict=True):
        hold = held[cell], data["nets"][cell]["mean"][held[cell]]
        for one in readings:
            bits = forward(cell, weights_of(record[cell]), np.array([one["ids"]]), hold)[0]
            assert np.abs(np.array(one["p"]) - 2.0**-bits).max() < ALLOWED


def test_the_means_are_those_of_the_validation_text(data, record):
    """As the page's ablation holds them: by torch's layers over the same pieces."""
    nets = studies.load("applications/text/nets")
    text, alphabet = nets["parts"]["validation"], data["alphabet"]
    ids = np.array([max(0, alphabet.find(character)) for character in text[: len(text) // 1000 * 1000]])
    for cell, one in data["nets"].items():
        h = [Torch(cell, record[cell]).read(piece[:-1])[0] for piece in ids.reshape(-1, 1000)]
        assert np.mean(h, (0, 1)) == pytest.approx(np.array(one["mean"]), abs=2e-5)
        found = record[cell]["units"]
        assert {name: unit for name, (unit, _) in one["units"].items()} == {key: found[key]["unit"] for key in found}


def test_reading_on_is_reading_anew(data):
    """Typing, deleting and pasting read only what changed, and end as if all were read at once."""
    draw, text, texts = random.Random(7), "", []
    for _ in range(25):
        cut, new = draw.randint(0, len(text)), "".join(draw.choices(data["alphabet"], k=draw.randint(0, 12)))
        text = text[:cut] + new + draw.choice(["", text[cut:]])
        text = text[:200]
        texts.append(text)
    together = node(READ, {"data": data, "texts": texts, "heat": 1})
    for k in (0, 7, 24):
        alone = node(READ, {"data": data, "texts": texts[k : k + 1], "heat": 1})
        assert [one[k]["p"] for one in together] == [one[0]["p"] for one in alone]
    lines = node(
        """const { guesser, reading } = await import("explore/lib/guesser.js");
        const net = guesser("gru", given.nets.gru.weights);
        const [one, other] = [reading(net, 9), reading(net, 9)];
        for (const held of [null, { unit: 3, value: 0.5 }, { unit: 3, value: 0.1 }, null]) one.read([5, 6, 7], held);
        other.read([5, 6, 7], null);
        return [one.h, other.h];""",
        data,
    )
    assert lines[0] == lines[1]


def mixed(a):
    """The finaliser of MurmurHash3, in Python's whole numbers."""
    a ^= a >> 16
    a = a * 0x85EBCA6B % 2**32
    a ^= a >> 13
    a = a * 0xC2B2AE35 % 2**32
    return a ^ a >> 16


@pytest.mark.parametrize("seed", [1, 9, 4321])
def test_futures_are_drawn_from_torchs_chances(data, record, seed):
    """The same random numbers, the cumulated chances of torch: the same characters."""
    more = {"seed": seed, "count": 3, "length": 12}
    text, heat = 'He said "no', 0.8
    made = node(READ, {"data": data, "texts": [text], "heat": heat, "more": more})
    start = mixed(seed + 1)
    for cell, (one,) in zip(data["nets"], made, strict=True):
        net = Torch(cell, record[cell])
        u = [mixed((start + 0x9E3779B9 * n) % 2**32) / 2**32 for n in range(1, 37)]
        for k, future in enumerate(one["futures"]):
            ids = list(one["ids"])
            for number in u[12 * k : 12 * k + 12]:
                ids.append(int(np.searchsorted(np.cumsum(net.read(ids, heat)[1][-1]), number, side="right")))
            assert future == ids[-12:]


def test_the_generator_is_even(data):
    made = node(
        """const { generator } = await import("explore/lib/guesser.js");
        return [1, 2, 3, 4].map((seed) => { const u = generator(seed); return Array.from({ length: 5000 }, u); });"""
    )
    for one in made:
        counts = np.histogram(one, 20, (0, 1))[0]
        assert ((counts - 250) ** 2 / 250).sum() < 50  # 19 degrees of freedom
        assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.06
    assert len({tuple(one[:3]) for one in made}) == 4


def test_unknown_characters_are_read_as_in_training(data):
    nets = studies.load("applications/text/nets")
    texts = ["“Jack’s – —”", "ä\U0001f600\r\nb\rc", "<b>9!</b>", ""]
    made = node(
        """const { encode } = await import("explore/lib/guesser.js");
        return given.texts.map((text) => encode(given.alphabet, text));""",
        {"texts": texts, "alphabet": data["alphabet"]},
    )
    for text, one in zip(texts, made, strict=True):
        folded = text.translate(nets["FOLD"]).replace("\r\n", "\n").replace("\r", "\n")
        assert one["ids"] == [max(0, data["alphabet"].find(character)) for character in folded]
        assert one["lacking"] == list(dict.fromkeys(c for c in folded if c not in data["alphabet"]))


def chance_at_start(cell, run, data, hold=None):
    ids = np.array([[run["alphabet"].index(character) for character in data["before"] + data["start"]]])
    return 2.0 ** -forward(cell, weights_of(run), ids, hold)[0, -1]


@pytest.mark.claim("text_live")
def test_the_start_is_as_the_page_says(data, record):
    prose = (SITE / "applications/text/index.md").read_text()
    said = prose[prose.index("## Type, and they guess") :].split("[✓]")[0]
    numbers = [float(one) / 100 for one in re.findall(r"([\d.]+)%", said)]
    quote = data["alphabet"].index('"')
    assert data["start"].count('"') % 2 == 1 and len(numbers) == 6
    for k, (cell, run) in enumerate(record.items()):
        unit = run["units"]["quotes"]["unit"]
        intact = chance_at_start(cell, run, data)
        held = chance_at_start(cell, run, data, (unit, data["nets"][cell]["mean"][unit]))
        assert intact.argmax() == quote and held[quote] < intact[quote] / 3
        assert [intact[quote], held[quote]] == pytest.approx([numbers[k], numbers[k + 3]], abs=0.0051)


# ---- in the browser


def shown(live):
    """What stands in the three columns: {cell: {name: chance}}."""
    found = {}
    for block in live.locator(".live__net").all():
        rows = [row.split() for row in block.locator("li").all_inner_texts()]
        found[block.locator("b").inner_text().lower()] = {name: float(p.strip("%")) / 100 for name, *_, p in rows}
    return found


NAMES = {" ": "space", "\n": "newline", "□": "□"}


@retried
def agrees(live, data, record, text, heat=1.0, held=None):
    """The columns show torch's likeliest characters, to the digits shown."""
    expect(live.locator("textarea")).to_have_value(text)
    alphabet = data["alphabet"]
    for cell, rows in shown(live).items():
        ids = [max(0, alphabet.find(character)) for character in data["before"] + text]
        if held:
            unit = held[cell]
            bits = forward(cell, weights_of(record[cell]), np.array([ids]), (unit, data["nets"][cell]["mean"][unit]))
            p = 2.0 ** -bits[0, -1]
            p = p ** (1 / heat) / (p ** (1 / heat)).sum()
        else:
            p = Torch(cell, record[cell]).read(ids, heat)[1][-1]
        wanted = {NAMES.get(alphabet[k], alphabet[k]): p[k] for k in np.argsort(-p)[:6]}
        assert len(set(wanted) & set(rows)) >= 5
        for name, value in rows.items():
            k = alphabet.index(next((sign for sign, word in NAMES.items() if word == name), name))
            assert value == pytest.approx(p[k], abs=0.0051 if value >= 0.0995 else 0.00051), (cell, name)


@pytest.fixture
def live(modes):
    return started(modes["light"], PAGE, PLACE)[1]


def test_typed_and_pasted(live, data, record):
    agrees(live, data, record, data["start"])
    live.get_by_label("Type: a text").fill("")
    live.get_by_label("Type: a text").press_sequentially('the "cat')
    agrees(live, data, record, 'the "cat')
    live.get_by_label("Type: a text").fill("<img src=x onerror=alert(1)> & <b>Jam</b>")
    agrees(live, data, record, "<img src=x onerror=alert(1)> & <b>Jam</b>")
    assert not live.locator(".live__strip img, .live__futures img, [onerror]").count()
    expect(live.locator(".live__lacks")).to_contain_text("□: & J")
    live.get_by_label("Type: a text").fill("long " * 80)
    expect(live.locator(".live__strip > span")).to_have_count(240)
    live.get_by_role("button", name="Reset").click()
    agrees(live, data, record, data["start"])


@pytest.mark.parametrize(
    ("text", "opened"),
    [('the "cat', True), ('the "cat" sat', False), ("the cat", False), ('"a" or "b', True), ('"a\n\nb', False)],
)
def test_the_count_is_that_of_the_futures(live, text, opened):
    """Counted anew from what stands there; only an open quotation is counted, and shaded up to its end."""
    live.get_by_label("Type: a text").fill(text)

    @retried
    def look():
        texts = [one.text_content() for one in live.locator(".live__futures li").all()]
        shaded = [one.text_content() for one in live.locator(".live__futures mark").all()]
        assert len(texts) == len(shaded) == 8
        if opened:
            assert [one.partition('"')[0] + '"' * ('"' in one) for one in texts] == shaded
            closed = sum('"' in re.split(r"[\s⏎]", one)[0] for one in texts)
            assert live.get_by_text("close the quotation before").inner_text().startswith(f"{closed} of 8 ")
        else:
            assert not any(shaded) and live.get_by_text("No quotation is open here.").is_visible()

    look()


def test_by_keyboard_colder_and_switched_off(live, data, record):
    tab = live.page
    live.get_by_label("Temperature").focus()
    for _ in range(4):
        tab.keyboard.press("ArrowLeft")
    expect(live.get_by_label("Temperature")).to_have_attribute("aria-valuetext", "0.6")
    agrees(live, data, record, data["start"], heat=0.6)
    live.get_by_label("Switch these units off").focus()
    tab.keyboard.press("Space")
    quotes = {cell: record[cell]["units"]["quotes"]["unit"] for cell in CELLS}
    agrees(live, data, record, data["start"], heat=0.6, held=quotes)
    live.get_by_role("slider", name="Unit").focus()
    tab.keyboard.press("Home")
    agrees(live, data, record, data["start"], heat=0.6, held=quotes | {"gru": 0})
    live.get_by_label("Characters read").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowLeft")
    expect(live.get_by_label("Characters read")).to_have_attribute("aria-valuetext", "38 of 41")
    expect(live.get_by_role("status")).to_contain_text("Next: RNN: ")


def test_the_units_lane_is_its_h(live, data, record):
    """Read back from the heights of the bars, in their signs and sizes."""
    live.get_by_text("LSTM", exact=True).last.click()
    live.page.wait_for_timeout(200)
    unit = record["lstm"]["units"]["quotes"]["unit"]
    ids = [data["alphabet"].index(character) for character in data["before"] + data["start"]]
    h, p = Torch("lstm", record["lstm"]).read(ids)
    bars = live.locator(".live__h > i:first-child").evaluate_all(
        "all => all.map((it) => (it.className ? -1 : 1) * parseFloat(it.style.height) / 50)"
    )
    assert bars == pytest.approx(h[2:, unit].tolist(), abs=1e-5)
    marks = live.locator(".live__p > i:first-child").evaluate_all("all => all.map((it) => parseFloat(it.style.height))")
    assert marks == pytest.approx((100 * p[2:, data["alphabet"].index('"')]).tolist(), abs=1e-3)


def test_a_link_brings_the_same_futures(live, modes):
    futures = live.locator(".live__futures li")
    expect(futures).to_have_count(8)
    before = futures.all_inner_texts()
    live.get_by_role("button", name="Sample 8 futures").click()
    expect(futures.first).not_to_have_text(before[0])
    live.get_by_label("Switch these units off").click()
    live.page.wait_for_timeout(700)
    after, query = futures.all_inner_texts(), live.page.evaluate("location.search")
    assert "live.seed=2" in query and "live.off=1" in query
    assert all(len(one) == 40 for one in after) and not set(before) & set(after)
    other = started(modes["dark"], PAGE, PLACE, query)[1].locator(".live__futures li")
    expect(other).to_have_count(8)
    assert other.all_inner_texts() == after


def test_by_finger(modes, data, record):
    phone = modes["light"].page.context.browser.new_page(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    view = View(phone, modes["light"].base)
    _, live = started(view, PAGE, PLACE)
    live.locator(".live__strip > span").nth(11).tap()
    expect(live.get_by_label("Characters read")).to_have_attribute("aria-valuetext", "12 of 41")
    live.get_by_text("RNN", exact=True).last.tap()
    live.get_by_label("Switch these units off").tap()
    live.get_by_label("Characters read").press("End")
    agrees(live, data, record, data["start"], held={cell: record[cell]["units"]["quotes"]["unit"] for cell in CELLS})
    live.get_by_role("button", name=re.compile("^122")).tap()
    live.get_by_role("button", name="Reset").tap()
    agrees(live, data, record, data["start"])
    assert phone.evaluate("document.scrollingElement.scrollWidth") == 360 and not view.wrong
    phone.close()
