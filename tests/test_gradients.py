"""The page on gradients, measured again: Jacobians written out in NumPy, closed forms, other seeds."""

import math
import re
import runpy
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from hooks.snippet import read_snippet

matplotlib.use("Agg")
ROOT = Path(__file__).parent.parent
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
H, I = 64, 10  # noqa: E741
SEEDS = range(60, 65)  # the snippets use 0 to 6


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def cells(name, *wanted, replace=(), until=None):
    """What cells of snippets/gradients/<name>.py define, with some text replaced, read up to `until`."""
    known = {}
    source = "\n".join(c.source for c in read_snippet(ROOT, f"snippets/gradients/{name}.py").code if c.name in wanted)
    for old, new in replace:
        assert old in source, old
        source = source.replace(old, new)
    assert until is None or until in source
    exec(source.split(until)[0] if until else source, known)
    return known


# The three cells' Jacobians by hand, in NumPy


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def random_weights(name, seed, bias=None, scale=1.0):
    """PyTorch's distribution, not its generator."""
    rng = np.random.default_rng(seed)
    rows = GATES[name] * H
    W_ih, W_hh, b_ih, b_hh = (rng.uniform(-1, 1, shape) / math.sqrt(H) for shape in [(rows, I), (rows, H), rows, rows])
    if bias is not None:
        b_ih[H : 2 * H], b_hh[H : 2 * H] = bias, 0
    return W_ih, scale * W_hh, b_ih, b_hh


def of_torch(layer):
    return [weight.detach().double().numpy() for weight in layer.parameters()]


def step(name, weights, x, state):
    """New state, its Jacobian by the old state, its Jacobian by x, and the gate that keeps."""
    W_ih, W_hh, b_ih, b_hh = weights
    n = W_hh.shape[1]
    h, parts = state[:n], GATES[name]
    a, u = np.split(W_ih @ x + b_ih, parts), np.split(W_hh @ h + b_hh, parts)
    A, U = np.split(W_ih, parts), np.split(W_hh, parts)
    if name == "rnn":
        new = np.tanh(a[0] + u[0])
        slope = (1 - new**2)[:, None]
        return new, slope * U[0], slope * A[0], None
    if name == "gru":
        r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
        new = np.tanh(a[2] + r * u[2])
        to_r, to_z, to_n = r * (1 - r) * u[2], (h - new) * z * (1 - z), (1 - z) * (1 - new**2)
        by_h = np.diag(z) + to_z[:, None] * U[1] + to_n[:, None] * (to_r[:, None] * U[0] + r[:, None] * U[2])
        by_x = to_z[:, None] * A[1] + to_n[:, None] * (to_r[:, None] * A[0] + A[2])
        return (1 - z) * new + z * h, by_h, by_x, z
    c = state[n:]
    i, f, g, o = (p + q for p, q in zip(a, u, strict=True))
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new = f * c + i * g
    slopes = (g * i * (1 - i), c * f * (1 - f), i * (1 - g**2))
    c_by_h, c_by_x = (sum(s[:, None] * M for s, M in zip(slopes, m, strict=False)) for m in (U, A))
    shown, open_ = (np.tanh(new) * o * (1 - o))[:, None], (o * (1 - np.tanh(new) ** 2))[:, None]
    by_state = np.block([[shown * U[3] + open_ * c_by_h, open_ * np.diag(f)], [c_by_h, np.diag(f)]])
    by_x = np.concatenate([shown * A[3] + open_ * c_by_x, c_by_x])
    return np.concatenate([o * np.tanh(new), new]), by_state, by_x, f


def test_the_jacobians_by_hand_agree_with_finite_differences():
    for name in GATES:
        weights, rng = random_weights(name, 1, bias=1.0), np.random.default_rng(2)
        x, state = rng.standard_normal(I), rng.standard_normal(H * (1 + (name == "lstm")))
        _, by_state, by_x, _ = step(name, weights, x, state)
        for vector, J, which in ((state, by_state, 1), (x, by_x, 0)):
            nudge = 1e-6 * rng.standard_normal(vector.shape)
            up, down = (step(name, weights, *((x, state + s * nudge) if which else (x + s * nudge, state)))[0]
                        for s in (1, -1))  # fmt: skip
            assert np.allclose((up - down) / 2, J @ nudge, rtol=1e-5, atol=1e-13), name


def walk(name, weights, xs):
    """All states, Jacobians by state and by input, and gates, along a sequence."""
    n = weights[1].shape[1]
    state, steps = np.zeros(n * (1 + (name == "lstm"))), []
    for x in xs:
        steps.append(step(name, weights, x, state))
        state = steps[-1][0]
    return [list(column) for column in zip(*steps, strict=True)]


def growth(name, weights, seed, warm=100, near=20, far=100, inputs=1.0):
    """Factor per step of the state's derivative, between two lags; and the mean Jacobian."""
    xs = inputs * np.random.default_rng(seed).standard_normal((warm + far, weights[0].shape[1]))
    Js = walk(name, weights, xs)[1][warm:]
    J, sizes = np.eye(len(Js[0])), []
    for J_t in Js[::-1]:
        J = J @ J_t
        sizes.append(np.linalg.norm(J))
    return (sizes[far - 1] / sizes[near - 1]) ** (1 / (far - near)), np.mean(Js, axis=0)


# What decides


@pytest.fixture(scope="module")
def reach():
    return cells("reach", "measure", "sweep", replace=[("seeds, lost = 5", "seeds, lost = 3")])


SHORT = {"reach": [("T, LAGS = 500, 400", "T, LAGS = 60, 50")], "chrono": [("10, 64, 500", "10, 64, 60")]}


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("file", SHORT)
def test_the_measurement_is_that_of_jacobians_by_hand(file, name):
    made = cells(file, "measure", "chrono", replace=SHORT[file], until="\nfor ")
    torch.manual_seed(3)
    layer = getattr(torch.nn, name.upper())(I, H, batch_first=True, dtype=torch.float64)
    torch.manual_seed(4)
    ours = made["gradient_left"](layer, B=2).log().numpy()
    torch.manual_seed(4)
    logs = []
    for xs in torch.randn(2, 60, I, dtype=torch.float64).numpy():
        _, Js, by_x, _ = walk(name, of_torch(layer), xs)
        row, sizes = np.repeat([1.0, 0.0], [H, len(Js[0]) - H]), []
        for J, X in zip(Js[::-1], by_x[::-1], strict=True):
            sizes.append(np.linalg.norm(row @ X))
            row = row @ J
        logs.append(np.log(sizes))
    by_hand = np.mean(logs, axis=0)
    assert np.allclose(ours, (by_hand - by_hand[0])[: len(ours)], atol=1e-8)


def test_factor_and_reach_of_a_known_curve():
    made = cells("reach", "measure", until="\nfor ")
    curve = 0.9 ** torch.arange(401, dtype=torch.float64)
    assert made["factor"](curve) == pytest.approx(0.9)
    assert made["reach"](curve) == 44 == math.ceil(math.log(0.01) / math.log(0.9))
    assert made["reach"](curve**0.001) == 401
    assert made["NEAR"] == 20 and made["FAR"] == 100 and made["LITTLE"] == 0.01


def test_make_sets_the_gate_that_keeps(reach):
    for name, gates in GATES.items():
        plain, layer = reach["make"](name, None, 1), reach["make"](name, 2.5, 1)
        changed = (layer.bias_ih_l0 + layer.bias_hh_l0) != (plain.bias_ih_l0 + plain.bias_hh_l0)
        if gates > 1:
            assert changed.nonzero().flatten().tolist() == list(range(H, 2 * H))
            assert (layer.bias_ih_l0 + layer.bias_hh_l0)[H : 2 * H].eq(2.5).all()
        assert torch.equal(layer.weight_hh_l0, plain.weight_hh_l0) and plain.bias_hh_l0.abs().max() <= 1 / math.sqrt(H)


@pytest.mark.claim(
    "gradients_dose_default", "gradients_dose_bias",
    "gradients_defaults", "gradients_row_lstm_3", "gradients_row_gru_5",
)  # fmt: skip
def test_the_factor_per_step_is_that_of_numpy_jacobians(reach):
    by_hand = {
        (name, bias): np.median([growth(name, random_weights(name, seed, bias), seed + 100)[0] for seed in SEEDS])
        for name, bias in [("rnn", None), *((name, bias) for name in ("lstm", "gru") for bias in (None, 1, 3))]
    }
    for (name, bias), factor in by_hand.items():
        key = "default" if bias is None else f"b{bias}"
        assert reach["per_step"][name][key]["median"] == pytest.approx(factor, abs=0.025), (name, bias)
    for name in GATES:  # lost within a dozen steps
        assert 0.5 < by_hand[name, None] < 0.68
        assert all(4 < reach["reach"](reach["gradient_left"](reach["make"](name, None, seed))) <= 12 for seed in SEEDS)
    assert 0.985 < by_hand["lstm", 3] < 1.02
    for name, bias in (("lstm", 3.0), ("gru", 5.0)):
        assert all(reach["reach"](reach["gradient_left"](reach["make"](name, bias, seed))) > 400 for seed in (60, 61))


@pytest.mark.claim("gradients_all_vanish")
def test_all_three_vanish_at_a_steady_rate(reach):
    at_10 = {}
    for name in GATES:
        left = torch.stack([reach["gradient_left"](reach["make"](name, None, seed)) for seed in SEEDS]).median(0).values
        at_10[name] = left[10].item()
        early, late = (left[50] / left[20]) ** (1 / 30), (left[150] / left[50]) ** (1 / 100)
        assert early.item() == pytest.approx(late.item(), abs=0.025), name
    assert at_10["rnn"] < 0.004 and max(at_10.values()) < 0.01
    for name in ("lstm", "gru"):
        assert 2 < at_10[name] / at_10["rnn"] < 8


@pytest.mark.claim("gradients_lost_in_sum", "gradients_denormal", "gradients_float32_zero")
def test_float32_loses_the_far_past_in_three_stages():
    few = [("seeds, lost = 5", "seeds, lost = 3"), ("None} | {", "None} or {")]
    made = cells("reach", "measure", "sweep", "single", replace=few)
    assert made["smallest"] == np.finfo(np.float32).tiny and np.float32(1) + np.float32(made["relative"]) == 1
    assert np.float32(made["tiniest"]) == np.nextafter(np.float32(0), np.float32(1)) > 0
    for name, stages in {"rnn": (28, 147, 174), "lstm": (35, 187, 220), "gru": (36, 191, 226)}.items():
        for seed in SEEDS[:1]:
            low, high = (made["sizes"](name, seed, dtype) for dtype in (torch.float32, torch.float64))
            added = high[0].float() + high.float()  # rounded to float32
            gone = added == high[0].float(), low < made["smallest"], low == 0
            lost, denormal, zero = map(made["first"], gone)
            assert (lost, denormal, zero) == pytest.approx(stages, rel=0.2)
            assert not low[zero:].any() and high.min() > 1e-125
            assert torch.allclose(low[:80].double(), high[:80], rtol=0.02)  # until then the same
            assert low[zero - 1] > 0 and high[zero] < 2e-44
    for stage, at in zip(("single", "denormal", "zero"), (28, 147, 174), strict=True):
        assert made[stage]["rnn"]["median"] == pytest.approx(at, rel=0.15)
        assert made[stage]["rnn"]["median"] < made[stage]["lstm"]["median"] <= made[stage]["gru"]["median"] + 6
    assert made["all_zero"]


# Eigenvalues


@pytest.mark.claim("gradients_bound_is_loose")
def test_a_norm_above_one_and_a_gradient_that_vanishes():
    rng = np.random.default_rng(5)
    for seed in SEEDS:
        weights = random_weights("rnn", seed)
        norm = np.linalg.norm(weights[1], 2)
        assert 1.03 < norm < 1.3
        circular_law = pytest.approx(1 / math.sqrt(3), abs=0.14)
        assert np.abs(np.linalg.eigvals(weights[1])).max() == circular_law
        assert growth("rnn", weights, seed)[0] < 0.68
        small = weights[1] * 0.9 / norm  # where the bound says something, it holds
        Js = walk("rnn", [weights[0], small, *weights[2:]], rng.standard_normal((30, I)))[1]
        assert np.linalg.norm(np.linalg.multi_dot(Js[::-1]), 2) < 0.9**30


@pytest.fixture(scope="module")
def radius():
    return cells("radius", "sweep")


def test_the_radius_sweep_is_autograd(radius):
    """One of its networks at one radius, by torch's own RNN."""
    for net, (size, linear) in radius["NETS"].items():
        W_hh, drive = radius["random_net"](2)
        assert torch.linalg.eigvals(W_hh).abs().max().item() == pytest.approx(1)
        h = first = torch.zeros(H, dtype=torch.float64, requires_grad=True)
        states = []
        for a in drive:
            h = 1.5 * W_hh @ h + size * a
            h = h if linear else torch.tanh(h)
            states.append(h)
        lags = radius["NEAR"], radius["FAR"]
        near, far = (torch.stack([torch.autograd.grad(h, states[-1 - lag], row, retain_graph=True)[0]
                                  for row in torch.eye(H, dtype=torch.float64)]).norm() for lag in lags)  # fmt: skip
        ours = radius["_factors"][net][int((radius["RADII"] - 1.5).abs().argmin()), 2]
        assert ours == pytest.approx((far / near).item() ** (1 / (lags[1] - lags[0])), rel=1e-9), net
        assert first.grad is None


@pytest.mark.claim(
    "gradients_tanh_takes", "gradients_linear", "gradients_tanh_small", "gradients_tanh_unit", "gradients_tanh_far"
)
def test_radius_against_other_networks(radius):
    other = cells("radius", "sweep", replace=[("seeds = 7", "seeds = 5"), ("range(seeds)", "range(100, 100 + seeds)")])
    assert torch.allclose(radius["RADII"], torch.arange(2, 41, dtype=torch.float64) / 10)
    for made in (radius, other):
        radii = made["RADII"].numpy()
        factors, medians = made["_factors"], made["_medians"]
        assert (factors["unit"] < factors["linear"]).all() and (factors["small"] < factors["linear"]).all()
        assert np.abs(factors["linear"] / radii[:, None] - 1).max() < 0.04
        assert (medians["small"][radii < 0.75] > 0.95 * radii[radii < 0.75]).all()
        flat = medians["small"][(radii > 1.15) & (radii < 1.65)]
        assert flat.min() > 0.95 and flat.max() < 1.07
        assert 0.55 < medians["unit"][8] < 0.67 and 1.8 < made["crossing"]["unit"] < 2.4
        assert np.abs(medians["small"] - medians["unit"])[radii > 3.25].max() < 0.12
        assert medians["unit"][-1] < 1.55 and medians["unit"][-1] > 1.25
        for net in factors:
            assert made["factor"][net]["r1_0"]["median"] == pytest.approx(medians[net][8])


@pytest.fixture(scope="module")
def discs():
    return cells("discs", "sweep", replace=[("seeds, SCALE = 5", "seeds, SCALE = 2")])


@pytest.mark.parametrize("name", GATES)
def test_the_jacobians_of_the_discs_are_those_by_hand(discs, name):
    layer = discs["make"](name, 1.0 if name != "rnn" else None, 8)
    torch.manual_seed(9)
    ours = discs["jacobians"](layer).numpy()
    torch.manual_seed(9)
    xs = torch.randn(discs["WARM"] + discs["STEPS"], I, dtype=torch.float64).numpy()
    by_hand = np.array(walk(name, of_torch(layer), xs)[1][discs["WARM"] :])
    assert np.allclose(ours, by_hand, atol=1e-12)
    J = np.eye(by_hand.shape[1])
    sizes = [np.linalg.norm(J := J @ J_t) for J_t in by_hand[::-1][: discs["FAR"]]]
    assert discs["growth"](torch.tensor(by_hand)) == pytest.approx((sizes[99] / sizes[19]) ** (1 / 80))


@pytest.mark.claim("gradients_mean_step", "gradients_mean_step_fails")
def test_the_average_step_predicts_the_rate(discs):
    for key, (name, bias) in discs["VARIANTS"].items():
        for seed in SEEDS[:2]:
            factor, mean = growth(name, random_weights(name, seed, bias), seed + 7, far=120)
            assert np.abs(np.linalg.eigvals(mean)).max() == pytest.approx(factor, rel=0.035), key
            assert factor == pytest.approx(discs["product"][key]["median"], abs=0.045)
    assert discs["largest_error"] < 0.03
    for seed in SEEDS:  # where the state is chaotic it does not
        factor, mean = growth("rnn", random_weights("rnn", seed, scale=6), seed)
        assert np.abs(np.linalg.eigvals(mean)).max() < 0.97 and factor > 1.2


@pytest.mark.claim("gradients_disc_moves")
def test_the_gate_moves_the_eigenvalues(discs):
    for key, centre in {"rnn": 0, "lstm": 0.5, "gru": 0.5, "lstm_3": 0.95}.items():
        name, bias = discs["VARIANTS"][key]
        for seed in SEEDS[:2]:
            values = np.linalg.eigvals(growth(name, random_weights(name, seed, bias), seed)[1])
            largest = values[np.argsort(np.abs(values))[-H:]]
            assert largest.real.mean() == pytest.approx(centre, abs=0.03)
            assert np.abs(largest).max() > centre + 0.02  # the rim is further out than the gate
        assert discs["centre"][key]["median"] == pytest.approx(centre, abs=0.03)


# The product of forget gates


def derivative(weights, xs, lag):
    """d c_T / d c_(T-lag) over all paths, and the product of the forget gates between."""
    states, Js, _, gates = walk("lstm", weights, xs)
    J = np.linalg.multi_dot([np.eye(2 * H), *Js[: -lag - 1 : -1]])[H:]  # c_T by h and c
    h = ([np.zeros(2 * H), *states])[-2 - lag][:H]
    o = np.split(weights[0] @ xs[-1 - lag] + weights[2] + weights[1] @ h + weights[3], 4)[3]
    c = states[-1 - lag][H:]
    return J[:, :H] * sigmoid(o) * (1 - np.tanh(c) ** 2) + J[:, H:], np.prod(gates[-lag:], axis=0)


@pytest.fixture(scope="module")
def paths():
    return cells("paths", "paths", "sweep", until="_runs = {")


def test_both_sizes_are_those_of_jacobians_by_hand(paths):
    for bias in (None, 2.0):
        lstm = paths["make_lstm"](bias, 6)
        x = torch.randn(40, I, dtype=torch.float64)
        cs, fs = paths["cells_and_gates"](lstm, x)
        truth, product = derivative(of_torch(lstm), x.numpy(), 17)
        assert np.allclose(paths["jacobians"](cs)[-18].numpy(), truth, rtol=1e-8, atol=1e-15)
        assert np.allclose(torch.stack(fs[-17:]).prod(0).numpy(), product, rtol=1e-10)
        assert torch.allclose(cs[-1][0], lstm(x)[1][1][0])  # it is torch's LSTM
        cut = paths["jacobians"](paths["cells_and_gates"](lstm, x, only_direct=True)[0])[-18]
        assert np.allclose(cut.numpy(), np.diag(product), rtol=1e-10, atol=1e-300)


@pytest.mark.claim("gradients_product_default", "gradients_product_bias_3", "gradients_product_chrono")
def test_the_product_of_forget_gates_beside_the_truth(paths):
    variants = paths["VARIANTS"].items()
    runs = {key: np.array([paths["both"](bias(seed), seed) for seed in SEEDS]) for key, bias in variants if key != "b5"}
    assert (runs["default"][:, :, 0] == 1).all() and runs["default"].shape == (5, 2, 101)
    ratio = {key: of[:, 1] / of[:, 0] for key, of in runs.items()}
    assert ratio["default"][:, 20].min() > 8 and ratio["default"][:, 20].max() < 60
    assert ratio["default"][:, 40].min() > 60 and ratio["default"][:, 40].max() < 2000
    assert runs["default"][:, 1, 40].max() < 1e-7  # and both vanish
    assert np.all((runs["b3"][:, 0, 100] > 0.008) & (runs["b3"][:, 0, 100] < 0.025))
    assert np.median(runs["b3"][:, 1, 100]) > 0.3 and ratio["b3"][:, 100].min() > 8  # most goes another way
    assert np.abs(ratio["chrono"][:, [20, 40]] - 1).max() < 0.06
    biases = paths["chrono"](100, 3)
    assert biases.exp().min() >= 1 and biases.exp().max() <= 99


@pytest.mark.claim("gradients_value_not_slope")
def test_a_gate_is_a_value_not_a_slope(reach):
    a = np.linspace(-30, 30, 100_001)
    slope = np.gradient(sigmoid(a), a)
    assert slope.max() == pytest.approx(0.25, abs=1e-5) and sigmoid(a).max() > 1 - 1e-12
    assert reach["gate"]["b3"] == pytest.approx(1 / (1 + math.exp(-3))) and reach["gate"]["b0"] == 0.5
    xs = np.random.default_rng(1).standard_normal((50, I))
    starts = [walk("lstm", random_weights("lstm", seed), xs)[3] for seed in SEEDS]
    assert np.mean(starts) == pytest.approx(0.5, abs=0.02)  # where it starts by default


@pytest.mark.claim("gradients_lstm_grows")
def test_an_lstm_can_explode(reach, paths):
    wild = [growth("lstm", random_weights("lstm", seed, scale=6), seed)[0] for seed in SEEDS]
    assert 1 < np.median(wild) < 1.12 and min(wild) > 0.98
    assert reach["wild"]["median"] == pytest.approx(np.median(wild), abs=0.04) and reach["SCALE"] == 6
    runs = np.array([paths["both"](5.0, seed) for seed in SEEDS])
    assert np.median(runs[:, 1, 100]) > 1.1 and runs[:, 0, 100] == pytest.approx(0.5, abs=0.04)


# The bias


@pytest.mark.claim("gradients_bias", "gradients_bias_1")
def test_the_bias_decides_and_the_other_paths_add(reach):
    keys = [key for key in reach["BIASES"] if key != "default"]
    assert [reach["BIASES"][key] for key in keys] == [-2, -1, 0, 1, 2, 3, 4, 5, 6, 8]
    middle = {name: np.array([reach["per_step"][name][key]["median"] for key in keys]) for name in ("lstm", "gru")}
    gate = sigmoid(np.array([-2, -1, 0, 1, 2, 3, 4, 5, 6, 8]))
    for of in middle.values():
        assert (np.diff(of[:6]) > 0.02).all() and (of > gate - 0.005).all() and (of[:5] > gate[:5] + 0.02).all()
    assert np.abs(middle["gru"] - gate)[6:].max() < 0.005 and (middle["lstm"] > middle["gru"])[3:8].all()
    assert middle["lstm"][[2, 5]] == pytest.approx([0.62, 0.999], abs=0.02)
    assert middle["gru"][[2, 5]] == pytest.approx([0.635, 0.96], abs=0.02)
    again = [reach["reach"](reach["gradient_left"](reach["make"]("lstm", 1.0, seed))) for seed in SEEDS]
    assert min(again) > 15 and max(again) < 40


def test_words_for_a_reach(reach):
    assert reach["words"]([9, 7, 8]) == "8 (7 to 9)" and reach["words"]([401] * 5) == "more than 400"
    assert reach["words"]([3, 30, 10, 20, 40]) == "20 (3 to 40)"


@pytest.fixture(scope="module")
def chrono():
    return cells("chrono", "chrono", "sweep", until="_left = {")


def test_chrono_as_tallec_and_ollivier_have_it(chrono):
    for cell in (torch.nn.LSTM, torch.nn.GRU):
        torch.manual_seed(1)
        layer = cell(3, 4000)
        before = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().view(-1, 4000)
        chrono["chrono_"](layer, 50)
        after = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().view(-1, 4000)
        u = after[1].exp().sort().values  # uniform between 1 and 49: f of the LSTM, z of the GRU
        assert (u - torch.linspace(1, 49, 4000)).abs().max() < 1.5 and u[0] >= 1 and u[-1] <= 49.001
        if cell is torch.nn.LSTM:
            assert torch.equal(after[0], -after[1])  # the input gate
        assert torch.equal(after[2:], before[2:]) and (cell is torch.nn.LSTM or torch.equal(after[0], before[0]))
        kept = after[1].sigmoid()  # loses one part in 1 + u
        assert torch.allclose(1 / (1 - kept), 1 + after[1].exp(), rtol=1e-3)


@pytest.mark.claim("gradients_row_lstm_chrono", "gradients_row_gru_chrono", "gradients_chrono_span")
def test_chrono_reaches_about_its_span(chrono):
    for cell in (torch.nn.LSTM, torch.nn.GRU):
        for T_max, low, high in ((20, 40, 85), (100, 140, 320), (500, 400, 501)):
            lefts = [chrono["gradient_left"](chrono["make"](cell, T_max, seed)) for seed in SEEDS[:3]]
            steps = sorted([*(left < 0.01).nonzero().flatten().tolist(), 500][0] for left in lefts)
            assert low < steps[0] and steps[-1] < high + 1, (cell, T_max)
            low_word = chrono["words"](lefts)
            assert low_word.startswith("more than 400") if steps[1] > 400 else f"{steps[1]} (" in low_word


@pytest.mark.claim("gradients_chrono_bends")
def test_chrono_fades_ever_more_slowly(chrono, paths):
    nets = [chrono["make"](torch.nn.LSTM, 100, seed) for seed in SEEDS]
    left = torch.stack([chrono["gradient_left"](net) for net in nets]).median(0).values
    early, late = (left[20] / left[10]) ** (1 / 10), (left[400] / left[200]) ** (1 / 200)
    assert early < 0.978 and 0.98 < late < 0.995
    product = np.median([paths["both"](paths["chrono"](100, seed), seed)[0] for seed in SEEDS[:3]], axis=0)
    for lag in (10, 40, 100):  # gates that stand still: the integral of (u / (1 + u))^2k
        u = np.linspace(1, 99, 20_001)
        assert product[lag] == pytest.approx(np.sqrt(np.mean((u / (1 + u)) ** (2 * lag))), rel=0.12)


# Training


@pytest.fixture(scope="module")
def trained():
    return cells("trained", "sweep", until="_runs = {")


def test_the_memory_is_that_of_the_layer_and_its_gradient_by_hand(trained):
    for name in GATES:
        layer = trained["make"](name, None, 3)[0]
        x = trained["draw"](32, torch.Generator().manual_seed(7))[0].double()
        assert x.shape == (32, 21, 8)
        kept, gate = trained["memory"](layer)
        output, last = layer.double()(x)
        assert torch.allclose(kept[-1], last[1][0] if name == "lstm" else output[:, -1])
        probe = torch.randn(32, H, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).numpy()
        sizes, weights = [], of_torch(layer)
        for xs, w in zip(x.numpy(), probe, strict=True):
            if name == "lstm":
                sizes.append(np.log(np.linalg.norm(w @ derivative(weights, xs, 20)[0]) / np.linalg.norm(w)))
            else:
                row = w
                for J in walk(name, weights, xs)[1][:0:-1]:
                    row = row @ J
                sizes.append(np.log(np.linalg.norm(row) / np.linalg.norm(w)))
            if name != "rnn" and len(sizes) == 1:
                assert np.allclose(gate[:, 0].numpy(), walk(name, weights, xs)[3][1:])
        assert trained["look"](layer)[0] == pytest.approx(math.exp(np.mean(sizes)), rel=1e-6), name


@pytest.mark.claim(
    "gradients_dose_training",
    "gradients_training_before", "gradients_training_gru", "gradients_training_lstm",
    "gradients_training_bias_3", "gradients_training_rnn", "gradients_training_needs",
)  # fmt: skip
def test_training_moves_gates_and_gradients(trained):
    assert trained["TEST"] > 1000 and trained["draw"](2, torch.Generator().manual_seed(1))[0].shape == (2, 21, 8)
    runs = {key: [trained["run"](key, seed) for seed in range(40, 43)] for key in trained["VARIANTS"]}
    trained["rate"]["lstm"] = 0.1  # ten times as fast
    runs["fast"] = [trained["run"]("lstm", seed) for seed in (41, 42, 43)]
    before, after = ({key: np.array([looks[when] for looks, _ in of]) for key, of in runs.items()} for when in (0, 1))
    right = {key: np.array([score for _, score in of]) for key, of in runs.items()}
    for key in ("rnn", "lstm", "gru"):
        assert before[key][:, 0].max() < 0.001 and before[key][:, 2].max() == 0
    assert np.median(before["gru"][:, 0] / before["lstm"][:, 0]) == pytest.approx(1, abs=0.6)  # they start alike
    assert right["gru"].min() > 0.9 and np.median(after["gru"][:, 0]) > 0.5 and np.median(after["gru"][:, 2]) > 0.3
    for key in ("lstm", "fast"):
        assert np.median(right[key]) < 0.3 and np.median(after[key][:, 1]) < 0.45  # the gate shuts
    assert np.median(right["lstm_3"]) > 0.9 and after["lstm_3"][:, 0].min() > 0.5 and before["lstm_3"][:, 0].min() > 0.9
    for key in ("gru", "lstm", "lstm_fast", "lstm_3"):
        assert (after[key][right[key] > 0.9, 0] > 0.4).all()
    assert (after["rnn"][right["rnn"] > 0.9, 0] < 0.01).any()  # remembers, and passes no gradient back
    half = cells("trained", "sweep", replace=[("8, 64, 20, 32, 300", "8, 64, 10, 32, 300")], until="_runs = {")
    half["rate"]["rnn"] = 0.003
    looks, scores = zip(*[half["run"]("rnn", seed) for seed in (40, 42)], strict=True)
    assert min(scores) > 0.9 and max(after[0] for _, after in looks) > 0.3  # or does


@pytest.mark.claim("gradients_dose_training", "index_gates", "gradients_training_lstm_fast")
def test_at_a_high_rate_training_opens_the_default_lstm_too(trained):
    assert trained["VARIANTS"]["lstm_fast"] == trained["VARIANTS"]["lstm"] and trained["rate"]["lstm_fast"] == 0.3
    looks, right = zip(*[trained["run"]("lstm_fast", seed) for seed in range(40, 45)], strict=True)
    before, after = np.array(looks).swapaxes(0, 1)
    assert before[:, 0].max() < 0.001 and before[:, 2].max() == 0
    assert np.median(after[:, 0]) > 0.3 and np.median(after[:, 2]) > 0.2  # gates that none were open before
    assert max(right) > 0.9


# Clipping


@pytest.fixture(scope="module")
def clip():
    return cells("clip", "clip", "sweep", until="_all = {")


@pytest.mark.claim("gradients_clip_direction", "gradients_clip_share", "gradients_clip_shares")
def test_clipping_keeps_direction_and_shares(clip):
    for scale in (1, 8):
        for seed in SEEDS:
            net = clip["Net"](scale, seed)
            net.backward()
            v = clip["gradient"](net).numpy()
            run = {key: value.item() for key, value in clip["measured"](scale, seed).items()}
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip["BOUND"])
            by_formula = v * min(1, clip["BOUND"] / (np.linalg.norm(v) + 1e-6))
            assert np.allclose(clip["gradient"](net).numpy(), by_formula, rtol=1e-12, atol=0)
            assert run["cosine"] == pytest.approx(1, abs=1e-12) and 0.999 < run["clipped"] < 1 + 1e-12
            assert run["norm"] == pytest.approx(np.linalg.norm(v)) and run["share"] == pytest.approx(run["share_after"])
            assert (run["share"] < 1e-8) if scale == 1 else (0.4 < run["share"] < 0.95)
    net = clip["Net"](1, 60)
    net.backward()
    before = clip["gradient"](net)
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1e6)  # a gradient that is small is not touched
    assert torch.equal(clip["gradient"](net), before)


def test_the_share_of_the_first_state_is_a_true_gradient(clip):
    net = clip["Net"](1.5, 60)
    net.backward()
    assert {name for name, _ in net.named_parameters()} == {"h_0"} | {f"rnn.{n}" for n, _ in net.rnn.named_parameters()}

    def loss(h_0):
        state = h_0.expand(1, clip["B"], H).contiguous()
        return (net.rnn(net.x, state)[0][:, -1] - 1).square().sum(dim=1).mean().item()

    with torch.no_grad():
        nudge = 1e-4 * torch.randn(1, 1, H, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        slope = (loss(net.h_0 + nudge) - loss(net.h_0 - nudge)) / 2
    assert slope == pytest.approx((net.h_0.grad * nudge).sum().item(), rel=1e-4)


def test_clipping_after_the_step_is_too_late():
    made = runpy.run_path(str(ROOT / "snippets/gradients/clip.py"))
    net = made["Net"](8, 0)
    net.backward()
    norm = made["gradient"](net).norm().item()
    read = read_snippet(ROOT, "snippets/gradients/clip.py").code
    printed = []
    known = {"print": printed.append}
    exec("\n".join(cell.source for cell in read if not cell.hidden), known)
    moved = [float(re.search(r"\S+$", line)[0]) for line in printed if "move" in line]
    assert moved == pytest.approx([made["RATE"] * made["BOUND"], made["RATE"] * norm], rel=0.05)
    assert made["adam"]["free"] < 0.05 < 0.9 < made["adam"]["clipped"] and made["turned"] < 1e-12


@pytest.mark.claim("gradients_clip_value")
def test_clipping_by_value_turns_the_gradient(clip):
    for seed in SEEDS:
        net = clip["Net"](1, seed)
        net.backward()
        v = clip["gradient"](net).numpy()
        cut = np.clip(v, -np.abs(v).max() / 10, np.abs(v).max() / 10)
        cosine = v @ cut / np.linalg.norm(v) / np.linalg.norm(cut)
        assert clip["measured"](1, seed)["by_value"].item() == pytest.approx(cosine) and 0.7 < cosine < 0.9


@pytest.mark.claim("gradients_clip_adam")
def test_adam_remembers_a_spike(clip):
    def step_after(spike):  # Adam's formula, its defaults
        m = v = 0.0
        for t in range(1, 152):
            g = spike if t == 101 else 1.0
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return m / (1 - 0.9**t) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)

    assert clip["SPIKE"] == 1000 and clip["LATER"] == 50
    assert clip["spike"](None) == pytest.approx(step_after(1000), rel=1e-6) and step_after(1000) < 0.03
    assert clip["spike"](clip["LIMIT"]) == pytest.approx(step_after(clip["LIMIT"]), rel=1e-3)
    assert step_after(clip["LIMIT"]) > 0.95

    def updates(factor):  # a constant factor cancels
        torch.manual_seed(2)
        weight = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
        adam = torch.optim.Adam([weight], 0.1)
        for _ in range(20):
            weight.grad = factor * torch.randn(50, dtype=torch.float64)
            adam.step()
        return weight.detach()

    assert torch.allclose(updates(1.0), updates(0.01), rtol=1e-3)
