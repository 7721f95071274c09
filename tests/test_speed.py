"""The studies of speed: that they time what they say, that their records are sound, that the order holds afresh."""

import ast
import platform
import runpy
from collections import Counter
from functools import cache
from pathlib import Path

import matplotlib
import pytest
import torch
import torch.nn as nn
from studies import finish, load
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils._python_dispatch import TorchDispatchMode

matplotlib.use("Agg")
ROOT = Path(__file__).parents[1]
STUDIES = ("layers", "loop", "packed", "scan")
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
HAS_ONEDNN = platform.machine() == "x86_64" and torch.backends.mkldnn.is_available()


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def study(name):
    """What the page quotes: the study with its record."""
    return finish(f"speed/{name}", load(f"speed/{name}"))


def afresh(name):
    """The names that the study's own functions see, to run a small part of it: one repetition each."""
    names = load(f"speed/{name}")["run"].__globals__
    names["REPETITIONS"] = 1
    return names


class Seen(TorchDispatchMode):
    """Counts operations, forward and backward, and the numbers that they make. Not torch's profiler."""

    def __init__(self):
        super().__init__()
        self.calls, self.made = Counter(), Counter()

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        name = function.overloadpacket.__name__
        self.calls[name] += 1
        self.made[name] += result.numel() if isinstance(result, torch.Tensor) else 0
        return result


def train(layer, x):
    output = layer(x)[0]
    (output if isinstance(output, torch.Tensor) else output.data).sum().backward()


def seen_in(task, *given):
    with Seen() as seen:
        task(*given)
    return seen


# what ran


def test_all_studies_time_alike():
    def functions(name):
        tree = ast.parse((ROOT / f"snippets/speed/{name}.py").read_text())
        return {f.name: ast.dump(f) for f in tree.body if isinstance(f, ast.FunctionDef)}

    for name in STUDIES[1:]:
        for function in ("milliseconds", "race"):
            assert functions(name)[function] == functions("layers")[function]


def test_the_least_time_counts_and_rivals_take_turns(monkeypatch):
    names = load("speed/layers")
    order, clock = [], [0.0]
    costs = iter([5, 30, 4, 20, 6, 40])  # ms

    def work(name):
        order.append(name)
        clock[0] += next(costs) / 1000

    monkeypatch.setattr(names["time"], "process_time", lambda: clock[0])
    least = names["race"]({"a": lambda: work("a"), "b": lambda: work("b")}, 3)
    assert order == ["a", "b"] * 3
    assert least == pytest.approx({"a": 4, "b": 20})


@pytest.mark.claim("speed_dose_onednn", "speed_one_call", "speed_when")
def test_onednn_serves_the_lstm_alone():
    """By another instrument than the page's: the dispatcher, not the profiler."""
    kernel = runpy.run_path(str(ROOT / "snippets/speed/kernel.py"))
    torch.manual_seed(3)
    for B, T, H in ((1, 5, 8), (6, 20, 64)):
        x = torch.randn(B, T, H)
        for name, make in LAYERS.items():
            calls = seen_in(train, make(H, H, batch_first=True), x).calls
            products = calls["mm"] + calls["addmm"]
            if name == "lstm" and HAS_ONEDNN:
                assert calls["mkldnn_rnn_layer"] == calls["mkldnn_rnn_layer_backward"] == 1 and products == 0
            else:
                assert calls["mkldnn_rnn_layer"] == 0 and products == 3 * T + 1
            with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
                assert seen_in(train, make(H, H, batch_first=True), x).calls["mkldnn_rnn_layer"] == 0
    if HAS_ONEDNN:
        assert set(kernel["uses"]) == set(kernel["cases"]) and len(kernel["cases"]) == 7
        for case, given in kernel["cases"].items():
            assert kernel["uses"][case] == (seen_in(train, *given).calls["mkldnn_rnn_layer"] > 0)
            assert kernel["uses"][case] == (case not in ("packed, unequal lengths", "float64"))


def test_each_entrant_runs_what_its_name_says():
    names = afresh("layers")

    def race(tasks, rounds):
        return {name: seen_in(task).calls for name, task in tasks.items()}

    names["race"] = race
    found = names["run"](B=2, T=6, H=16, rounds=1)
    assert set(found) == {"forward", "training"}
    expected = {*LAYERS, *(f"{name}_off" for name in LAYERS), "rnn_matched", "gru_matched"}
    for kind, entrants in found.items():
        assert set(entrants) == expected
        for name, (calls,) in entrants.items():
            assert (calls["mkldnn_rnn_layer"] > 0) == (name == "lstm" and HAS_ONEDNN), name
            back = [key for key in calls if "backward" in key]
            assert bool(back) == (kind == "training"), name


def test_matched_layers_have_the_parameters_of_the_lstm():
    names = study("layers")
    for key, size in names["sizes"].items():
        H = size["H"]
        counts = {name: sum(w.numel() for w in layer.parameters()) for name, layer in names["entrants"](H).items()}
        for name in ("rnn", "lstm", "gru"):
            assert counts[name] == names["parameters"](name, H, H)
        for name in ("rnn_matched", "gru_matched"):
            assert counts[name] == pytest.approx(counts["lstm"], rel=0.02 if H < 64 else 0.01), (key, name)


@pytest.mark.parametrize("name", LAYERS)
def test_loops_equal_torch(name):
    names = load("speed/loop")
    for seed, (B, T, I, H) in enumerate([(1, 1, 1, 1), (4, 9, 3, 8), (2, 30, 6, 5)]):  # noqa: E741
        torch.manual_seed(100 + seed)
        layer = LAYERS[name](I, H, batch_first=True, dtype=torch.float64)
        x = torch.randn(B, T, I, dtype=torch.float64, requires_grad=True)
        pull = torch.randn(B, T, H, dtype=torch.float64)
        leaves = [x, *layer.parameters()]
        ours, theirs = names["LOOPS"][name](x, *layer.parameters()), layer(x)[0]
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
        slopes = [torch.autograd.grad(states, leaves, pull) for states in (ours, theirs)]
        torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-11)


# packed


@pytest.mark.parametrize("name", LAYERS)
def test_packed_and_bucketed_equal_each_sequence_alone(name):
    names = load("speed/packed")
    torch.manual_seed(5)
    lengths = torch.tensor([3, 9, 1, 6, 6, 2, 8, 4])
    x, layer = torch.randn(8, 9, 4), LAYERS[name](4, 5, batch_first=True)
    alone = [layer(x[k : k + 1, :n])[0][0] for k, n in enumerate(lengths)]
    packed = names["packed"](layer, x, lengths)
    for k, n in enumerate(lengths):
        torch.testing.assert_close(packed[k, :n], alone[k], rtol=0, atol=1e-6)
        assert not packed[k, n:].any()
    buckets = names["bucketed"](layer, x, lengths)
    order = lengths.argsort()
    assert [len(bucket) for bucket in buckets] == [2, 2, 2, 2] and len(buckets) == names["BUCKETS"]
    rows = [row for bucket in buckets for row in bucket]
    for k, row in zip(order, rows, strict=True):
        torch.testing.assert_close(row[: lengths[k]], alone[k], rtol=0, atol=1e-6)
    assert [bucket.shape[1] for bucket in buckets] == [2, 4, 6, 9]


@pytest.mark.claim("speed_packed_square")
def test_packing_fills_zeros_by_the_square_of_the_length():
    def zeros(name, T, packed):
        torch.manual_seed(6)
        lengths = torch.arange(T - 3, T + 1).flip(0)
        layer, x = LAYERS[name](4, 4, batch_first=True), torch.randn(4, T, 4)
        given = pack_padded_sequence(x, lengths, batch_first=True) if packed else x
        with torch.backends.mkldnn.flags(enabled=packed, allow_tf32=None):  # torch's loop in both cases
            return seen_in(train, layer, given).made["slice_backward"]

    for name, gates in {"rnn": 1, "lstm": 4, "gru": 3}.items():
        once, twice = zeros(name, 40, True), zeros(name, 80, True)
        assert 3.5 < twice / once < 4.5
        assert once > 0.8 * 40 * (40 * 4 * gates * 4)  # each of the steps, as long as the whole batch
        assert zeros(name, 40, False) == 0


def test_lengths_are_drawn_evenly():
    names = load("speed/packed")
    torch.manual_seed(7)
    lengths = names["draw"](4000, 20)
    assert lengths[0] == 20 and lengths.min() == 1 and lengths.max() == 20
    counts = lengths.bincount(minlength=21)[1:]
    assert counts.min() > 140 and counts.max() < 260


# scans


@pytest.mark.parametrize("T", [1, 2, 3, 17, 64, 257])
def test_scans_equal_the_loop_with_their_gradients(T):
    names = load("speed/scan")
    torch.manual_seed(T)
    a, v = (3 * torch.randn(2, 2, T, 5, dtype=torch.float64)).unbind()
    a, v = a.requires_grad_(), v.requires_grad_()
    pull = torch.randn(2, T, 5, dtype=torch.float64)
    loop = names["by_loop"](a, v)
    slopes = torch.autograd.grad(loop, [a, v], pull)
    for way in ("by_doubling", "by_logs", "by_index"):
        states = names[way](a, v)
        torch.testing.assert_close(states, loop, rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(torch.autograd.grad(states, [a, v], pull), slopes, rtol=1e-7, atol=1e-9)


def test_the_loop_equals_a_gru_that_does_not_look_back():
    """With no weights on the last state, and tanh in place of the positive content, nn.GRU is minGRU."""
    names = afresh("scan")
    names["positive"] = torch.tanh
    torch.manual_seed(8)
    gru = nn.GRU(6, 4, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        gru.weight_hh_l0.zero_(), gru.bias_hh_l0.zero_()
    x = torch.randn(3, 12, 6, dtype=torch.float64)
    _, a, v = (x @ gru.weight_ih_l0.T + gru.bias_ih_l0).chunk(3, dim=2)  # r, z, n
    for way in ("by_loop", "by_doubling", "by_index"):
        torch.testing.assert_close(names[way](a, v), gru(x)[0], rtol=0, atol=1e-12)


def test_constant_gates_have_a_closed_form():
    names = load("speed/scan")
    t = torch.arange(1, 41, dtype=torch.float64)
    for a, v, n in ((0.7, 1.5, 2.0), (-2.0, -1.0, 1 / (1 + torch.e)), (4.0, 0.0, 0.5)):
        z = 1 / (1 + torch.e**-a)
        given = (torch.full((1, 40, 1), value, dtype=torch.float64) for value in (a, v))
        given = tuple(given)
        for way in ("by_loop", "by_doubling", "by_logs"):
            torch.testing.assert_close(names[way](*given)[0, :, 0], n * (1 - z**t), rtol=1e-10, atol=0)


@pytest.mark.claim("speed_scan_digits")
def test_logarithms_cost_digits():
    names = study("scan")
    for seed in range(5):
        torch.manual_seed(200 + seed)
        a, v = torch.randn(2, 2, 4096, 8)
        true = names["by_loop"](a.double(), v.double())
        off = {key: (way(a, v) - true).abs().max().item() for key, way in names["WAYS"].items()}
        assert off["logs"] > 20 * off["loop"] and off["logs"] > 20 * off["doubling"]
        for key in off:
            assert names["rounded"][key] / 8 < off[key] < names["rounded"][key] * 8


# the records


def near(found, low, high):
    """A median within bounds, and a spread that deserves the name of a measurement."""
    assert found["low"] <= found["median"] <= found["high"] < 1.6 * found["low"], found
    assert low < found["median"] < high, found


@pytest.mark.parametrize("name", STUDIES)
def test_a_record_holds_all_repetitions(name):
    names = study(name)
    assert {"machine", "python", "torch", "date", "hours"} <= set(names["made"])
    assert set(names["runs"]) == set(names["plan"]) and names["seeds"] == names["REPETITIONS"] >= 5
    for run in names["runs"].values():
        for kind in ("forward", "training"):
            for times in run[kind].values():
                assert len(times) == 5 and min(times) > 0
    assert f"snippets/speed/{name}.py" in (ROOT / "docs/speed.md").read_text().split("```console")[1].split("```")[0]


def test_ratios_are_formed_within_a_repetition():
    names = study("layers")
    times = names["runs"]["base"]["training"]
    by_hand = sorted(lstm / rnn for lstm, rnn in zip(times["lstm"], times["rnn"], strict=True))
    found = names["ratio"]["base"]["training"]["lstm"]
    assert [found["low"], found["median"], found["high"]] == [by_hand[0], by_hand[2], by_hand[4]]


@pytest.mark.claim(
    "seed_speed_rnn",
    "seed_speed_lstm",
    "seed_speed_gru",
    "seed_faster",
    "rnn_fast",
    "gru_slower_than_lstm",
    "compare_onednn",
    "speed_base_order",
    "speed_equal_parameters",
    "speed_onednn_gain",
    "speed_plain_order",
    "speed_series",
)
def test_the_record_at_the_base_size():
    names = study("layers")
    assert names["sizes"]["base"] == {"B": 32, "T": 100, "H": 64}
    for kind in ("forward", "training"):
        ratio, off, plain = (names[of]["base"][kind] for of in ("ratio", "off", "gru_to_lstm"))
        near(ratio["lstm"], 1.2, 2.2)
        near(ratio["gru"], 2.1, 4)
        assert ratio["lstm"]["high"] < ratio["gru"]["low"]  # in every repetition
        near(off["lstm"], 1.6, 2.8)
        near(off["rnn"], 0.9, 1.2)
        near(off["gru"], 0.85, 1.15)
        near(plain["plain"], 0.7, 0.98)
        near(plain["onednn"], 1.3, 2.6)
    equal = names["equal"]["base"]["training"]
    near(equal["lstm"], 0.5, 0.9)
    near(equal["gru"], 1.5, 2.2)


@pytest.mark.claim(
    "speed_dose_lstm",
    "speed_gru_steady",
    "speed_batch_of_one",
    "speed_narrow",
    "speed_wide",
    "speed_large_batch",
    "speed_overhead",
    "speed_onednn_sizes",
    "speed_gru_ahead",
)
def test_the_record_at_other_sizes():
    names = study("layers")
    ratio, against = names["ratio"], names["gru_to_lstm"]
    medians = [run[kind]["gru"]["median"] for run in ratio.values() for kind in run]
    assert min(medians) > 2.1 and max(medians) < 3.7
    assert names["gru_range"] == {"low": min(medians), "high": max(medians)}
    near(ratio["b1"]["training"]["lstm"], 0.25, 0.6)
    near(ratio["b1"]["forward"]["lstm"], 0.6, 0.95)
    near(ratio["h32"]["training"]["lstm"], 0.6, 0.98)
    assert 2 < names["more"] < 8
    near(against["h256"]["training"]["onednn"], 0.7, 0.97)
    near(against["b128"]["training"]["onednn"], 0.75, 1.25)
    near(against["b128"]["forward"]["onednn"], 1.2, 2)
    ahead = [against[key][kind]["onednn"]["median"] > 1 for key in against for kind in against[key]]
    assert len(ahead) == 16 and sum(ahead) >= 13  # "at most of the sizes tried"
    behind = {(key, kind) for key in against for kind in against[key] if against[key][kind]["onednn"]["median"] < 1}
    assert behind == {("h256", "training"), ("b128", "training")}  # where the GRU is faster all the same
    off = names["off"]
    near(off["b1"]["training"]["lstm"], 4, 12)
    near(off["h256"]["training"]["lstm"], 1.02, 1.2)
    near(off["b128"]["training"]["lstm"], 0.85, 1.1)


@pytest.mark.claim("speed_loop_gru", "speed_loop_lstm")
def test_the_record_of_loops():
    ratio = study("loop")["ratio"]
    near(ratio["base"]["training"]["gru"], 1.1, 1.7)
    near(ratio["h256"]["training"]["gru"], 1.02, 1.5)
    near(ratio["b1"]["training"]["lstm"], 6, 15)
    for kinds in ratio.values():
        for cells in kinds.values():
            assert cells["lstm"]["median"] == max(found["median"] for found in cells.values())
            assert all(found["median"] > 0.95 for found in cells.values())


@pytest.mark.claim(
    "speed_dose_packed",
    "speed_half_real",
    "speed_packed_training",
    "speed_packed_grows",
    "speed_packed_forward",
    "speed_packed_equal",
    "speed_buckets",
)
def test_the_record_of_packed_sequences():
    names = study("packed")
    ratio = names["ratio"]
    assert all(0.44 < real < 0.6 for real in names["real"].values())
    for key in ratio:
        for name in LAYERS:
            assert ratio[key]["training"][name]["packed"]["low"] > 1.1, (key, name)
            if name != "gru":
                assert ratio[key]["forward"][name]["packed"]["median"] > 0.9, (key, name)
    lengths = ("t25", "t50", "t100", "t200")
    for name in LAYERS:
        medians = [ratio[key]["training"][name]["packed"]["median"] for key in lengths]
        assert medians == sorted(medians) and medians[-1] > 1.5 * medians[0]
        assert ratio["t100"]["training"][name]["bucketed"]["median"] > (0.85 if name == "lstm" else 1.3)
        assert ratio["large"]["training"][name]["bucketed"]["median"] > (0.4 if name == "lstm" else 0.85)
        for key in ("t100", "large"):
            equal = ratio[key]["training"][name]["equal"]
            assert equal["high"] < 1.4 if name == "lstm" else equal["low"] > 1.8
    assert ratio["t100"]["training"]["lstm"]["packed"]["median"] > 4
    assert ratio["t100"]["forward"]["gru"]["packed"]["median"] < 0.97
    assert ratio["large"]["forward"]["gru"]["packed"]["high"] < 0.9
    near(ratio["large"]["training"]["lstm"]["bucketed"], 0.45, 0.8)


@pytest.mark.claim("speed_dose_scan", "speed_scan_long", "speed_scan_short", "speed_scan_mingru", "speed_index")
def test_the_record_of_scans():
    ratio = study("scan")["ratio"]
    for kind in ("forward", "training"):
        for key in ("t1024", "t4096"):
            assert ratio[key][kind]["doubling"]["low"] > 1.2 and ratio[key][kind]["logs"]["low"] > 1.2
        for key in ratio:
            assert ratio[key][kind]["lstm"]["high"] < 0.9
            assert ratio[key][kind]["logs"]["low"] > 1.2
    near(ratio["t64"]["forward"]["doubling"], 0.5, 0.9)
    assert all(ratio[key]["training"]["gru"]["low"] > 1.3 for key in ratio)
    near(ratio["t1024"]["training"]["index"], 8, 30)
    assert ratio["t1024"]["forward"]["index"]["median"] < 2


# afresh


def soon(attempt, tries=4):
    """Whatever the machine is doing: one of a few attempts must show it."""
    for left in reversed(range(tries)):
        try:
            return attempt()
        except AssertionError:
            if not left:
                raise


@pytest.mark.claim("speed_base_order", "speed_batch_of_one", "speed_onednn_gain", "speed_equal_parameters")
def test_the_order_of_the_layers_holds_afresh():
    names = afresh("layers")

    def at(**size):
        found = names["run"](**size, rounds=4)
        return {kind: {name: least for name, (least,) in times.items()} for kind, times in found.items()}

    def base():
        for times in at(B=32, T=100, H=64).values():
            assert times["rnn"] < times["gru"] and times["rnn"] < times["rnn_matched"]
            if HAS_ONEDNN:
                assert times["rnn"] < times["lstm"] < times["gru"]
                assert times["lstm"] < times["lstm_off"] and times["lstm"] < times["gru_matched"]

    def single():
        times = at(B=1, T=100, H=64)["training"]
        assert times["rnn"] < times["gru"]
        if HAS_ONEDNN:
            assert times["lstm"] < times["rnn"]

    soon(base), soon(single)


@pytest.mark.claim("speed_packed_training", "speed_loop_lstm")
def test_packed_sequences_and_loops_are_slower_afresh():
    packed, loop = afresh("packed"), afresh("loop")

    def attempt():
        times = packed["run"](B=32, T=150, H=64, rounds=2)["training"]
        for name in LAYERS:
            assert times[f"{name}_packed"] > times[f"{name}_padded"]
        times = loop["run"](B=1, T=100, H=64, rounds=3)["training"]
        assert all(times[f"{name}_loop"] > times[name] for name in LAYERS)

    soon(attempt)


@pytest.mark.claim("speed_scan_long", "speed_index")
def test_scans_lose_to_the_loop_afresh():
    names = afresh("scan")

    def attempt():
        times = names["run"](T=384, rounds=2)["training"]
        assert times["index"][0] > 1.5 * times["loop"][0]
        names["INDEXED"] = 0
        for times in names["run"](T=1024, rounds=3).values():
            assert times["doubling"] > times["loop"] and times["logs"] > times["loop"]

    soon(attempt)
