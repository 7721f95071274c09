"""The exploding-gradient figure, against autograd, a closed form and other seeds."""

import contextlib
import io
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch

SNIPPET = Path(__file__).parents[1] / "snippets" / "rnn_exploding_gradient.py"
NETS = {"linear": (1.0, True), "small": (0.1, False), "unit": (1.0, False)}
TITLES = {"linear": "explodes", "small": "holds", "unit": "vanishes"}


@pytest.fixture(scope="module")
def made():
    """The snippet's names, what it printed and the axes it drew on."""
    torch.set_num_threads(1)
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("MPLBACKEND", "Agg")
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        plt.close("all")
        names = runpy.run_path(str(SNIPPET))
    figures = [plt.figure(number) for number in plt.get_fignums()]
    yield SimpleNamespace(**names, printed=printed.getvalue(), figures=figures)
    plt.close("all")


def key(radius):
    return f"r{radius}".replace(".", "_")


def autograd_norm(W_ih, W_hh, x, k):
    """The same norm from nn.RNN and autograd: one copy of the net per row of the Jacobian."""
    H, I = W_ih.shape  # noqa: E741
    rnn = torch.nn.RNN(I, H, bias=False).double()
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(W_ih)
        rnn.weight_hh_l0.copy_(W_hh)
        _, before = rnn(x[:-k])  # (1, H)
    start = before.expand(H, H).clone().unsqueeze(0).requires_grad_()  # (1, B=H, H)
    output, _ = rnn(x[-k:, None].expand(k, H, I), start)  # (k, B=H, H)
    (jacobian,) = torch.autograd.grad(output[-1].diagonal().sum(), start)
    return jacobian.norm().item() / H**0.5


def per_step(norms):
    """The factor per step from lag 10 to lag 50."""
    return float(np.exp((np.log(norms[50]) - np.log(norms[10])) / 40))


@pytest.mark.parametrize(("radius", "size"), [(0.5, 1.0), (1.3, 0.1), (1.3, 1.0), (3.0, 1.0)])
def test_tanh_norms_are_those_of_autograd(made, radius, size):
    W_ih, W_hh, x = made.random_net(radius, seed=11)
    norms = made.gradient_norms(W_ih, W_hh, size * x)
    assert len(norms) == 51 and norms[0] == 1
    for k in (1, 2, 9, 50):
        assert norms[k] == pytest.approx(autograd_norm(W_ih, W_hh, size * x, k), rel=1e-5)  # radius 3 is chaotic


def test_linear_norms_are_those_of_the_matrix_powers(made):
    W_ih, W_hh, x = made.random_net(1.3, seed=12)
    norms = made.gradient_norms(W_ih, W_hh, x, linear=True)
    for k in range(51):
        power = np.linalg.matrix_power(W_hh.numpy(), k)
        assert norms[k] == pytest.approx(np.linalg.norm(power) / 8, rel=1e-9)


@pytest.mark.parametrize("radius", [0.5, 1.3, 3.0])
def test_spectral_radius_by_gelfands_formula(made, radius):
    W_ih, W_hh, x = made.random_net(radius, seed=13)
    power = np.linalg.matrix_power(W_hh.numpy() / radius, 2**14)
    assert np.linalg.norm(power) ** 2**-14 == pytest.approx(1, abs=2e-3)
    assert (x @ W_ih.T).std().item() == pytest.approx(1, abs=0.2)  # "unit inputs"
    assert W_hh.dtype == x.dtype == torch.float64
    assert x.shape == (80, 8) and W_hh.shape == (64, 64)


def test_values_of_the_tanh_nets_are_autograds(made):
    for net, radius in [("small", 1.3), ("unit", 1.3), ("unit", 3.0)]:
        factors, left = [], []
        for seed in range(made.seeds):
            W_ih, W_hh, x = made.random_net(radius, seed)
            x = NETS[net][0] * x
            norms = {k: autograd_norm(W_ih, W_hh, x, k) for k in (10, 50)}
            factors.append(per_step(norms))
            left.append(norms[50])
        value = made.factor[net][key(radius)]
        assert value["low"] == pytest.approx(min(factors), rel=1e-6)
        assert value["median"] == pytest.approx(np.median(factors), rel=1e-6)
        assert value["high"] == pytest.approx(max(factors), rel=1e-6)
        assert value["left"] == pytest.approx(np.median(left), rel=1e-6)


@pytest.mark.claim("rnn_linear_radius")
def test_values_of_the_linear_net_are_the_closed_form(made):
    errors = []
    for radius in made.RADII:
        powers = []
        for seed in range(made.seeds):
            _, W_hh, _ = made.random_net(radius, seed)
            norms = {k: np.linalg.norm(np.linalg.matrix_power(W_hh.numpy(), k)) for k in (10, 50)}
            powers.append(per_step(norms))
        value = made.factor["linear"][key(radius)]
        assert value["low"] == pytest.approx(min(powers), rel=1e-6)
        assert value["high"] == pytest.approx(max(powers), rel=1e-6)
        assert value["median"] == pytest.approx(radius, rel=0.02)
        errors += [abs(power / radius - 1) for power in powers]
    assert made.linear_error == pytest.approx(max(errors), rel=1e-6)
    assert made.linear_error < 0.05


@pytest.mark.claim("rnn_default_radius")
def test_the_start_of_nn_rnn(made):
    """Entries uniform within 1 / sqrt(H) have variance 1 / (3 H): radius 1 / sqrt(3), if H is large."""
    assert made.default_radius == pytest.approx(3**-0.5, rel=0.1)
    measured = []
    for seed in range(300, 310):
        torch.manual_seed(seed)
        W_hh = torch.nn.RNN(8, 64).weight_hh_l0.detach().double().numpy()
        scaled = np.linalg.matrix_power(W_hh / 0.6, 2**10)
        measured.append(0.6 * np.linalg.norm(scaled) ** 2**-10)
    assert made.default_radius == pytest.approx(np.median(measured), rel=0.05)


@pytest.mark.claim(
    "seed_suffers",
    "rnn_linear_explodes",
    "rnn_small_inputs_hold",
    "rnn_unit_inputs_vanish",
    "rnn_radius_is_not_enough",
    "rnn_radius_3_grows",
)
@pytest.mark.parametrize("seeds", [range(100, 105), range(200, 205)])
def test_claims_hold_for_other_seeds(made, seeds):
    factors = {}
    for net, (size, linear) in NETS.items():
        for radius in made.RADII:
            nets = (made.random_net(radius, seed) for seed in seeds)
            each = [per_step(made.gradient_norms(W_ih, W_hh, size * x, linear)) for W_ih, W_hh, x in nets]
            factors[net, radius] = np.array(each)
            if linear:
                assert np.allclose(each, radius, rtol=0.05)
            if radius < 1:  # vanishes in every net
                assert max(each) < 1
            if radius == 3:  # explodes in every net, if not with every seed
                assert np.median(each) > 1.05
    assert 0.9 < np.median(factors["small", 1.3]) < 1.05  # holds
    assert max(factors["unit", 1.3]) < 0.9  # vanishes
    for radius in made.RADII:  # saturation only takes away
        assert (factors["unit", radius] < factors["linear", radius]).all()


def test_titles_say_what_was_measured(made):
    r1_3 = {net: made.factor[net]["r1_3"] for net in NETS}
    assert r1_3["linear"]["low"] > 1.2
    assert 0.9 < r1_3["small"]["low"] < 1 < r1_3["small"]["high"] < 1.1
    assert r1_3["unit"]["high"] < 0.9
    for figure in made.figures:
        for ax, word in zip(figure.axes, TITLES.values(), strict=True):
            assert ax.get_title(loc="left").endswith(f"1.3 {word}")


def test_lines_and_bands_are_the_measurement(made):
    assert len(made.figures) == 2
    for figure in made.figures:
        for ax, net in zip(figure.axes, NETS, strict=True):
            assert ax.get_yscale() == "log"
            curves = [line for line in ax.lines if line.get_color() == made.RNN]
            assert len(curves) == len(ax.collections) == len(made.RADII)
            for radius, line, band in zip(made.RADII, curves, ax.collections, strict=True):
                value, runs = made.factor[net][key(radius)], made._runs[net][radius]
                assert list(line.get_xdata()) == list(range(51))
                assert line.get_ydata()[-1] == pytest.approx(value["left"])
                assert line.get_ydata()[20] == pytest.approx(np.median([run[20] for run in runs]))
                ends = {y for k, y in band.get_paths()[0].vertices if k == 20}
                assert min(ends) == pytest.approx(min(run[20] for run in runs))
                assert max(ends) == pytest.approx(max(run[20] for run in runs))
        predicted = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
        for radius, line in zip(made.RADII, predicted, strict=True):
            closed_form = np.exp(np.arange(51) * np.log(radius))
            assert np.allclose(line.get_ydata(), closed_form, rtol=1e-9)


def test_printed_numbers(made):
    row = re.compile(r"radius (\S+): linear (\S+), tanh (\S+)")
    rows = row.findall(made.printed)
    assert [radius for radius, *_ in rows] == ["0.5", "1.3", "3.0"]
    for radius, linear, tanh in rows:
        W_ih, W_hh, x = made.random_net(float(radius), seed=0)
        power = np.linalg.matrix_power(W_hh.numpy(), 50)
        assert float(linear) == pytest.approx(np.linalg.norm(power) / 8, rel=0.5)
        assert float(tanh) == pytest.approx(autograd_norm(W_ih, W_hh, x, 50), rel=0.5)
