"""The time series page, measured again: no leaks, rivals by other hands, other seeds, a part of the record."""

import math
import statistics

import numpy as np
import pytest
import studies
import torch
from scipy.integrate import solve_ivp
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.ar_model import AutoReg

STUDY = "applications/time_series/forecast"
CELLS = ("rnn", "lstm", "gru")


@pytest.fixture(scope="module")
def page():
    torch.set_num_threads(1)
    return studies.load(STUDY)


def walk(seed, steps):
    return 100 + np.random.default_rng(seed).standard_normal(steps).cumsum()


# No leaks


def models(page):
    """Every kind of forecaster, quickly trained."""
    for cell in page["LAYERS"]:
        yield cell, lambda past, cell=cell: page["train"](cell, past, 0.01, 5, 0)
    yield "linear", lambda past: page["autoregression"](past, 3)


def test_no_forecast_sees_its_own_day_or_a_later_one(page):
    series, start, folds = walk(1, 150), 90, 3
    for name, fit in models(page):
        before = page["walk_forward"](fit, series, start, folds)
        for day in (90, 91, 109, 110, 111, 130, 149):  # at, before and after the fits
            changed = series.copy()
            changed[day:] = 50 * np.random.default_rng(day).standard_normal(150 - day)
            after = page["walk_forward"](fit, changed, start, folds)
            same = day - start + 1  # the forecast of `day` itself saw only what came before
            assert np.array_equal(after[:same], before[:same]), f"{name} sees day {day}"
            assert day == 149 or not np.array_equal(after[same:], before[same:]), f"{name} sees nothing"


def test_what_is_chosen_is_chosen_before_the_test_begins(page):
    series, start = walk(2, 150), 100
    changed = np.r_[series[:start], np.zeros(50)]
    fits = {"linear": (lambda past, order: [page["autoregression"](past, order)], (1, 2, 3)),
            "rnn": (lambda past, rate: [page["train"]("rnn", past, rate, 5, 0)], (0.01, 0.1))}  # fmt: skip
    for fit, grid in fits.values():
        assert page["choose"](fit, series, start, grid) == page["choose"](fit, changed, start, grid)
        pasts = []
        page["choose"](lambda past, value, fit=fit: pasts.append(past) or fit(past, value), series, start, grid)  # noqa: B023
        assert all(np.array_equal(past, series[:75]) for past in pasts)  # the last quarter is for choosing


def test_a_net_s_scale_is_the_past_s(page):
    past = walk(3, 80)
    net = page["Net"]("gru", past)
    assert net.mean == pytest.approx(sum(past) / 80) and net.std == pytest.approx(statistics.pstdev(past))


# Windows, naive forecast, linear autoregression


def test_windows_and_targets_are_those_a_loop_cuts(page):
    series, L = walk(4, 60), page["L"]
    by_loop = [[series[first + k] for k in range(L)] for first in range(60 - L + 1)]
    assert page["windows"](series).tolist() == by_loop
    # a forecaster that repeats the last value of its window must be persistence, to the day
    yesterday = page["walk_forward"](lambda past: lambda s: page["windows"](s)[:, -1], series, 40, 4)
    assert yesterday.tolist() == [series[day - 1] for day in range(40, 60)]


def test_nets_are_taught_the_value_after_each_window(page, monkeypatch):
    """On a staircase, whoever learns the next value says last value + 1."""
    steps = np.tile(np.arange(30.0), 12)
    assert np.allclose(page["autoregression"](np.arange(80.0), 2)(np.arange(80.0, 104.0)), 104)
    forecast = page["train"]("gru", steps, 0.01, 400, 0)
    error = forecast(steps)[:-1] - steps[page["L"]:]
    assert np.abs(error).mean() < 1  # off by one step would be 1, or more


@pytest.mark.claim("time_series_naive")
def test_persistence_by_hand(page):
    price, start = page["price"].tolist(), page["START"]
    squares = [(price[day - 1] - price[day]) ** 2 for day in range(start, len(price))]
    by_hand = math.sqrt(sum(squares) / len(squares))
    assert page["rmse"](page["yesterday"], page["price"], start) == pytest.approx(by_hand)


@pytest.mark.claim("time_series_linear")
@pytest.mark.parametrize("name", ["price", "sunspots", "elnino", "mackey"])
def test_autoregression_is_that_of_statsmodels(page, name):
    values, start, _ = page["SERIES"][name]
    L = page["L"]
    for order in (1, 2, 9, 24):
        theirs = AutoReg(values[:start], lags=order, hold_back=L).fit()
        ours = page["autoregression"](values[:start], order)
        assert ours(values[: start - 1]) == pytest.approx(theirs.fittedvalues, rel=1e-8)
        assert ours(values[start - L : start])[0] == pytest.approx(theirs.forecast(1)[0], rel=1e-8)


# Mackey-Glass


def test_the_integrator_is_of_fourth_order(page):
    coarse, fine, finer = (page["mackey_glass"](35, step=step) for step in (1.0, 0.5, 0.25))
    order = math.log2(abs(coarse - fine).max() / abs(fine - finer).max())
    assert 3.7 < order < 4.5


@pytest.mark.claim("time_series_mackey")
def test_another_integrator_agrees(page):
    """SciPy's, delay by delay: within one, the past is a known function."""
    tau, pieces = 17.0, [lambda t: [1.2]]  # the first is the time before zero

    def slope(t, x):
        late = pieces[-1](t - tau)[0]
        return 0.2 * late / (1 + late**10) - 0.1 * x

    x = [1.2]
    for n in range(12):
        span = n * tau, (n + 1) * tau
        solved = solve_ivp(slope, span, x[-1:], rtol=1e-10, atol=1e-12, dense_output=True)
        pieces.append(solved.sol)
        x.append(solved.y[0, -1])
    times = np.arange(0, 12 * tau, 6.0)
    theirs = [pieces[1 + int(t // tau)](t)[0] for t in times]
    assert np.abs(page["mackey_glass"](len(times)) - theirs).max() < 1e-4


def test_mackey_glass_is_chaotic(page):
    near, far = (page["mackey_glass"](700, start=start) for start in (1.2, 1.2 + 1e-6))
    apart = abs(near - far)
    assert apart[:20].max() < 1e-4 and apart[-200:].max() > 0.1


# The record


def made(page, name, cell):
    """The recorded forecasts, (seeds, days), with what came and the naive forecast."""
    values, start, _ = page["SERIES"][name]
    forecasts = np.array([text.split() for text in page["runs"][f"{name} {cell}"]["forecasts"]], dtype=float)
    assert forecasts.shape == (5, len(values) - start) and page["seeds"] == 5
    naive = {"return": 0 * values[start:], "size": [values[:day].mean() for day in range(start, len(values))]}
    return forecasts, values[start:], np.array(naive.get(name, values[start - 1 : -1]))


def rms(errors):
    return np.sqrt(np.mean(np.square(errors), axis=-1))


def relative(page, name, cell):
    """Of each seed, the error over the naive forecast's."""
    forecasts, came, naive = made(page, name, cell)
    return rms(forecasts - came) / rms(naive - came)


def linear(page, name, order):
    """Walk-forward forecasts of statsmodels' autoregression."""
    values, start, folds = page["SERIES"][name]
    forecasts = []
    for fold in np.array_split(np.arange(start, len(values)), folds):
        weights = AutoReg(values[: fold[0]], lags=order, hold_back=page["L"]).fit().params
        forecasts += [weights[0] + weights[1:] @ values[day - order : day][::-1] for day in fold]
    return np.array(forecasts)


def gain(losses, rival, lags=20):
    """Diebold and Mariano's statistic: mean loss saved against a rival, in its standard errors (Newey-West)."""
    saved = rival - losses
    return OLS(saved, np.ones(len(saved))).fit(cov_type="HAC", cov_kwds={"maxlags": lags}).tvalues[0]


@pytest.mark.claim("time_series_price", "time_series_price_row")
def test_every_net_loses_to_persistence_on_every_stretch(page):
    for cell in CELLS:
        forecasts, came, naive = made(page, "price", cell)
        assert (relative(page, "price", cell) > 1.3).all()
        for days in np.array_split(np.arange(len(came)), 5):
            assert (rms((forecasts - came)[:, days]) > rms((naive - came)[days])).all(), cell
        squares = np.square(forecasts - came).mean(0)
        assert gain(squares, np.square(naive - came)) < -2


@pytest.mark.claim("time_series_lag")
def test_forecasts_move_as_the_price_did_the_day_before(page):
    price, start = page["price"], page["START"]
    for cell in CELLS:
        for forecast in made(page, "price", cell)[0]:
            moves = np.diff(forecast)
            by_lag = {lag: np.corrcoef(moves, [price[day - lag] - price[day - lag - 1]
                                               for day in range(start + 1, len(price))])[0, 1]
                      for lag in range(-3, 6)}  # fmt: skip
            assert max(by_lag, key=by_lag.get) == 1 and by_lag[1] > 0.7 and abs(by_lag[0]) < 0.2


@pytest.mark.claim("time_series_shown")
def test_the_illusion_has_no_favourite_seed(page):
    """The LSTM of the page, with seeds that it did not see, on the first 200 test days."""
    start, rate = page["START"], page["rate"]["price"]["lstm"]
    price = page["price"][: start + 200]
    yesterday = rms(price[start - 1 : -1] - price[start:])
    for seed in range(50, 55):
        forecast = page["walk_forward"](lambda past, s=seed: page["train"]("lstm", past, rate, 300, s), price, start, 2)
        assert rms(forecast - price[start:]) > yesterday
        moves, before = np.diff(forecast), np.diff(price)[start - 1 : -1]
        assert np.corrcoef(moves, before)[0, 1] > 0.5
        assert abs(np.corrcoef(moves, np.diff(price)[start:])[0, 1]) < 0.25
