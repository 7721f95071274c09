"""Converters, gate orders and the reset's two places, against libraries and NumPy steps of our own."""

import contextlib
import itertools
import os
import re
from pathlib import Path

os.environ |= {"KERAS_BACKEND": "torch", "KERAS_HOME": os.devnull}

import keras
import numpy as np
import pytest
import torch
import torch.nn as nn

from hooks.snippet import read_snippet

ROOT = Path(__file__).parent.parent
SHAPES = [(1, 1, 1, 1), (4, 2, 3, 5), (3, 4, 6, 2), (5, 1, 2, 7)]  # T, B, I, H
SEEDS = range(1, 6)
KINDS = ("RNN", "LSTM", "GRU")
TORCH = {"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"}
ONNX = {"RNN": "h", "LSTM": "iofg", "GRU": "zrn"}
KERAS = {"RNN": "h", "LSTM": "ifgo", "GRU": "zrn"}
KERAS_LAYER = {"RNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}


def load(name, *cells):
    """What the named cells of a snippet define."""
    snippet = read_snippet(ROOT, f"snippets/conventions/{name}.py")
    by_name = {cell.name: cell.source for cell in snippet.code}
    names = {}
    for cell in cells or by_name:
        exec(by_name[cell], names)
    return names


ONNX_CODE = load("to_onnx", "convert", "run")
KERAS_CODE = load("to_keras", "convert")
to_onnx, from_onnx, run_onnx = (ONNX_CODE[name] for name in ("to_onnx", "from_onnx", "run_onnx"))
to_keras, from_keras = KERAS_CODE["to_keras"], KERAS_CODE["from_keras"]


# A cell as named blocks, and its steps in NumPy


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def draw(kind, I, H, seed=0, dtype="float64"):  # noqa: E741
    """gate -> (W (H, I), R (H, H), input's bias (H), state's bias (H)), all distinct."""
    rng = np.random.default_rng(seed)
    return {g: tuple(rng.normal(size=s).astype(dtype) for s in ((H, I), (H, H), H, H)) for g in TORCH[kind]}


def stack(blocks, order, part):
    return np.concatenate([blocks[gate][part] for gate in order])


def numpy_step(blocks, x, states, place="after", keeps=True):
    """The new states of one step, by the name of each gate."""
    h = states[0]
    a = {g: x @ W.T + b for g, (W, R, b, c) in blocks.items()}
    u = {g: h @ R.T + c for g, (W, R, b, c) in blocks.items()}
    if "h" in blocks:
        return [np.tanh(a["h"] + u["h"])]
    if "n" in blocks:
        r, z = (sigmoid(a[g] + u[g]) for g in "rz")
        seen = r * u["n"] if place == "after" else (r * h) @ blocks["n"][1].T + blocks["n"][3]
        n = np.tanh(a["n"] + seen)
        return [z * h + (1 - z) * n if keeps else (1 - z) * h + z * n]
    i, f, o = (sigmoid(a[g] + u[g]) for g in "ifo")
    c = f * states[1] + i * np.tanh(a["g"] + u["g"])
    return [o * np.tanh(c), c]


def numpy_run(blocks, xs, states, **options):
    """(T, B, I) -> output (T, B, H), last states."""
    output = []
    for x in xs:
        states = numpy_step(blocks, x, states, **options)
        output.append(states[0])
    return np.stack(output), states


def torch_layer(kind, *directions, batch_first=False):
    W = directions[0][TORCH[kind][0]][0]
    form = {"dtype": torch.from_numpy(W).dtype, "bidirectional": len(directions) == 2}
    layer = getattr(nn, kind)(W.shape[1], W.shape[0], batch_first=batch_first, **form)
    arrays = [stack(blocks, TORCH[kind], part) for blocks in directions for part in range(4)]
    with torch.no_grad():
        for parameter, array in zip(layer.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))
    return layer


def onnx_arrays(kind, *directions):
    W, R, b, c = (np.stack([stack(d, ONNX[kind], part) for d in directions]) for part in range(4))
    return W, R, np.concatenate([b, c], axis=1)


def keras_weights(kind, blocks):
    W, R, b, c = (stack(blocks, KERAS[kind], part) for part in range(4))
    return [W.T, R.T, np.stack([b, c]) if kind == "GRU" else b + c]


def inputs(kind, shape, seed=0, directions=1, dtype="float64"):
    """xs (T, B, I) and states, (D, B, H) each."""
    T, B, I, H = shape  # noqa: E741
    rng = np.random.default_rng(1000 + seed)
    count = 2 if kind == "LSTM" else 1
    return (rng.normal(size=(T, B, I)).astype(dtype),
            [rng.normal(size=(directions, B, H)).astype(dtype) for _ in range(count)])  # fmt: skip


def assert_equal(ours, theirs):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b)


def parameters(layer):
    return [p.detach().numpy() for p in layer.parameters()]


def far(a, b):
    return np.abs(np.asarray(a) - np.asarray(b)).max()


# PyTorch and ONNX


@pytest.mark.claim("conventions_onnx_back")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_through_onnx_nothing_changes(kind, shape, directions, dtype):
    drawn = [draw(kind, *shape[2:], seed=seed, dtype=dtype) for seed in range(directions)]
    layer, arrays = torch_layer(kind, *drawn), onnx_arrays(kind, *drawn)
    assert_equal(to_onnx(layer), arrays)
    again = from_onnx(kind, *arrays)
    assert type(again) is type(layer) and again.bidirectional == (directions == 2)
    assert_equal(parameters(again), parameters(layer))


@pytest.mark.claim("conventions_onnx")
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runtime_computes_the_same(kind, shape, directions):
    flag = {"linear_before_reset": 1} if kind == "GRU" else {}
    for seed in SEEDS:
        drawn = [draw(kind, *shape[2:], seed=seed + 10 * d, dtype="float32") for d in range(directions)]
        layer = torch_layer(kind, *drawn)
        xs, states = inputs(kind, shape, seed, directions, "float32")
        output, last = run_onnx(kind, *to_onnx(layer), xs, states, **flag)
        hx = [torch.from_numpy(s) for s in states]
        theirs, end = layer(torch.from_numpy(xs), tuple(hx) if kind == "LSTM" else hx[0])
        ends = end if kind == "LSTM" else [end]
        for ours, expected in zip([output, *last], [theirs, *ends], strict=True):
            assert ours.shape == expected.shape and far(ours, expected.detach()) < 3e-6
        # by name, in NumPy: forward, and backward through time
        hand, hand_last = numpy_run(drawn[0], xs, [s[0] for s in states])
        H = shape[3]
        assert far(output[..., :H], hand) < 3e-6
        assert max(far(a[0], b) for a, b in zip(last, hand_last, strict=True)) < 3e-6
        if directions == 2:
            hand, hand_last = numpy_run(drawn[1], xs[::-1], [s[1] for s in states])
            assert far(output[..., H:], hand[::-1]) < 3e-6
            assert max(far(a[1], b) for a, b in zip(last, hand_last, strict=True)) < 3e-6


@pytest.mark.claim("conventions_onnx_flag")
@pytest.mark.parametrize("seed", SEEDS)
def test_without_its_flag_onnx_computes_another_gru(seed):
    shape = (7, 4, 3, 5)
    blocks = draw("GRU", 3, 5, seed, "float32")
    xs, states = inputs("GRU", shape, seed, dtype="float32")
    plain, _ = run_onnx("GRU", *to_onnx(torch_layer("GRU", blocks)), xs, states)
    start = [s[0] for s in states]
    assert far(plain, numpy_run(blocks, xs, start, place="before")[0]) < 3e-6
    assert far(plain, numpy_run(blocks, xs, start)[0]) > 0.01


def test_a_bias_of_zero_stays_zero():
    """As Keras's are at the start."""
    weights = [w.astype("float32") for w in keras_weights("RNN", draw("RNN", 3, 5))]
    weights[2][:3] = 0
    assert_equal(to_keras(from_keras("RNN", weights)), weights)


def test_weights_of_a_reset_before_gru_are_refused():
    with pytest.raises((ValueError, IndexError)):
        from_keras("GRU", keras_layer("GRU", 3, 5, reset_after=False).get_weights())


@pytest.mark.parametrize("convert", [to_onnx, to_keras])
def test_a_converter_refuses_a_layer_that_is_not_tanh(convert):
    with pytest.raises(KeyError):
        convert(nn.RNN(3, 5, nonlinearity="relu"))


def test_the_check_of_the_onnx_converter(capsys):
    values = load("to_onnx")
    assert 0 < values["worst"] < values["TOLERANCE"] == 1e-6 and values["same"] is True
    assert values["worst"] == max(values["off"].values())
    assert set(values["off"]) == {"rnn", "lstm", "gru", "rnn_both", "lstm_both", "gru_both"}
    assert len(set(values["off"].values())) > 3  # six layers, not one six times
    assert values["forgotten"] > 0.1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "largest difference below 1e-6: True" and second == "there and back, bit for bit:   True"
    assert third == f"GRU without linear_before_reset=1: off by {values['forgotten']:.2f}"
    assert (values["gru"].input_size, values["gru"].hidden_size) == (3, 5)
    once, again, other = (values["difference"](values["gru"], seed=seed) for seed in (1, 1, 2))
    assert once == again != other
    torch.manual_seed(0)  # the page's seeds, and nothing else random
    for kind, both in itertools.product(KINDS, (False, True)):
        layer = getattr(nn, kind)(3, 5, bidirectional=both)
        flag = {"linear_before_reset": 1} if kind == "GRU" else {}
        assert values["difference"](layer, 0, **flag) == values["off"][kind.lower() + "_both" * both]
        from_onnx(kind, *to_onnx(layer))  # draws numbers too
    assert values["difference"](nn.GRU(3, 5), 0) == values["forgotten"]
    # the measure itself: it sees a state or an output that is off, or one too many
    values["run_onnx"] = lambda *a, **k: (run_onnx(*a, **k)[0], [*run_onnx(*a, **k)[1], None])
    with pytest.raises(ValueError):
        values["difference"](nn.LSTM(3, 5), seed=1)
    values["run_onnx"] = run_onnx
    broken = lambda W, R, B: (W, R, B + 0.1)  # noqa: E731
    values["to_onnx"] = lambda layer: broken(*to_onnx(layer))
    assert values["difference"](nn.LSTM(3, 5), seed=1) > 0.01
    values["to_onnx"] = to_onnx
    for index in range(3):

        def spoiled(*arguments, at=index, **attributes):
            output, last = run_onnx(*arguments, **attributes)
            [output, *last][at][-1, -1, -1] += 0.5
            return output, last

        values["run_onnx"] = spoiled
        assert values["difference"](nn.LSTM(3, 5), seed=1) > 0.4
        if index < 2:
            assert values["difference"](nn.RNN(3, 5), seed=1) > 0.4


# PyTorch and Keras


def keras_layer(kind, I, H, dtype="float64", **options):  # noqa: E741
    layer = KERAS_LAYER[kind](H, return_sequences=True, return_state=True, dtype=dtype, **options)
    layer.build((None, None, I))
    return layer


@pytest.mark.claim("conventions_keras_back")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_through_keras_only_split_biases_change(kind, shape, dtype):
    blocks = draw(kind, *shape[2:], seed=3, dtype=dtype)
    layer, weights = torch_layer(kind, blocks), keras_weights(kind, blocks)
    assert_equal(to_keras(layer), weights)
    again = from_keras(kind, weights)
    assert again.batch_first and type(again) is type(layer)
    assert_equal(to_keras(again), weights)
    W, R, b, c = parameters(layer)
    if kind != "GRU":
        b, c = b + c, 0 * c
    assert_equal(parameters(again), [W, R, b, c])


@pytest.mark.claim("conventions_keras")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_keras_computes_the_same(kind, shape):
    tolerance = 2e-6 if kind == "RNN" else 1e-12
    theirs = keras_layer(kind, *shape[2:])
    for seed in SEEDS:
        blocks = draw(kind, *shape[2:], seed=seed)
        layer = torch_layer(kind, blocks, batch_first=True)
        theirs.set_weights(to_keras(layer))
        xs, states = inputs(kind, shape, seed)
        output, *last = theirs(np.swapaxes(xs, 0, 1).copy(), initial_state=[s[0] for s in states])
        hand, hand_last = numpy_run(blocks, xs, [s[0] for s in states])
        assert far(output.detach().swapaxes(0, 1), hand) < tolerance
        assert max(far(a.detach(), b) for a, b in zip(last, hand_last, strict=True)) < tolerance
        for net in (layer, from_keras(kind, theirs.get_weights())):
            hx = [torch.from_numpy(s) for s in states]
            ours = net(torch.from_numpy(xs).swapaxes(0, 1), tuple(hx) if kind == "LSTM" else hx[0])[0]
            assert far(ours.detach().swapaxes(0, 1), hand) < 1e-12


@pytest.fixture(scope="module")
def keras_snippet():
    return load("to_keras")


def test_the_check_of_the_keras_converter(capsys):
    values = load("to_keras")
    printed = capsys.readouterr().out.splitlines()
    ends = {"RNN": "1e-06; 2", "LSTM": "1e-12; 2", "GRU": "1e-12; 4"}
    expected = [f"{kind}: off by less than {end} of 4 tensors return as they were" for kind, end in ends.items()]
    assert printed[:4] == [*expected, "Keras to PyTorch and back, bit for bit: True"]
    counts = [f"| {kind.upper()} | {n['torch']:,d} | {n['keras']:,d} |" for kind, n in values["counts"].items()]
    assert printed[4:9] == ["| parameters of the layer | PyTorch | Keras |", "|---|---|---|", *counts]
    rows = zip(*(values["start"][name].items() for name in ("PyTorch", "Keras")), strict=True)
    assert printed[11:] == [f"| {row} | {ours} | {theirs} |" for (row, ours), (_, theirs) in rows]
    assert values["TOLERANCE"] == {"RNN": 1e-6, "LSTM": 1e-12, "GRU": 1e-12} and values["kept"] is True
    assert values["survive"] == {"rnn": 2, "lstm": 2, "gru": 4}
    assert 0 < values["off"]["lstm"] < 1e-12 and 0 < values["off"]["gru"] < 1e-12
    assert 1e-9 < values["off"]["rnn"] < 1e-6  # float32 inside: if Keras mends it, say so on the page
    torch.manual_seed(0)  # the page's seed, and nothing else random
    for kind in KINDS:  # the measure itself: it sees every output and state that is off, or one too many
        layer = getattr(nn, kind)(3, 5, batch_first=True, dtype=torch.float64)
        theirs = keras_layer(kind, 3, 5)
        theirs.set_weights(to_keras(layer))
        assert values["difference"](layer, theirs, seed=0) == values["off"][kind.lower()]
        from_keras(kind, to_keras(layer))  # draws numbers too
        assert values["difference"](layer, theirs, seed=5) < 1e-6
        with pytest.raises(ValueError):
            values["difference"](layer, lambda *a, theirs=theirs, **k: [*theirs(*a, **k), None], seed=5)
        for at in range(3 if kind == "LSTM" else 2):

            def spoiled(*arguments, at=at, theirs=theirs, **options):
                out = list(theirs(*arguments, **options))
                out[at] = out[at].detach().clone()
                out[at][(-1,) * out[at].ndim] += 0.5
                return out

            assert values["difference"](layer, spoiled, seed=5) > 0.4


@pytest.mark.claim("conventions_counts", "conventions_folk_count")
def test_the_two_counts_of_one_lstm(keras_snippet):
    gates = {"rnn": 1, "lstm": 4, "gru": 3}
    core = {name: g * (25 * 100 + 100 * 100) for name, g in gates.items()}
    for name, counts in keras_snippet["counts"].items():
        assert counts["torch"] == core[name] + 2 * gates[name] * 100
        assert counts["keras"] == core[name] + (2 if name == "gru" else 1) * gates[name] * 100
    assert keras_snippet["counts"]["lstm"] == {"torch": 50_800, "keras": 50_400}
    assert (keras_snippet["INPUTS"], keras_snippet["UNITS"]) == (25, 100)
    older = keras_layer("GRU", 25, 100, reset_after=False)
    assert older.count_params() == core["gru"] + 300


@pytest.mark.claim("conventions_defaults")
@pytest.mark.parametrize("seed", SEEDS)
def test_how_layers_start(seed, keras_snippet):
    keras.utils.set_random_seed(seed)
    H, bound = 64, 64**-0.5
    for p in parameters(nn.LSTM(9, H)):
        assert 0.9 * bound < np.abs(p).max() <= bound
        assert np.abs(p).mean() / bound == pytest.approx(0.5, abs=0.1)  # uniform
    theirs = keras.layers.LSTM(H)
    theirs.build((None, None, 9))
    kernel, recurrent, bias = theirs.get_weights()
    assert (bias[H : 2 * H] == 1).all() and (np.delete(bias, np.s_[H : 2 * H]) == 0).all()
    assert np.abs(recurrent @ recurrent.T - np.eye(H)).max() < 1e-5
    assert np.abs(kernel).max() <= (6 / (9 + 4 * H)) ** 0.5
    ours, keras_start = (keras_snippet["start"][name] for name in ("PyTorch", "Keras"))
    assert keras_start["forget gate's bias"] == "1.0 to 1.0" and keras_start["other biases"] == "0.0 to 0.0"
    keras.utils.set_random_seed(0)  # the page's
    nn.LSTM(25, 100)
    R = keras_layer("LSTM", 25, 100).get_weights()[1]
    assert keras_start["state's weights"] == f"{R.min():.2f} to {R.max():.2f}"
    assert ours["input's weights"] == ours["state's weights"] == "-0.10 to 0.10"
    assert (ours["rows orthonormal"], keras_start["rows orthonormal"]) == ("False", "True")


@pytest.mark.claim("conventions_layouts")
def test_everything_lies_where_the_page_says():
    sizes = {"T": 4, "B": 2, "I": 3, "H": 5, "D": 2}
    page = (ROOT / "docs/conventions.md").read_text()
    table = page[page.index("### What lies where") : page.index("### How many parameters")]

    def shape(text):
        return tuple(eval(re.sub(r"(\d)([A-Z])", r"\1*\2", size), {}, sizes) for size in text.split(","))

    gru, lstm = nn.GRU(3, 5, bidirectional=True), nn.LSTM(3, 5, bidirectional=True)
    arrays = dict(gru.named_parameters()) | dict(zip("WR", to_onnx(gru), strict=False))
    arrays |= {w.name: w for w in keras_layer("GRU", 3, 5).weights}
    claimed = dict(re.findall(r"`(\w+)` \(([^)]*)\)", table.split("a GRU's biases")[0].split("a GRU's weights")[1]))
    assert len(claimed) == 6
    for name, text in claimed.items():
        assert tuple(arrays[name].shape) == shape(text), name
    assert gru.bias_ih_l0.shape == gru.bias_hh_l0.shape == (15,) and lstm.bias_ih_l0.shape == (20,)
    assert arrays["bias"].shape == (2, 15)
    assert keras_layer("GRU", 3, 5, reset_after=False).weights[2].shape == (15,)
    assert keras_layer("LSTM", 3, 5).weights[2].shape == (20,)
    assert to_onnx(gru)[2].shape == (2, 30) and to_onnx(lstm)[2].shape == (2, 40)
    for batch_first in (False, True):
        layer = nn.LSTM(3, 5, bidirectional=True, batch_first=batch_first)
        first = (2, 4) if batch_first else (4, 2)
        output, (h, c) = layer(torch.zeros(*first, 3))
        assert output.shape == (*first, 10) and h.shape == c.shape == (2, 2, 5)
    x = np.zeros((2, 4, 3), "float32")
    assert keras.layers.LSTM(5)(x).shape == (2, 5)
    output, h, c = keras.layers.LSTM(5, return_state=True, return_sequences=True)(x)
    assert output.shape == (2, 4, 5) and h.shape == c.shape == (2, 5)
    assert (output[:, -1] == h).all()  # h comes before c
    xs, states = inputs("LSTM", (4, 2, 3, 5), directions=2, dtype="float32")
    weights = dict(zip("XWRB", (xs, *to_onnx(lstm)), strict=True)) | {"h": states[0], "c": states[1]}
    form = {"hidden_size": 5, "direction": "bidirectional"}
    Y, h, c = ONNX_CODE["operator"]("LSTM", weights, ["Y", "h_", "c_"], **form).run(None, weights)
    assert Y.shape == (4, 2, 2, 5) and h.shape == c.shape == (2, 2, 5)
    np.testing.assert_array_equal(Y[-1, 0], h[0])


# Gates found by forcing them


@pytest.fixture(scope="module")
def gates():
    return load("gates")


def numpy_cell(order, **options):
    """A cell with blocks in this order, for the probes."""

    def step(kind, W, R, b_x, b_h, x, states):
        parts = [np.split(a, len(order)) for a in (W, R, b_x, b_h)]
        return numpy_step({g: [p[k] for p in parts] for k, g in enumerate(order)}, x, states, **options)

    return step


@pytest.mark.claim("conventions_blocks")
def test_each_library_has_the_blocks_that_the_page_lists(gates):
    expected = {"PyTorch": ("i f g o", "r z n", "after"), "ONNX": ("i o f g", "z r n", "before"),
                "ONNX, flag set": ("as above", "z r n", "after"), "Keras": ("i f g o", "z r n", "after"),
                "Keras, flag set": ("as above", "z r n", "before")}  # fmt: skip
    assert gates["found"] == {
        name: {"lstm": lstm, "gru": gru, "z": "keeps", "reset": place} for name, (lstm, gru, place) in expected.items()
    }
    for name, step in gates["LIBRARIES"].items():
        lstm, gru, place = expected[name]
        kinds = {"GRU": gru.replace(" ", "")} | ({} if "flag" in name else {"LSTM": lstm.replace(" ", "")})
        for (kind, order), seed in itertools.product(kinds.items(), SEEDS):
            rng = np.random.default_rng(seed)
            G = len(order)
            arrays = [rng.normal(size=s).astype("float32") for s in ((G * 2, 1), (G * 2, 2), G * 2, G * 2, (1, 1))]
            states = list(rng.normal(size=(2 if kind == "LSTM" else 1, 1, 2)).astype("float32"))
            found = step(kind, *arrays, states)
            fits = {
                "".join(other): max(map(far, found, numpy_cell(other, place=place)(kind, *arrays, states)))
                for other in itertools.permutations(order)
            }
            assert fits.pop(order) < 2e-6 and min(fits.values()) > 1e-4


@pytest.mark.parametrize("order", ["".join(p) for p in itertools.permutations("ifgo")])
def test_the_probe_finds_any_order_of_an_lstm(gates, order):
    assert "".join(gates["lstm_block"](numpy_cell(order), k) for k in range(4)) == order


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("order", ["".join(p) for p in itertools.permutations("rzn")])
def test_the_probe_finds_any_gru(gates, order, keeps, place):
    found = gates["gru_blocks"](numpy_cell(order, place=place, keeps=keeps))
    assert found == (" ".join(order), "keeps" if keeps else "writes", place)


# Printed formulas


@pytest.mark.claim("conventions_formulas")
def test_each_printed_gru_is_exactly_one_of_four(capsys):
    values = load("formulas")
    expected = {
        "Cho et al. 2014, v1": ("keeps", "after", ""),
        "Cho et al. 2014, v3": ("keeps", "before", ""),
        "Chung et al. 2014": ("writes", "before", ""),
        "colah 2015": ("writes", "before", ""),
        "D2L": ("keeps", "before", "b_r b_z b_n"),
        "Flax": ("keeps", "after", "b_r b_z b_n c_n"),
        "cuDNN": ("keeps", "after", "b_r b_z b_n c_r c_z c_n"),
    }
    assert list(values["FORMULAS"]) == list(expected)
    printed = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [tuple(row[:3]) for row in printed] == [(name, z, place) for name, (z, place, _) in expected.items()]
    counts = {0: "none", 3: "one", 4: "one, but two in n", 6: "two"}
    assert [row[3] for row in printed] == [counts[len(has.split())] for _, _, has in expected.values()]
    assert 0 < values["worst"] < values["TOLERANCE"] == 1e-6 and values["nearest"] > 0.01
    for (name, (z, place, has)), seed in itertools.product(expected.items(), SEEDS):
        best, off, second, biases = values["read"](values["FORMULAS"][name], seed)
        assert best == (z, place) and off < 1e-6 and second > 1e-3 and set(biases) == set(has.split())
        blocks = draw("GRU", 3, 5, seed)
        w = {f"{a}_{g}": part for g, parts in blocks.items() for a, part in zip("WUbc", parts, strict=True)}
        bare = {
            g: (W, R, b * (f"b_{g}" in has.split()), c * (f"c_{g}" in has.split()))
            for g, (W, R, b, c) in blocks.items()
        }
        xs, states = inputs("GRU", (1, 1, 3, 5), seed)
        hand = numpy_step(bare, xs[0], [states[0][0]], place=place, keeps=z == "keeps")[0]
        assert far(values["FORMULAS"][name](xs[0, 0], states[0][0, 0], w), hand[0]) < 1e-14
        # and the library that has this place of the reset
        cell = keras.layers.GRUCell(5, reset_after=place == "after")
        cell.build((None, 3))
        turned = {g: [(-p if g == "z" and z == "writes" else p) for p in parts] for g, parts in bare.items()}
        W, R, b, c = (stack(turned, "zrn", part) for part in range(4))
        cell.set_weights([W.T, R.T, np.stack([b, c]) if place == "after" else b + c])
        theirs, _ = cell(xs[0].astype("float32"), [states[0][0].astype("float32")])
        assert far(theirs.detach(), hand) < 3e-6


# The place of the reset


@pytest.fixture(scope="module")
def reset():
    return load("reset", "steps", "witness", "same")


def test_both_steps_of_the_reset_are_what_they_are_called(reset):
    for seed, place in itertools.product(SEEDS, ("before", "after")):
        blocks = draw("GRU", 3, 5, seed)
        xs, states = inputs("GRU", (1, 4, 3, 5), seed)
        weights = [torch.from_numpy(stack(blocks, "rzn", part)) for part in range(4)]
        ours = reset["step"](place, torch.from_numpy(xs[0]), torch.from_numpy(states[0][0]), *weights)
        assert far(ours, numpy_step(blocks, xs[0], [states[0][0]], place=place)[0]) < 1e-14
        if place == "after":
            cell = nn.GRUCell(3, 5, dtype=torch.float64)
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            arguments = (torch.from_numpy(xs[0]), torch.from_numpy(states[0][0]))
            theirs = torch.func.functional_call(cell, dict(zip(names, weights, strict=True)), arguments)
            assert far(ours, theirs.detach()) < 1e-14


def witness_weights():
    """r_1 = sigmoid(x), all other gates one half, W_hn all ones; in the order r, z, n."""
    W, R = np.zeros((6, 1), "float32"), np.zeros((6, 2), "float32")
    W[0], R[4:] = 1, 1
    return W, R


@pytest.mark.claim("conventions_reset_rows")
@pytest.mark.parametrize("x", [-3.0, -1.0, 0.0, 0.7, 2.5])
def test_reset_after_scales_rows_and_reset_before_columns(reset, x):
    s = sigmoid(x)
    after, before = np.array([[s, s], [0.5, 0.5]]), np.array([[s, 0.5], [s, 0.5]])
    assert far(reset["looks"]("after", x), after) < 1e-12
    assert far(reset["looks"]("before", x), before) < 1e-12
    W, R = witness_weights()
    cell = nn.GRUCell(1, 2)
    for parameter, value in zip(cell.parameters(), (W, R, 0, 0), strict=True):
        parameter.data = torch.as_tensor(value) + torch.zeros_like(parameter)
    slopes = torch.autograd.functional.jacobian(lambda h: cell(torch.tensor([x]), h), torch.zeros(2))
    assert far(2 * slopes - torch.eye(2), after) < 1e-6
    for flag, expected in ((True, after), (False, before)):  # Keras, by differences
        theirs = keras.layers.GRUCell(2, reset_after=flag)
        theirs.build((None, 1))
        order = [2, 3, 0, 1, 4, 5]
        theirs.set_weights([W[order].T, R[order].T, np.zeros((2, 6) if flag else 6)])
        h = np.array([[0.01, 0], [0, 0.01], [-0.01, 0], [0, -0.01]], "float32")
        new = theirs(np.full((4, 1), x, "float32"), [h])[0].detach().numpy()
        columns = (new[:2] - new[2:]) / 0.02  # row j: by h_j
        assert far(2 * columns.T - np.eye(2), expected) < 1e-3


@pytest.mark.claim("conventions_dose", "conventions_reset_fit")
def test_no_fit_of_the_other_form_comes_near():
    """Other nets than the page's, and an optimiser that finds the form when it can."""
    snippet = read_snippet(ROOT, "snippets/conventions/reset.py")
    names = load("reset", "steps")
    (source,) = (cell.source for cell in snippet.code if cell.name == "fit")
    exec(source[: source.index("left = {")], names)
    for seed in (101, 102):
        assert names["fit"]("before", seed).min() > 3e-4
        assert names["fit"]("after", seed).min() < 1e-9


@pytest.mark.claim("conventions_reset_cases")
def test_the_two_forms_agree_just_where_the_page_says(reset):
    offs = list(reset["offs"].values())
    assert [off < 1e-12 for off in offs] == [False, True, False, False, True, False, True]
    assert min(off for off in offs if off > 1e-12) > 0.1
    for seed in SEEDS:
        xs, states = inputs("GRU", (1, 4, 3, 5), seed)

        def apart(after, before, x=xs[0], h=states[0][0]):
            return far(*(numpy_step(b, x, [h], place=p)[0] for b, p in ((after, "after"), (before, "before"))))

        def with_n(R, c, blocks):
            return blocks | {"n": (blocks["n"][0], R, blocks["n"][2], c)}

        blocks, rng = draw("GRU", 3, 5, seed), np.random.default_rng(seed)
        scale, turn, zero = np.diag(rng.normal(size=5)), np.eye(5)[rng.permutation(5)], np.zeros(5)
        diagonal = with_n(scale, zero, blocks)
        assert apart(diagonal, diagonal) < 1e-12
        biased = with_n(scale, zero + 1, blocks)
        assert apart(biased, biased) > 0.01
        lone = with_n(scale @ turn, zero, blocks)  # unit k looks at one unit: turn[k]
        moved = lone | {"r": tuple(turn.T @ part for part in lone["r"])}
        assert apart(lone, moved) < 1e-12
        W, R, b, c = blocks["r"]
        still = blocks | {"r": (0 * W, 0 * R, b, c)}
        r, (_, R_n, _, c_n) = sigmoid(b + c), blocks["n"]
        assert apart(still, with_n(np.diag(r) @ R_n @ np.diag(1 / r), r * c_n, still)) < 1e-12
        assert apart(blocks, blocks) > 0.01
        single = draw("GRU", 3, 1, seed)  # one unit: alike without b_hn, not with it
        without = with_n(single["n"][1], np.zeros(1), single)
        assert apart(without, without, h=states[0][0, :, :1]) < 1e-12
        assert apart(single, single, h=states[0][0, :, :1]) > 1e-5


# Two biases


@pytest.fixture(scope="module")
def biases():
    return load("biases")


def bias_effects(kind, seed, H=4):
    """block -> (change of the output when 1 moves from one bias to the other, gap of the gradients)."""
    blocks = draw(kind, 3, H, seed)
    xs, _ = inputs(kind, (5, 2, 3, H), seed)
    layer = torch_layer(kind, blocks)
    layer(torch.from_numpy(xs))[0].pow(3).sum().backward()
    start = [np.zeros((2, H))] * (2 if kind == "LSTM" else 1)
    base, found = numpy_run(blocks, xs, start)[0], {}
    for k, (gate, (W, R, b, c)) in enumerate(blocks.items()):
        moved = numpy_run(blocks | {gate: (W, R, b - 1, c + 1)}, xs, start)[0]
        rows = slice(k * H, (k + 1) * H)
        gap = layer.bias_ih_l0.grad[rows] - layer.bias_hh_l0.grad[rows]
        found[gate] = far(moved, base), gap.abs().max().item()
    return found


@pytest.mark.claim("conventions_biases_sum")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_where_only_the_sum_of_the_biases_counts(kind, seed, biases):
    for change, gap in bias_effects(kind, seed).values():
        assert change < 1e-12 and gap < 1e-12
    for gate in TORCH[kind]:
        key = f"{kind.lower()}_{gate}"
        assert biases["moved"][key] < 1e-12 and biases["apart"][key] < 1e-12


@pytest.mark.claim("conventions_biases_n")
@pytest.mark.parametrize("seed", SEEDS)
def test_where_the_second_bias_matters(seed, biases):
    found = bias_effects("GRU", seed)
    assert min(found["n"]) > 0.01 and max(*found["r"], *found["z"]) < 1e-12
    assert biases["moved"]["gru_n"] > 0.1 and biases["apart"]["gru_n"] > 0.1
    assert max(biases["moved"][key] for key in ("gru_r", "gru_z")) < 1e-12


# The checks on the page can turn red


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "found"), [("to_onnx", "same"), ("to_keras", "kept")])
def test_the_check_of_a_converter_sees_one_weight_that_comes_back_changed(name, found, kind):
    """In a layer of any kind, not only in the last; onnx and keras."""
    back = {"to_onnx": from_onnx, "to_keras": from_keras}[name]

    def spoiled(given, *arguments):
        layer = back(given, *arguments)
        if given == kind:
            with torch.no_grad():
                next(layer.parameters())[-1, -1] += 1
        return layer

    cells = {cell.name: cell.source for cell in read_snippet(ROOT, f"snippets/conventions/{name}.py").code}
    names = load(name, *[cell for cell in ("convert", "run") if cell in cells])
    names[f"from_{name.removeprefix('to_')}"] = spoiled
    with contextlib.suppress(AssertionError):
        exec(cells["check"], names)
    assert names[found] is False
