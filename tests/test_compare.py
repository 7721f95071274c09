"""The measured claims of the comparison, measured again: other seeds, other means."""

import math
import runpy
import statistics
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from hooks.snippet import read_snippet

matplotlib.use("Agg")
ROOT = Path(__file__).parent.parent
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def run_cells(file, *names, into=None, replace=()):
    """The names that a snippet's cells define; `replace` shrinks what takes long."""
    known = {} if into is None else into
    for cell in read_snippet(ROOT, f"snippets/{file}.py").code:
        if cell.name in names:
            source = cell.source
            for old, new in replace:
                assert old in source
                source = source.replace(old, new)
            exec(source, known)
    return known


# parameters


@pytest.mark.claim(
    "seed_architecture_rnn",
    "seed_architecture_lstm",
    "seed_architecture_gru",
    "rnn_parameters",
    "lstm_parameters",
    "gru_three_quarters",
    "gru_parameters",
)
def test_parameters():
    made = runpy.run_path(str(ROOT / "snippets/compare/parameters.py"))
    for name, gates in GATES.items():
        for i, h in [(1, 1), (10, 20), (25, 100), (64, 64)]:
            by_hand = sum(math.prod(shape) for shape in [(gates * h, i), (gates * h, h), (gates * h,), (gates * h,)])
            assert made["count"](name, i, h) == made["formula"](name, i, h) == by_hand
        assert made["ratio"][name] == gates
        assert made["total"][name] == gates * (64 * 64 + 64 * 64 + 64 + 64)
    assert made["count"]("lstm", 25, 100) == 50_800


# gradient per step, against a forward perturbation in NumPy: no autograd, no torch

H, I = 64, 10  # noqa: E741


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def numpy_step(name, weights, x, state):
    """One step of a cell on its whole state: h, and for the LSTM h and c joined."""
    W_ih, W_hh, b_ih, b_hh = weights
    h = state[:H]
    a, u = np.split(W_ih @ x + b_ih, GATES[name]), np.split(W_hh @ h + b_hh, GATES[name])
    if name == "rnn":
        return np.tanh(a[0] + u[0])
    if name == "gru":
        r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
        return (1 - z) * np.tanh(a[2] + r * u[2]) + z * h
    i, f, g, o = (p + q for p, q in zip(a, u, strict=True))
    c = sigmoid(f) * state[H:] + sigmoid(i) * np.tanh(g)
    return np.concatenate([sigmoid(o) * np.tanh(c), c])


def perturbed(name, bias, seed, warm=100, steps=150, size=1e-6):
    """Mean factor by which a small disturbance of the state changes per step."""
    rng = np.random.default_rng(seed)
    rows = GATES[name] * H
    bound = 1 / math.sqrt(H)  # torch's default
    weights = [rng.uniform(-bound, bound, shape) for shape in [(rows, I), (rows, H), rows, rows]]
    if bias is not None:
        weights[2][H : 2 * H], weights[3][H : 2 * H] = bias, 0
    state = np.zeros(2 * H if name == "lstm" else H)
    nudge, growth = rng.standard_normal(state.shape), []
    for t in range(warm + steps):
        nudge *= size / np.linalg.norm(nudge)
        x = rng.standard_normal(I)
        up, down = (numpy_step(name, weights, x, state + sign * nudge) for sign in (1, -1))
        state, nudge = numpy_step(name, weights, x, state), (up - down) / 2
        if t >= warm:
            growth.append(math.log(np.linalg.norm(nudge) / size))
    return math.exp(statistics.mean(growth))


@pytest.fixture(scope="module")
def gradient():
    return run_cells("compare/gradient", "factor", "sweep")


def test_gradient_factor_equals_a_forward_perturbation(gradient):
    for key, (name, bias) in gradient["VARIANTS"].items():
        ours = statistics.median(perturbed(name, bias, seed) for seed in range(100, 105))
        assert gradient["median"][key] == pytest.approx(ours, abs=0.025), key


def test_gradient_sets_one_gates_bias_alone(gradient, monkeypatch):
    """What the measured layer holds: the gate's two biases add to the one that is named."""
    made = []

    class Recorded(torch.nn.LSTM):
        def forward(self, x):
            made.append([self.bias_ih_l0.detach().clone(), self.bias_hh_l0.detach().clone()])
            return super().forward(x)

    monkeypatch.setitem(gradient["LAYERS"], "lstm", Recorded)
    gradient["factor"]("lstm", 3.0, seed=5), gradient["factor"]("lstm", seed=5)
    (b_ih, b_hh), (default_ih, default_hh) = made
    assert torch.equal((b_ih + b_hh)[H : 2 * H], torch.full((H,), 3.0, dtype=torch.float64))
    others = [k for k in range(4 * H) if not H <= k < 2 * H]
    assert torch.equal(b_ih[others], default_ih[others]) and torch.equal(b_hh[others], default_hh[others])


@pytest.mark.claim(
    "seed_gradient_rnn",
    "seed_gradient_lstm",
    "seed_gradient_gru",
    "seed_solves",
    "lstm_dose_fades",
    "compare_rnn_fades_fastest",
    "compare_all_fade",
)
def test_gradient_claims_hold_for_other_seeds(gradient):
    again = {
        key: statistics.median(gradient["factor"](*variant, seed=seed) for seed in range(200, 205))
        for key, variant in gradient["VARIANTS"].items()
    }
    for factor in (gradient["median"], again):
        assert 0.5 < factor["rnn"] < factor["lstm"] < 0.7  # all three vanish
        assert factor["rnn"] < factor["gru"] < 0.7
        assert factor["lstm"] + 0.1 < factor["lstm_1"] < 0.9
        assert 0.98 < factor["lstm_3"] < 1.02
        assert factor["gru"] + 0.1 < factor["gru_1"] < 0.85
        assert 0.94 < factor["gru_3"] < 0.98
    assert gradient["seeds"] >= 5
    for key in again:
        assert gradient["low"][key] < gradient["median"][key] < gradient["high"][key]
        assert gradient["high"][key] - gradient["low"][key] < 0.07
        assert gradient["after_100"][key] == pytest.approx(gradient["median"][key] ** 100)
    assert gradient["high"]["rnn"] < gradient["low"]["lstm"]


@pytest.mark.parametrize("file", ["rnn/fades", "lstm/keeps", "gru/keeps"])
def test_influence_equals_finite_differences(file):
    made = run_cells(file, "influence")
    name = file.split("/")[0]
    torch.manual_seed(7)
    layer = getattr(torch.nn, name.upper())(10, 16, batch_first=True, dtype=torch.float64)
    state = torch.random.get_rng_state()
    ours = made["influence"](layer, T=12, B=3)
    torch.random.set_rng_state(state)
    x = torch.randn(3, 12, 10, dtype=torch.float64)

    def total(x):  # of the last output, per sequence
        with torch.no_grad():
            return layer(x)[0][:, -1].sum(dim=1)

    for lag in (0, 1, 2, 5, 11):
        slopes = []
        for k in range(10):
            nudge = torch.zeros_like(x)
            nudge[:, 11 - lag, k] = 1e-5
            slopes.append((total(x + nudge) - total(x - nudge)) / 2e-5)
        assert ours[lag].item() == pytest.approx(torch.stack(slopes).norm(dim=0).mean().item(), rel=1e-4)


@pytest.mark.claim("rnn_fades", "lstm_default_fades", "lstm_bias_3_keeps", "gru_fades")
def test_the_pages_small_figures(gradient):
    fades, lstm, gru = (
        runpy.run_path(str(ROOT / f"snippets/{file}.py")) for file in ("rnn/fades", "lstm/keeps", "gru/keeps")
    )
    assert fades["low"] < fades["factor"] < fades["high"]
    assert len(fades["left"]) >= 5
    assert fades["factor"] == pytest.approx(gradient["median"]["rnn"], abs=0.02)
    assert fades["after_40"] < 1e-9
    assert lstm["left"]["default"][:, 40].min() > fades["left"][:, 40].max()  # more than the RNN's
    for made, name, open_gate in ((lstm, "lstm", 0.1), (gru, "gru", 0.05)):
        after = made["after_40"]
        assert all(len(left) >= 5 for left in made["left"].values())
        assert after["default"] < 1e-7 and 1e-6 < after["1"] < 0.01 and open_gate < after["3"] < 1
        for key, variant in {"default": name, "1": f"{name}_1", "3": f"{name}_3"}.items():
            left = made["left"][key].median(0).values
            per_step = (left[80] / left[20]).item() ** (1 / 60)
            assert per_step == pytest.approx(gradient["median"][variant], abs=0.02)
