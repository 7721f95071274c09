"""The three demos answer to counting, cells and training loops they did not write."""

import contextlib
import io
import math
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SNIPPETS = Path(__file__).parents[1] / "snippets"
CELLS = ("rnn", "lstm", "gru")


def source(cell):
    return (SNIPPETS / f"{cell}_demo.py").read_text()


def run(file):
    """A demo's names after it ran in this process, and what it printed."""
    torch.set_num_threads(1)
    printed, show = io.StringIO(), plt.show
    plt.show = lambda: None
    try:
        with contextlib.redirect_stdout(printed):
            return runpy.run_path(str(file)), printed.getvalue()
    finally:
        plt.show = show


@pytest.fixture(scope="module", params=CELLS)
def demo(request):
    """One demo's names after a full run, the name of its cell, and what it printed."""
    names, printed = run(SNIPPETS / f"{request.param}_demo.py")
    yield {**names, "cell": request.param, "printed": printed}
    plt.close("all")


def pieces_of(text, size=1000):
    """The pieces a demo scores: equal lengths, the incomplete last one dropped."""
    found = re.findall(rf"(?s).{{{size}}}", text)
    return found if len(text) % size else found[:-1]


def indices(text, alphabet):
    place = {character: index for index, character in enumerate(alphabet)}
    return np.array([place[character] for character in text])


# ---- the files


@pytest.mark.parametrize("other", ["rnn", "lstm"])
def test_the_files_differ_only_where_the_cells_do(other):
    a, b = source("gru").splitlines(), source(other).splitlines()
    assert len(a) == len(b)
    differing = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    allowed = ('"""', "# # ", "NAME, COLOUR, MARKER = ", "self.recurrent = nn.", "state = ", "learning_rate = ")
    assert len(differing) <= len(allowed)
    for pair in differing:
        starts = {next((start for start in allowed if line.strip().startswith(start)), line) for line in pair}
        assert len(starts) == 1 and starts < set(allowed), pair


def test_each_file_uses_its_own_cell_and_colour():
    palette = runpy.run_path(str(SNIPPETS.parent / "hooks" / "figure.py"))["PALETTE"]
    for cell in CELLS:
        names = {name.lower() for name in re.findall(r"\b(RNN|LSTM|GRU)\b", source(cell))}
        assert names == {cell}
        assert palette[cell][0] in source(cell)


def test_every_cell_is_shown():
    assert all("hidden" not in line for cell in CELLS for line in source(cell).splitlines() if line.startswith("# %%"))


# ---- the text


def test_no_paragraph_is_in_two_parts_or_twice_in_one(demo):
    lines = [line for text in demo["parts"].values() for line in text.splitlines()]
    assert len(lines) == len(set(lines)) > 1000
    assert all(line.endswith((".", ":")) for line in lines)


def test_hardly_a_stretch_of_the_held_out_text_stands_in_the_training_text(demo):
    train = demo["parts"]["train"]
    for part in ("validation", "test"):
        text = demo["parts"][part]
        stretches = [text[i : i + 40] for i in range(0, len(text) - 40, 20)]
        assert sum(stretch in train for stretch in stretches) < 0.03 * len(stretches)


def test_each_sentence_of_the_manual_is_in_one_part_and_a_topic_is_not_torn(demo):
    from pydoc_data.topics import topics

    part_of = {line: part for part, text in demo["parts"].items() for line in text.splitlines()}
    found = {}  # line -> its topics
    for topic, text in topics.items():
        for paragraph in re.split("\n\n", text):
            line = re.sub(r"\s+", " ", paragraph).strip()
            if re.search("[.:]$", line):
                found.setdefault(line, set()).add(topic)
    assert found.keys() == part_of.keys()
    for topic in topics:
        assert len({part_of[line] for line, its in found.items() if its == {topic}}) <= 1
    assert 25_000 <= demo["sizes"]["test"] < demo["sizes"]["train"] / 2
    assert 25_000 <= demo["sizes"]["validation"] < demo["sizes"]["train"] / 2


# ---- the rival


def stretches(text, length, V):
    """How often each stretch of this length occurs: a dense array (V, ..., V)."""
    counts = np.zeros((V,) * length, int)
    np.add.at(counts, tuple(text[k : len(text) - length + 1 + k] for k in range(length)), 1)
    return counts


def mixed(table, context, came, p, discount):
    """Kneser and Ney's rule for a whole column of contexts, (N,)."""
    rows = table[context] if context else np.tile(table, (len(came), 1))  # (N, V)
    total, kinds = rows.sum(1), (rows > 0).sum(1)
    own = np.maximum(rows[np.arange(len(rows)), came] - discount, 0)
    return np.where(total > 0, (own + discount * kinds * p) / np.maximum(total, 1), p)


def counted_with_arrays(order, train, pieces, V, discount):
    """The mean bits of one order's model once more, from dense arrays and no dictionary."""
    bits = []
    tables = [(stretches(train, n + 2, V) > 0).sum(0) for n in range(order - 1)]
    tables.append(stretches(train, order, V))
    for t in range(1, pieces.shape[1]):
        p = np.full(len(pieces), 1 / V)
        for n in range(min(order, t + 1)):
            context = tuple(pieces[:, t - n + k] for k in range(n))
            p = mixed(tables[n], context, pieces[:, t], p, discount)
        bits.append(-np.log2(p))
    return np.mean(bits)


@pytest.mark.parametrize(("order", "name"), [(1, "unigram"), (2, "bigram"), (3, "trigram")])
def test_the_counts_agree_with_dense_arrays(demo, order, name):
    train = indices(demo["parts"]["train"], demo["alphabet"])
    for part, shown in (("validation", demo["rivals"]), ("test", demo["baseline"])):
        pieces = np.stack([indices(piece, demo["alphabet"]) for piece in pieces_of(demo["parts"][part])])
        again = counted_with_arrays(order, train, pieces, len(demo["alphabet"]), demo["DISCOUNT"])
        assert shown[name] == pytest.approx(again, abs=1e-5)


def test_the_counts_are_probabilities(demo):
    """Summed over the last character, the probabilities of a stretch are those of the stretch before."""
    for start in ("The", "in a cla", "Zq~", "\n\n"):
        shorter = np.exp2(-np.array(demo["counting"].bits(start)) * (len(start) - 1))
        longer = [np.exp2(-np.array(demo["counting"].bits(start + c)) * len(start)) for c in demo["alphabet"]]
        assert np.sum(longer, axis=0) == pytest.approx(shorter, rel=1e-9)


def test_the_strongest_rival_is_the_best_on_validation_and_strong(demo):
    assert demo["rivals"][demo["strongest"]] == min(demo["rivals"].values())
    assert demo["strongest"] not in ("unigram", "bigram", "trigram")
    assert f"strongest of these: {demo['strongest']}" in demo["printed"]
    assert demo["baseline"][demo["strongest"]] < demo["baseline"]["trigram"] - 0.3


def test_the_discount_is_the_best_of_the_three(demo, monkeypatch):
    order = demo["ORDERS"].index(demo["strongest"])
    scores = {}
    for discount in (0.5, 0.7, 0.9):
        monkeypatch.setitem(demo["mix"].__globals__, "DISCOUNT", discount)
        bits = [demo["counting"].bits(piece)[order] for piece in pieces_of(demo["parts"]["validation"])[::3]]
        scores[discount] = np.mean(bits)
    assert min(scores, key=scores.get) == demo["DISCOUNT"]


# ---- the network


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(cell, weights, x, h, c):
    """One step of a cell, from its equations, in float64."""
    W_ih, W_hh, b_ih, b_hh = (
        weights[f"recurrent.{kind}_l0"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    from_x, from_h = x @ W_ih.T + b_ih, h @ W_hh.T + b_hh
    if cell == "rnn":
        return np.tanh(from_x + from_h), c
    if cell == "lstm":
        i, f, g, o = np.split(from_x + from_h, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(from_x, 3, axis=1), np.split(from_h, 3, axis=1)
    z = sigmoid(x_z + h_z)
    return (1 - z) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n) + z * h, c


def bits_by_hand(demo, pieces):
    """Bits per character of each piece, one character at a time, without torch."""
    weights = {name: value.double().numpy() for name, value in demo["model"].state_dict().items()}
    h = c = np.zeros((len(pieces), weights["recurrent.weight_hh_l0"].shape[1]))
    bits = np.zeros(len(pieces))
    for t in range(pieces.shape[1] - 1):
        h, c = step(demo["cell"], weights, weights["embed.weight"][pieces[:, t]], h, c)
        scores = h @ weights["score.weight"].T + weights["score.bias"]
        log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
        bits -= log_p[np.arange(len(pieces)), pieces[:, t + 1]] / math.log(2)
    return bits / (pieces.shape[1] - 1)


@pytest.mark.claim("demos_rnn", "demos_lstm", "demos_gru")
def test_the_exam_agrees_with_the_equations(demo):
    pieces = np.stack([indices(piece, demo["alphabet"]) for piece in pieces_of(demo["parts"]["test"])])
    bits = bits_by_hand(demo, pieces)
    error = 2 * bits.std(ddof=1) / math.sqrt(len(bits))
    assert demo["bits"] == pytest.approx(bits.mean(), abs=1e-4)
    assert demo["bits_error"] == pytest.approx(error, abs=1e-4)
    assert demo["gap"] == pytest.approx(bits.mean() - demo["baseline"][demo["strongest"]], abs=1e-4)
    name = demo["cell"].upper()
    assert f"{name:9}{bits.mean():5.2f} ± {error:.2f} bits" in demo["printed"]
    assert f"{name} minus {demo['strongest']}: {demo['gap']:+.2f} ± {demo['gap_error']:.2f}" in demo["printed"]


@pytest.mark.claim("demos_gaps")
def test_the_gap_is_paired_piece_by_piece(demo):
    order = demo["ORDERS"].index(demo["strongest"])
    test = pieces_of(demo["parts"]["test"])
    gaps = [p - demo["counting"].bits(piece)[order] for p, piece in zip(demo["pieces"].tolist(), test, strict=True)]
    assert demo["gap_error"] == pytest.approx(2 * np.std(gaps, ddof=1) / math.sqrt(len(gaps)), abs=1e-4)


def test_the_network_passes_the_short_rivals(demo):
    """What the figure's alt text says, and the same in the exam."""
    for scores, reached in ((demo["baseline"], demo["bits"]), (demo["rivals"], demo["curve"][-1])):
        assert reached < scores["trigram"] - 0.2 < scores["bigram"] < scores["unigram"]
    assert all(later < earlier for earlier, later in zip(demo["curve"], demo["curve"][1:], strict=False))


@pytest.mark.claim("demos_counting_ahead")
def test_the_strongest_rival_stays_ahead_of_the_network(demo):
    """In this short training, and by more than another stretch of the text would change."""
    assert demo["gap"] > demo["gap_error"] > 0
    assert demo["curve"][-1] > demo["rivals"][demo["strongest"]]


def test_the_parameters_are_counted_from_the_formula(demo):
    V, E, H = len(demo["alphabet"]), 64, 128
    gates = {"rnn": 1, "lstm": 4, "gru": 3}[demo["cell"]]
    assert demo["parameters"] == V * E + gates * (H * E + H * H + 2 * H) + V * H + V


def test_the_first_updates_agree_with_another_training_loop(demo):
    """Adam, decay, clipping and truncation written out; gradients from torch."""
    torch.manual_seed(27)
    model = demo["Guesser"](len(demo["alphabet"]))
    params, lr, updates = list(model.parameters()), demo["learning_rate"], 800
    m, v = [torch.zeros_like(p) for p in params], [torch.zeros_like(p) for p in params]
    data = torch.from_numpy(indices(demo["parts"]["train"], demo["alphabet"]))
    length, state, curve = len(data) // 32, None, []
    for k in range(12):
        rows = [data[b * length + 32 * k : b * length + 32 * k + 33] for b in range(32)]
        x = torch.stack(rows)
        scores, state = model(x[:, :-1], state)
        state = tuple(s.detach() for s in state) if demo["cell"] == "lstm" else state.detach()
        loss = -scores.log_softmax(-1).gather(2, x[:, 1:, None]).mean()
        grads = torch.autograd.grad(loss, params)
        norm = torch.cat([g.flatten() for g in grads]).norm()
        with torch.no_grad():
            for i, (p, g) in enumerate(zip(params, grads, strict=True)):
                g = g * min(1.0, 1 / (norm + 1e-6))
                m[i] = 0.9 * m[i] + 0.1 * g
                v[i] = 0.999 * v[i] + 0.001 * g * g
                m_hat, v_hat = m[i] / (1 - 0.9 ** (k + 1)), v[i] / (1 - 0.999 ** (k + 1))
                p -= lr * (1 - k / updates) * m_hat / (v_hat.sqrt() + 1e-8)
        if k + 1 in (6, 12):
            pieces = [indices(piece, demo["alphabet"]) for piece in pieces_of(demo["parts"]["validation"])]
            curve.append(bits_by_hand({"model": model, "cell": demo["cell"]}, np.stack(pieces)).mean())
    assert demo["curve"][:2] == pytest.approx(curve, abs=2e-4)


def test_it_writes_from_its_state_alone(demo):
    """Its text is the one drawn when the whole text so far is read anew for each character."""
    model, alphabet, text = demo["model"], demo["alphabet"], "The "
    torch.manual_seed(1)
    written = demo["write"](text, 40)
    torch.manual_seed(1)
    with torch.no_grad():
        for _ in range(40):
            scores = model(torch.from_numpy(indices(text, alphabet))[None])[0][0, -1]
            text += alphabet[torch.multinomial(scores.exp() / scores.exp().sum(), 1)]
    assert written == text


# ---- the figure


def test_the_figure_draws_the_curve_and_the_rivals(demo):
    *rivals, curve = demo["ax"].get_lines()
    assert list(curve.get_ydata()) == demo["curve"]
    assert list(curve.get_xdata()) == list(demo["MARKS"])
    labels = {text.get_text(): text.get_position()[1] for text in demo["ax"].texts}
    assert labels.pop(demo["cell"].upper())
    assert labels == {name: demo["rivals"][name] for name in ("unigram", "bigram", "trigram", demo["strongest"])}
    assert sorted(line.get_ydata()[0] for line in rivals) == sorted(labels.values())


# ---- repeats


def test_a_fresh_process_repeats_bit_for_bit_and_writes_no_warning(tmp_path):
    """With less training: pasted into an empty folder, and here, with other string hashes."""
    short = re.sub(r"(?m)^MARKS = .*$", "MARKS = (2, 4, 6, 8)", source("lstm"))
    assert short != source("lstm")
    pasted = tmp_path / "pasted.py"
    ending = "\nprint(curve, bits, gap_error, sum(p.double().sum().item() for p in model.parameters()))\n"
    pasted.write_text(short + ending)
    env = {**os.environ, "PYTHONHASHSEED": "27", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    env.pop("PYTHONPATH", None)
    fresh = subprocess.run([sys.executable, "pasted.py"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (fresh.returncode, fresh.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == [pasted]
    assert run(pasted)[1] == fresh.stdout
