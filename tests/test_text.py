"""The text study answers to counting by hand, to NumPy, and to a part of it run afresh."""

import base64
import hashlib
import json
import lzma
import math
import re
import runpy
import statistics
from collections import Counter
from pydoc_data.topics import topics

import numpy as np
import pytest
import studies
import torch
from test_demos import counted_with_arrays, indices

CELLS, SEEDS = ("rnn", "lstm", "gru"), range(5)
FOLDER = studies.ROOT / "snippets/applications/text"


@pytest.fixture(scope="module")
def nets():
    torch.set_num_threads(1)
    return studies.load("applications/text/nets")


@pytest.fixture(scope="module")
def rivals():
    return studies.load("applications/text/rivals")


@pytest.fixture(scope="module")
def rates():
    return studies.load("applications/text/rates")


@pytest.fixture(scope="module")
def long_rates():
    return studies.load("applications/text/rates_long")


@pytest.fixture(scope="module")
def same_text(nets):
    """Other Pythons bring a somewhat other manual; there a record repeats only nearly."""
    return nets["fingerprint"] == nets["runs"]["rnn 0"]["fingerprint"]


# ---- the text


def paragraphs(text):
    return [" ".join(piece.split()) for piece in text.split("\n\n") if piece.strip()]


@pytest.mark.claim("text_no_leak")
def test_held_out_paragraphs_are_not_in_the_training_text(nets):
    """Not one as it stands, and of those with little changed next to none, by stretches of letters."""
    train = re.sub(r"[^a-z]", "", nets["parts"]["train"].lower())
    known = {train[i : i + 25] for i in range(len(train))}
    train_paragraphs = set(paragraphs(nets["parts"]["train"].lower()))
    for part in ("validation", "test"):
        its = paragraphs(nets["parts"][part].lower())
        assert len(its) > 100 and not train_paragraphs & set(its)
        near = 0
        for paragraph in its:
            letters = re.sub(r"[^a-z]", "", paragraph)
            stretches = [letters[i : i + 25] for i in range(len(letters) - 24)]
            near += bool(stretches) and sum(s in known for s in stretches) > 0.5 * len(stretches)
        assert near <= 0.01 * len(its), near


def test_a_topic_lies_in_the_part_its_name_says(nets):
    names = {"test": 0, "validation": 0, "train": 0}
    for topic, text in topics.items():
        hexadecimal = hashlib.sha256(b"27" + topic.encode()).hexdigest()[:2]
        part = "test" if hexadecimal < "20" else "validation" if hexadecimal < "40" else "train"
        names[part] += 1
        assert nets["part_of"](topic) == part
        kept = [p for p in text.translate(nets["FOLD"]).split("\n\n") if p.strip("\n") + "\n\n" in nets["parts"][part]]
        assert len(topic) and (kept or len(text) < 4000), topic
    assert min(names.values()) >= 5
    assert all(nets["sizes"][part] > 20_000 for part in nets["sizes"])


def test_rare_characters_become_one(nets):
    count = Counter(nets["parts"]["train"])
    assert set(nets["alphabet"]) - {"□"} == {c for c in count if count[c] >= 20}
    x = nets["encode"]("a□\N{SNOWMAN}")
    assert x[1] == x[2] == 0 and nets["alphabet"][x[0]] == "a"


# ---- the rivals


def by_hand(text, before, character, order, V, discount):
    """Kneser and Ney's rule by looking through the text itself, with no tables."""
    p = 1 / V
    for n in range(order):
        context = before[len(before) - n :]
        if n == order - 1:
            came = Counter(text[i + n] for i in range(len(text) - n) if text[i : i + n] == context)
        else:
            stretches = {text[i : i + n + 2] for i in range(len(text) - n - 1) if text[i + 1 : i + 1 + n] == context}
            came = Counter(stretch[-1] for stretch in stretches)
        if came:
            kept = max(came[character] - discount, 0)
            p = (kept + discount * len(came) * p) / sum(came.values())
    return p


def test_counting_equals_counting_by_hand(nets, rivals):
    text, V = nets["parts"]["train"][:3000], 81
    tables = rivals["counted"](text)
    for start in (100, 1000, 2345):
        before = nets["parts"]["test"][start : start + 7]
        for character in "e (q":
            found = rivals["chances"](tables, before, character, V, 0.9)
            for order in (1, 2, 3, 5, 8):
                assert found[order - 1] == pytest.approx(by_hand(text, before, character, order, V, 0.9), rel=1e-9)


def test_the_chances_of_all_characters_make_one(nets, rivals):
    alphabet = nets["alphabet"]
    tables = rivals["counted"](nets["parts"]["train"][:20_000].translate({ord(c): "□" for c in "@%Z&^X9!?KQJ\\~"}))
    known = "".join(c if c in alphabet else "□" for c in nets["parts"]["test"])
    for start in range(0, 5000, 500):
        every = [rivals["chances"](tables, known[start : start + 7], c, len(alphabet), 0.8) for c in alphabet]
        assert np.sum(every, axis=0) == pytest.approx(np.ones(8), abs=1e-6)


@pytest.mark.claim("text_counting_scores", "text_xz")
def test_the_recorded_rivals_repeat(nets, rivals, same_text):
    """A trigram model from dense arrays, and xz through another door."""
    record, alphabet = rivals["runs"]["all"], nets["alphabet"]
    assert record["fingerprint"] == nets["runs"]["rnn 0"]["fingerprint"]
    known = {part: "".join(c if c in alphabet else "□" for c in text) for part, text in nets["parts"].items()}
    train, test = (indices(known[part], alphabet) for part in ("train", "test"))
    pieces = test[: len(test) // 1000 * 1000].reshape(-1, 1000)
    again = counted_with_arrays(3, train, pieces, len(alphabet), record["discount"][2])
    assert again == pytest.approx(statistics.mean(record["test"][2]), abs=1e-9 if same_text else 0.1)

    def size(text):
        packer = lzma.LZMACompressor(lzma.FORMAT_ALONE, preset=9)
        return 8 * (len(packer.compress(text.encode())) + len(packer.flush()))

    extra = size(known["train"] + known["test"]) - size(known["train"])
    assert extra / len(known["test"]) == pytest.approx(record["xz"]["test"], rel=0.01 if same_text else 0.1)
    assert record["xz_alone"] > record["xz"]["test"] + 0.3


# ---- the nets, against NumPy


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def weights_of(run):
    """An export's numbers, unpacked byte by byte."""
    found = {}
    for name, part in run["weights"].items():
        signed = [byte - 256 if byte > 127 else byte for byte in base64.b64decode(part["int8"])]
        scale = np.frombuffer(base64.b64decode(part["scale"]), "<f4").astype(float)
        rows = np.array(signed, float).reshape(len(scale), -1) * scale[:, None]
        found[name.split(".")[1] if name.startswith("recurrent") else name] = rows.reshape(part["shape"])
    return found


def forward(cell, W, x, hold=None, want="scores"):
    """-log2 of every character's chance after each, one character at a time: (N, T, V); or h: (N, T, H)."""
    H = W["weight_hh_l0"].shape[1]
    h, c, scores = np.zeros((len(x), H)), np.zeros((len(x), H)), []
    for t in range(x.shape[1]):
        a = W["embed.weight"][x[:, t]] @ W["weight_ih_l0"].T + W["bias_ih_l0"]
        u = h @ W["weight_hh_l0"].T + W["bias_hh_l0"]
        if cell == "rnn":
            h = np.tanh(a + u)
        elif cell == "lstm":
            i, f, g, o = np.split(a + u, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (ar, az, an), (ur, uz, un) = np.split(a, 3, axis=1), np.split(u, 3, axis=1)
            z = sigmoid(az + uz)
            h = (1 - z) * np.tanh(an + sigmoid(ar + ur) * un) + z * h
        if hold:
            h[:, hold[0]] = hold[1]
        if want == "h":
            scores.append(h.copy())
            continue
        y = h @ W["score.weight"].T + W["score.bias"]
        y -= y.max(1, keepdims=True)
        scores.append((np.log(np.exp(y).sum(1, keepdims=True)) - y) / math.log(2))
    return np.stack(scores, 1)


def loaded(nets, cell, weights):
    model = nets["Guesser"](cell)
    names = {name: name.split(".")[1] if name.startswith("recurrent") else name for name in model.state_dict()}
    model.load_state_dict({name: torch.tensor(weights[short]).float() for name, short in names.items()})
    return model


@pytest.mark.claim("text_export")
@pytest.mark.parametrize("cell", CELLS)
def test_exported_weights_give_the_same_bits_in_numpy(nets, cell):
    record = nets["runs"][f"{cell} 0"]
    weights, alphabet = weights_of(record), record["alphabet"]
    text = "".join(c if c in alphabet else "□" for c in nets["parts"]["test"][:3000])
    x = indices(text, alphabet).reshape(3, 1000)
    every = forward(cell, weights, x[:, :-1])
    came = np.take_along_axis(every, x[:, 1:, None], 2)[..., 0]
    if alphabet == nets["alphabet"]:
        again = nets["bits"](loaded(nets, cell, weights), torch.tensor(x))
        assert came.mean(1) == pytest.approx(again.numpy(), abs=2e-4)
    if nets["fingerprint"] == record["fingerprint"]:
        assert came.mean(1) == pytest.approx(np.array(record["rounded"][:3]), abs=1e-3)
    gap = statistics.mean(record["rounded"]) - statistics.mean(record["test"])
    assert abs(gap) < 0.02
    assert sum(len(part["int8"]) + len(part["scale"]) for part in record["weights"].values()) < 67_000


@pytest.mark.parametrize("cell", CELLS)
def test_holding_a_unit_holds_it(nets, cell):
    """Against NumPy with that entry of h overwritten, and against no hold at all."""
    weights = weights_of(nets["runs"][f"{cell} 0"])
    torch.manual_seed(1)
    model, V = nets["Guesser"](cell), len(nets["alphabet"])
    if len(nets["runs"][f"{cell} 0"]["alphabet"]) == V:
        model = loaded(nets, cell, weights)
    W = {name.split(".")[1] if name.startswith("recurrent") else name: p.detach().double().numpy()
         for name, p in model.named_parameters()}
    x = torch.randint(V, (2, 60))
    H = model.score.in_features
    value, fixed = torch.full((H,), 0.3), torch.zeros(2, H, dtype=torch.bool)
    quote = nets["place"]['"']
    for unit in (None, 0, H - 1):
        fixed[:] = False
        if unit is not None:
            fixed[:, unit] = True
        costs, quotes = nets["clamped"](cell, model, x, fixed, value)
        every = forward(cell, W, x.numpy()[:, :-1], None if unit is None else (unit, 0.3))
        came = np.take_along_axis(every, x.numpy()[:, 1:, None], 2)[..., 0]
        assert costs.numpy() == pytest.approx(came, abs=2e-3)
        assert quotes.numpy() == pytest.approx(every[..., quote], abs=2e-3)
    intact = nets["clamped"](cell, model, x, torch.zeros(2, H, dtype=torch.bool), value)[0].mean(1)
    assert intact.numpy() == pytest.approx(nets["bits"](model, x).numpy(), abs=1e-4)


def test_rounding_moves_no_weight_by_more_than_half_a_step(nets):
    torch.manual_seed(3)
    model = nets["Guesser"]("gru")
    weights, rounded = nets["export"](model)
    W = weights_of({"weights": weights})
    for name, p in model.named_parameters():
        rows = p.detach().numpy().reshape(-1, p.shape[-1])
        step = np.abs(rows).max(1, keepdims=True) / 127
        back = W[name.split(".")[1] if name.startswith("recurrent") else name].reshape(rows.shape)
        assert (np.abs(back - rows) <= step * 0.5001).all() and (back != rows).any()
        assert dict(rounded.named_parameters())[name].detach().numpy().reshape(rows.shape) == pytest.approx(back)


# ---- what the units tell


def test_labels_say_what_they_say(nets):
    text = nets["parts"]["validation"][: 5 * nets["PIECE"]]
    told = nets["labels"](text)
    for i in (*range(300, 360), 1500, 2222, 4321):
        start = text.rfind("\n\n", 0, i + 1) + 1
        at = divmod(i, nets["PIECE"])
        if at[1] == nets["PIECE"] - 1:
            continue
        so_far = text[start : i + 1]
        assert told["quotes"][at] == so_far.count('"') % 2
        assert told["column"][at] == len(text[: i + 1].split("\n")[-1])
        assert told["capitals"][at] == bool(re.search("[A-Z]{2}$", text[: i + 1]))
        depth = 0
        for character in re.findall(r"[][(){}]", so_far):
            depth = depth + 1 if character in "([{" else max(0, depth - 1)
        assert told["depth"][at] == depth
    assert 0 < told["depth"].double().mean() < 1 and told["quotes"].double().mean() > 0.01


def test_correlation_and_area_are_the_textbooks(nets):
    draw = np.random.default_rng(5)
    h, label = draw.normal(size=(4, 50, 3)), draw.integers(0, 2, (4, 50))
    h[..., 1] += label
    r = nets["correlations"](torch.tensor(h), torch.tensor(label)).numpy()
    assert r == pytest.approx([np.corrcoef(h[..., k].ravel(), label.ravel())[0, 1] for k in range(3)])
    score, true = draw.integers(0, 9, 200).astype(float), draw.random(200) < 0.3
    ranks = np.array([np.mean((score < s) + (score == s) / 2) * len(score) + 0.5 for s in score])
    n = true.sum()
    by_ranks = (ranks[true].sum() - n * (n + 1) / 2) / (n * (len(true) - n))
    assert nets["area"](torch.tensor(score), torch.tensor(true)) == pytest.approx(by_ranks)


def inside_quotes(text):
    """After each character, by cutting at blank lines and at quotes."""
    told = []
    for paragraph in re.split(r"(?<=\n)(?=\n)", text):  # its second line end begins the next
        for k, stretch in enumerate(paragraph.split('"')):
            told += [k % 2] * (len(stretch) + (k > 0))
    return np.array(told)


def cut(numbers):
    return np.array(numbers[: len(numbers) // 1000 * 1000]).reshape(-1, 1000)


def area_by_ranks(score, true):
    ranks = np.searchsorted(np.sort(score), score) + 1
    n = true.sum()
    return (ranks[true].sum() - n * (n + 1) / 2) / (n * (len(true) - n))


@pytest.fixture(scope="module", params=CELLS)
def opened(request, nets):
    """An exported net read by NumPy: its weights, both held-out texts, and h on both."""
    record = nets["runs"][f"{request.param} 0"]
    W, found = weights_of(record), {"cell": request.param, "record": record}
    for part in ("validation", "test"):
        text = "".join(c if c in record["alphabet"] else "□" for c in nets["parts"][part])
        x = cut(indices(text, record["alphabet"]))
        found[part] = {"text": text, "x": x, "h": forward(request.param, W, x[:, :-1], want="h")}
    return found | {"W": W, "same": nets["fingerprint"] == record["fingerprint"]}


@pytest.mark.claim("text_units_quotes", "text_units_others")
def test_the_quote_unit_is_found_again_by_numpy(opened):
    told = opened["record"]["units"]["quotes"]
    label = {part: cut(inside_quotes(opened[part]["text"]))[:, :-1].ravel() for part in ("validation", "test")}
    early, late = (opened[part]["h"].reshape(-1, opened[part]["h"].shape[-1]) for part in ("validation", "test"))
    r = [np.corrcoef(early[:, k], label["validation"])[0, 1] for k in range(early.shape[1])]
    later = np.corrcoef(late[:, told["unit"]], label["test"])[0, 1]
    assert later * told["r"] > 0 and abs(later) > 0.15
    if opened["same"]:
        assert np.nanargmax(np.abs(r)) == told["unit"]
        assert r[told["unit"]] == pytest.approx(told["r"], abs=0.02)
        assert later == pytest.approx(told["later"], abs=0.02)


@pytest.mark.claim("text_ablation_rnn", "text_ablation_lstm", "text_ablation_gru")
def test_without_its_unit_the_quote_stays_open(opened):
    """Held at its mean, in NumPy: a due closing quote loses chance, and loses more than by other units."""
    cell, W, record = opened["cell"], opened["W"], opened["record"]
    x, inside = opened["test"]["x"][::2], cut(inside_quotes(opened["test"]["text"]))[::2, :-1]
    quote = record["alphabet"].index('"')
    due = (inside == 1) & (x[:, 1:] == quote)
    mean = opened["validation"]["h"].mean((0, 1))
    unit = record["units"]["quotes"]["unit"]

    def chance(k=None):
        every = forward(cell, W, x[:, :-1], None if k is None else (k, mean[k]))
        return (2.0 ** -every[..., quote])[due].mean()

    intact, held = chance(), chance(unit)
    others = [chance(k) for k in (5, 17, 29) if k != unit]
    assert held < 0.9 * intact and held < min(others)
    if opened["same"]:
        assert [intact, held] == pytest.approx(record["ablation"]["closing"][:2], abs=0.01)
        assert due.sum() == record["ablation"]["closings"]


@pytest.mark.claim("text_nesting_rnn", "text_nesting_lstm", "text_nesting_gru")
def test_a_linear_reading_finds_the_nesting_little_better_than_before_training(opened, nets, monkeypatch):
    """Least squares and ranks in NumPy: brackets two deep against one deep, within brackets."""
    cases = {}
    for part in ("validation", "test"):
        depths, depth = [], 0
        for i, character in enumerate(opened[part]["text"]):
            depth = 0 if opened[part]["text"][i - 1 : i + 1] == "\n\n" else depth
            depth = max(0, depth + (character in "([{") - (character in ")]}"))
            depths.append(depth)
        cases[part] = cut(depths)[:, :-1]
    monkeypatch.setitem(nets["encode"].__globals__, "alphabet", opened["record"]["alphabet"])
    torch.manual_seed(12)
    fresh = {name.split(".")[1] if name.startswith("recurrent") else name: p.detach().double().numpy()
             for name, p in nets["Guesser"](opened["cell"]).named_parameters()}
    areas = {}
    for name, W in {"trained": opened["W"], "untrained": fresh}.items():
        h = {p: forward(opened["cell"], W, opened[p]["x"][:, :-1], want="h")[cases[p] > 0] for p in cases}
        deep = {p: cases[p][cases[p] > 0] > 1 for p in cases}
        A = np.c_[h["validation"], np.ones(len(h["validation"]))]
        w = np.linalg.solve(A.T @ A + 10 * np.eye(A.shape[1]), A.T @ (2.0 * deep["validation"] - 1))
        areas[name] = area_by_ranks(h["test"] @ w[:-1], deep["test"])
    assert areas["trained"] < areas["untrained"] + (0.2 if opened["cell"] == "gru" else 0.05)


# ---- the record


@pytest.mark.claim("text_same_size")
def test_all_have_about_one_size(nets):
    sizes = [sum(p.numel() for p in nets["Guesser"](cell).parameters()) for cell in CELLS]
    assert max(sizes) < 1.02 * min(sizes)
    V, E = len(nets["alphabet"]), 24
    for cell, gates, size in zip(CELLS, (1, 4, 3), sizes, strict=True):
        H = nets["WIDTHS"][cell]
        assert size == V * E + gates * H * (E + H + 2) + H * V + V


@pytest.mark.claim("text_training")
@pytest.mark.parametrize("cell", CELLS)
def test_the_start_of_the_curve_repeats(nets, same_text, cell):
    recorded = nets["runs"][f"{cell} 0"]["curve"]
    torch.manual_seed(0)
    exam, tolerance = nets["pieces"](nets["parts"]["validation"]), 0.05 if same_text else 0.5
    for update, model in nets["training"](nets["Guesser"](cell), nets["streams"], nets["RATE"][cell], (12, 50)):
        assert nets["bits"](model, exam).mean().item() == pytest.approx(recorded[str(update)], abs=tolerance)


@pytest.mark.claim("text_rates")
def test_the_rates_are_the_best_that_were_tried(nets, long_rates):
    for cell in CELLS:
        scores = {rate: long_rates["runs"][f"{cell} {rate}"]["bits"][0] for rate in long_rates["GRID"][cell]}
        best = min(scores, key=scores.get)
        assert best == nets["RATE"][cell] and len(scores) == 3 + (cell == "gru")
        assert best == sorted(scores)[1]
        assert long_rates["UPDATES"][cell] == nets["UPDATES"][cell]


@pytest.mark.claim("text_export_size")
def test_the_record_stays_small():
    assert (FOLDER / "nets.json").stat().st_size < 400_000
    runs = json.loads((FOLDER / "nets.json").read_text())["runs"]
    packed = [len(part[key]) for cell in CELLS for part in runs[f"{cell} 0"]["weights"].values()
              for key in ("int8", "scale")]
    assert sum(packed) < 200_000


def finals(nets, cell):
    return [statistics.mean(nets["runs"][f"{cell} {seed}"]["test"]) for seed in SEEDS]


def equals(nets, cell):
    return [nets["runs"][f"{cell} {seed}"]["equal"] for seed in SEEDS]


@pytest.fixture(scope="module")
def summary():
    return runpy.run_path(str(FOLDER / "summary.py"))


@pytest.mark.claim("text_recorded", "text_hours", "text_ablation_setting")
def test_the_records_are_of_one_text_and_as_said(nets, rivals, rates, long_rates, summary):
    prints = {run["fingerprint"] for study in (rates, long_rates, rivals) for run in study["runs"].values()}
    prints |= {nets["runs"][f"{cell} 0"]["fingerprint"] for cell in CELLS}
    assert len(prints) == 1 and re.fullmatch("[0-9a-f]{8}", prints.pop())
    assert 0.05 < nets["made"]["hours"] < 1
    assert (nets["B"], nets["T"]) == (16, 64) and nets["streams"].shape[0] == 16
    ablations = [nets["runs"][f"{cell} {seed}"]["ablation"] for cell in CELLS for seed in SEEDS]
    assert {a["closings"] for a in ablations} == {summary["closings"]} and summary["closings"] > 100
    assert {len(a["bits"]) for a in ablations} == {2 + summary["others"]}


@pytest.mark.claim("text_speed", "text_equal_seconds")
def test_the_times_are_about_equal(nets, summary):
    ms = nets["runs"]["speed"]
    assert ms["lstm"] < ms["rnn"] < ms["gru"]
    seconds = [ms[cell] * nets["UPDATES"][cell] for cell in CELLS]
    assert max(seconds) < 1.25 * min(seconds)
    for cell in CELLS:
        read = nets["UPDATES"][cell] * nets["B"] * nets["T"]
        assert summary["passes"][cell] == pytest.approx(read / nets["runs"][f"{cell} 0"]["sizes"]["train"])


@pytest.mark.claim("text_row_rnn", "text_row_lstm", "text_row_gru", "text_row_counting", "text_counting_wins")
def test_counting_beats_every_network(nets, rivals, summary):
    counting = statistics.mean(rivals["runs"]["all"]["test"][7])
    assert min(rivals["runs"]["all"]["validation"]) == rivals["runs"]["all"]["validation"][7]
    for cell in CELLS:
        for mine, its in ((finals(nets, cell), "timed"), (equals(nets, cell), "equal")):
            assert sorted(mine)[2] == pytest.approx(summary[its][cell]["median"])
            assert (min(mine), max(mine)) == pytest.approx((summary[its][cell]["low"], summary[its][cell]["high"]))
            assert min(mine) > counting + 0.1


@pytest.mark.claim("text_rates_short", "text_rates_regret")
def test_the_short_search_chose_too_high(nets, rates, long_rates):
    for cell in CELLS:
        scores = {rate: sum(rates["runs"][f"{cell} {rate}"]["bits"]) for rate in rates["RATES"]}
        short = min(scores, key=scores.get)
        end = {rate: long_rates["runs"][f"{cell} {rate}"]["bits"][0] for rate in long_rates["GRID"][cell]}
        if cell == "lstm":
            assert short == nets["RATE"][cell]
        else:
            assert short > nets["RATE"][cell] and end[short] > end[nets["RATE"][cell]] + 0.02


@pytest.mark.claim("text_close_race", "text_dose_close", "text_rate_matters")
def test_the_three_are_close(nets, rates, long_rates, summary):
    """Closer at equal time than each to counting, and than a wrong rate costs."""
    ends = {cell: sorted(finals(nets, cell)) for cell in CELLS}
    middle = [ends[cell][2] for cell in CELLS]
    assert summary["race"] == pytest.approx(max(middle) - min(middle)) and summary["race"] < 0.1
    assert summary["widest"] == pytest.approx(max(e[-1] - e[0] for e in ends.values()))
    assert summary["race"] < 0.5 * summary["least_gap"]
    wrong = [long_rates["runs"][f"{cell} {rate}"]["bits"][0] for cell, rate in (("rnn", 0.01), ("gru", 0.02))]
    right = [long_rates["runs"][f"{cell} {nets['RATE'][cell]}"]["bits"][0] for cell in ("rnn", "gru")]
    assert min(w - r for w, r in zip(wrong, right, strict=True)) > summary["race"]


@pytest.mark.claim("text_pieces", "text_xz_wins", "text_dose_counting")
def test_counting_wins_piece_by_piece_and_xz_wins_too(nets, rivals, summary):
    counting = np.array(rivals["runs"]["all"]["test"][7])
    mine = np.array([nets["runs"][f"{cell} {seed}"]["test"] for cell in CELLS for seed in SEEDS])
    assert mine.size == summary["exams"] and (mine < counting).sum() == summary["won"] < 0.01 * mine.size
    assert mine.mean(1).min() > rivals["runs"]["all"]["xz"]["test"] + 0.05


@pytest.mark.claim("text_units_all", "text_units_weak", "text_units_column", "text_units_depth")
def test_every_network_has_a_quote_unit(nets, summary):
    later = {(cell, label): [nets["runs"][f"{cell} {seed}"]["units"][label]["later"] for seed in SEEDS]
             for cell in CELLS for label in ("quotes", "column", "capitals", "depth")}
    for cell in CELLS:
        first = [nets["runs"][f"{cell} {seed}"]["units"]["quotes"]["r"] for seed in SEEDS]
        assert all(a * b > 0 and abs(b) > 0.1 for a, b in zip(first, later[cell, "quotes"], strict=True))
        assert max(map(abs, later[cell, "capitals"])) < 0.3
        assert summary["follow"]["column"][cell] == sum(abs(r) > 0.5 for r in later[cell, "column"])
    assert summary["follow"]["column"]["gru"] >= 2
    assert min(map(abs, later["gru", "depth"])) > max(map(abs, later["rnn", "depth"] + later["lstm", "depth"]))
    assert max(map(abs, later["rnn", "column"] + later["lstm", "column"])) < 0.4


@pytest.mark.claim("text_ablation_all", "text_ablation_bits", "text_dose_quotes")
def test_no_other_unit_matters_as_much(nets, summary):
    first = 0
    for cell in CELLS:
        for seed in SEEDS:
            closing = nets["runs"][f"{cell} {seed}"]["ablation"]["closing"]
            first += closing[1] < min(closing[2:])
            assert closing[1] < closing[0]
    assert first == summary["worst"]["all"] >= 9
    drops = [nets["runs"][f"{cell} {seed}"]["ablation"]["closing"] for cell in CELLS for seed in SEEDS]
    assert statistics.median(c[1] / c[0] for c in drops) < 0.65
    assert summary["cost"]["lstm"]["low"] < summary["cost_other"]["lstm"]["high"]


@pytest.mark.claim("text_nesting_all", "text_nesting_cases", "text_dose_nesting")
def test_nesting_is_hardly_known(nets):
    read = {(when, what, cell): statistics.median(nets["runs"][f"{cell} {s}"]["probes"][when][what] for s in SEEDS)
            for when in ("trained", "untrained") for what in ("quotes", "nested") for cell in CELLS}
    for cell in CELLS:
        gain = {what: read["trained", what, cell] - read["untrained", what, cell] for what in ("quotes", "nested")}
        assert gain["quotes"] > 0.05 and gain["nested"] < (0.2 if cell == "gru" else 0.03)
        assert gain["nested"] > 0.03 or cell != "gru"
    depth = nets["labels"](nets["parts"]["test"])["depth"]
    assert 0.02 < ((depth > 1).sum() / (depth > 0).sum()).item() < 0.1
