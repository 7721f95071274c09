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

from hooks.snippet import read_snippet

STUDY = "applications/time_series/forecast"
CELLS = ("rnn", "lstm", "gru")


@pytest.fixture(scope="module")
def page():
    torch.set_num_threads(1)
    return studies.load(STUDY)


@pytest.fixture(scope="module")
def summary(page):
    """What the page quotes of the record."""
    names = dict(page)
    for cell in read_snippet(studies.ROOT, f"snippets/{STUDY}.py").code:
        if cell.name in ("verdict", "numbers"):
            exec(cell.source, names)
    return names


def walk(seed, steps):
    return 100 + np.random.default_rng(seed).standard_normal(steps).cumsum()


# No leaks


def models(page):
    """Every kind of forecaster, quickly trained."""
    for cell in page["LAYERS"]:
        yield cell, lambda past, cell=cell: page["train"](cell, past, 0.01, 5, 0)
    yield "linear", lambda past: page["autoregression"](past, 3)


@pytest.mark.claim("time_series_no_leak")
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


def test_choosing_scores_each_forecast_on_its_own_day(page):
    """A forecaster that repeats the last value must get persistence's error, on the last quarter."""
    series = walk(6, 130)
    repeat = lambda past, value: [lambda s: page["windows"](s)[:, -1] + value]  # noqa: E731
    best, errors = page["choose"](repeat, series, 100, (0.0, 5.0))
    assert best == 0 and errors[0.0] == pytest.approx(rms([series[t] - series[t - 1] for t in range(75, 100)]))


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


def test_persistence_by_hand(page):
    price, start = page["price"].tolist(), page["START"]
    squares = [(price[day - 1] - price[day]) ** 2 for day in range(start, len(price))]
    by_hand = math.sqrt(sum(squares) / len(squares))
    assert page["rmse"](page["yesterday"], page["price"], start) == pytest.approx(by_hand)


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
    for cell in page["LAYERS"]:
        forecasts, came, naive = made(page, "price", cell)
        assert (relative(page, "price", cell) > 1.3).all()
        for days in np.array_split(np.arange(len(came)), 5):
            assert (rms((forecasts - came)[:, days]) > rms((naive - came)[days])).all(), cell
        stretches = np.array_split(np.arange(len(came)), 5)
        days = np.concatenate([*stretches[:2], *stretches[3:]])  # without the one where it is plain to see
        assert gain(np.square(forecasts - came).mean(0)[days], np.square(naive - came)[days]) < -2


@pytest.mark.claim("time_series_lag")
def test_forecasts_move_as_the_price_did_the_day_before(page, summary):
    price, start = page["price"], page["START"]
    low, same = summary["lag_1"], summary["lag_0"]  # of these the page quotes the ends
    assert min(cell["low"] for cell in low.values()) == low["lstm"]["low"]
    assert min(cell["low"] for cell in same.values()) == same["lstm"]["low"]
    assert max(cell["high"] for cell in same.values()) == same["gru"]["high"]
    for cell in CELLS:
        for forecast in made(page, "price", cell)[0]:
            days = range(start + 1, len(price) - 3)
            moves = [forecast[day - start] - forecast[day - start - 1] for day in days]
            by_lag = {}
            for lag in range(-3, 6):
                before = [price[day - lag] - price[day - lag - 1] for day in days]
                by_lag[lag] = np.corrcoef(moves, before)[0, 1]
            assert max(by_lag, key=by_lag.get) == 1 and by_lag[1] > 0.7 and abs(by_lag[0]) < 0.2


@pytest.mark.claim("time_series_shown")
def test_the_illusion_has_no_favourite_seed(page):
    """The LSTM of the page, with seeds that it did not see, on the first 200 test days."""
    came = page["price"][page["START"] :]
    assert rms(page["by_lstm"] - came) > 2 * rms(page["yesterday"] - came)
    assert (relative(page, "price", "lstm") > 2).all()
    start, rate = page["START"], page["runs"]["price lstm"]["rate"]
    price = page["price"][: start + 200]
    yesterday = rms(price[start - 1 : -1] - price[start:])
    for seed in range(50, 55):
        forecast = page["walk_forward"](lambda past, s=seed: page["train"]("lstm", past, rate, 300, s), price, start, 2)
        assert rms(forecast - price[start:]) > yesterday
        moves, before = np.diff(forecast), np.diff(price)[start - 1 : -1]
        assert np.corrcoef(moves, before)[0, 1] > 0.5
        assert abs(np.corrcoef(moves, np.diff(price)[start:])[0, 1]) < 0.25


def test_the_ratios_of_the_page_are_those_of_the_record(page, summary):
    for name in page["SERIES"]:
        said = summary["ratio"][name]
        for cell in page["LAYERS"]:
            by_hand = relative(page, name, cell)
            expected = [np.median(by_hand), by_hand.min(), by_hand.max()]
            assert [said[cell][key] for key in ("median", "low", "high")] == pytest.approx(expected)
        _, came, naive = made(page, name, "rnn")
        forecast = linear(page, name, summary["order"][name])
        assert said["linear"]["median"] == pytest.approx(rms(forecast - came) / rms(naive - came))
    for name, season in {"sunspots": 11, "elnino": 12}.items():
        values, start, _ = page["SERIES"][name]
        errors = [values[t] - values[t - season] for t in range(start, len(values))]
        naive = [values[t] - values[t - 1] for t in range(start, len(values))]
        assert summary["ratio"][name]["season"]["median"] == pytest.approx(rms(errors) / rms(naive))


@pytest.mark.claim("time_series_intervals")
def test_the_intervals_of_the_page_agree_with_another_bootstrap(page, summary):
    """Other blocks, other draws, ends not joined: the ends move by less than half the width."""
    rng = np.random.default_rng(7)
    for name, cell in (("price", "rnn"), ("size", "gru"), ("sunspots", "lstm"), ("elnino", "rnn"), ("mackey", "gru")):
        forecasts, came, naive = made(page, name, cell)
        n, block, drawn = len(came), 15, []
        for _ in range(500):
            firsts = rng.integers(n - block + 1, size=n // block + 1)
            days = np.concatenate([np.arange(first, first + block) for first in firsts])[:n]
            drawn.append(np.median(rms((forecasts - came)[:, days]) / rms((naive - came)[days])))
        said = summary["ratio"][name][cell]
        ends = [said["at"], said["to"]]
        assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx(ends, abs=np.ptp(ends) / 2)


@pytest.mark.claim("time_series_equal_size")
def test_all_nets_are_of_equal_size(page):
    sizes = {cell: sum(p.numel() for p in page["Net"](cell, np.arange(9.0)).parameters()) for cell in page["LAYERS"]}
    assert sizes == page["parameters"] and max(sizes.values()) < 1.02 * min(sizes.values())


@pytest.mark.claim("time_series_unseen")
def test_on_prices_never_seen_nets_fail_most(page, summary):
    price, start, folds = page["SERIES"]["price"]
    stretches = np.array_split(np.arange(start, len(price)), folds)
    assert np.argmax([(price[days] > price[: days[0]].max()).mean() for days in stretches]) == 2
    for cell in CELLS:
        forecasts, came, naive = made(page, "price", cell)
        by_fold = [np.median(rms((forecasts - came)[:, days]) / rms((naive - came)[days]))
                   for days in np.array_split(np.arange(len(came)), folds)]  # fmt: skip
        assert np.argmax(by_fold) == 2 and by_fold[2] == pytest.approx(summary["worst"][cell]) and by_fold[2] > 2.5


@pytest.mark.claim("time_series_alike")
def test_prices_are_alike_and_returns_are_not(page):
    price = page["price"]
    returns = np.diff(np.log(price))
    assert np.corrcoef(price[1:], price[:-1])[0, 1] > 0.99
    # chance: the same returns, shuffled
    rng = np.random.default_rng(5)
    shuffled = [rng.permutation(returns) for _ in range(400)]
    chance = np.quantile([abs(np.corrcoef(s[1:], s[:-1])[0, 1]) for s in shuffled], 0.95)
    assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < chance
    assert chance == pytest.approx(2 / math.sqrt(len(returns)), rel=0.2)


@pytest.mark.claim("time_series_returns", "time_series_returns_table", "time_series_return_row")
def test_nothing_beats_no_change_on_returns(page, summary):
    for cell in page["LAYERS"]:
        forecasts, came, naive = made(page, "return", cell)
        assert (relative(page, "return", cell) > 1).all()
        assert gain(np.square(forecasts - came).mean(0), np.square(naive - came)) < 1
    for rival in ("linear", "ewma"):
        assert summary["ratio"]["return"][rival]["low"] > 1


@pytest.mark.claim("time_series_return_rate")
def test_gated_nets_chose_to_learn_next_to_nothing(page, summary):
    for cell in ("lstm", "gru"):
        assert summary["rate"]["return"][cell] == min(page["RATES"])
        forecasts, came, _ = made(page, "return", cell)
        assert (rms(forecasts) < 0.15 * rms(came)).all()


@pytest.mark.claim("time_series_size", "time_series_size_row")
def test_the_size_of_returns_is_a_little_predictable(page):
    for cell in CELLS:
        forecasts, came, naive = made(page, "size", cell)
        assert (relative(page, "size", cell) < 0.99).all()
        assert gain(np.square(forecasts - came).mean(0), np.square(naive - came)) > 1.7


@pytest.mark.claim("time_series_size_ewma", "time_series_size_row")
def test_a_decaying_mean_is_as_good(page, summary):
    sizes, start, _ = page["SERIES"]["size"]
    forgets = 1 - summary["DECAY"]
    for forgotten in (forgets / 2, forgets, 2 * forgets):
        mean, means = sizes[0], []
        for size in sizes:
            means.append(mean)
            mean += forgotten * (size - mean)
        error = rms(np.array(means)[start:] - sizes[start:])
        for cell in page["LAYERS"]:
            assert (rms(made(page, "size", cell)[0] - sizes[start:]) > error).all()
    for cell in page["LAYERS"]:
        assert summary["to_ewma"]["size"][cell]["to"] > 1


def drawn_again(losses, rival, block, seed=9):
    """The median seed's error over a rival's, on redrawn blocks of the test: its 95 % interval."""
    rng, n, ratios = np.random.default_rng(seed), len(rival), []
    for _ in range(600):
        firsts = rng.integers(n - block + 1, size=n // block)
        days = np.concatenate([np.arange(first, first + block) for first in firsts])
        ratios.append(np.median(np.sqrt(losses[:, days].mean(1) / rival[days].mean())))
    return np.quantile(ratios, [0.025, 0.975])


def against_linear(page, summary, name, cell, block):
    forecasts, came, _ = made(page, name, cell)
    rival = linear(page, name, summary["order"][name])
    return drawn_again(np.square(forecasts - came), np.square(rival - came), block)


@pytest.mark.claim("time_series_season")
def test_a_season_ago_is_worse_than_the_last_value(page):
    for name, season in {"sunspots": 11, "elnino": 12}.items():
        values, start, _ = page["SERIES"][name]
        t = np.arange(start, len(values))
        assert rms(values[t] - values[t - season]) > rms(values[t] - values[t - 1])


@pytest.mark.claim("time_series_sunspots", "time_series_sunspots_row", "time_series_nature_table")
def test_recurrent_nets_beat_the_autoregression_on_sunspots(page, summary):
    for cell in CELLS:
        forecasts, came, _ = made(page, "sunspots", cell)
        rival = linear(page, "sunspots", summary["order"]["sunspots"])
        assert (rms(forecasts - came) < rms(rival - came)).all()
        assert against_linear(page, summary, "sunspots", cell, 11)[1] < 1.03
        assert summary["to_linear"]["sunspots"][cell]["to"] < 1
        assert gain(np.square(forecasts - came).mean(0), np.square(rival - came), 11) > 1.6


@pytest.mark.claim("time_series_sunspots_hindsight")
def test_gated_nets_beat_every_autoregression_on_sunspots(page, summary):
    assert summary["order"]["sunspots"] == 2
    _, came, _ = made(page, "sunspots", "gru")
    best = min((linear(page, "sunspots", order) for order in range(1, 25)), key=lambda made: rms(made - came))
    for cell in ("lstm", "gru"):
        forecasts = made(page, "sunspots", cell)[0]
        assert (rms(forecasts - came) < rms(best - came)).all()
        low, high = drawn_again(np.square(forecasts - came), np.square(best - came), 11)
        assert low < 0.95 and high > 1.03  # so it may be chance
        said = summary["to_best"]["sunspots"][cell]
        assert [said["at"], said["to"]] == pytest.approx([low, high], abs=0.05)


@pytest.mark.claim("time_series_sunspots_window")
def test_the_window_net_s_lead_on_sunspots_may_be_chance(page, summary):
    low, high = against_linear(page, summary, "sunspots", "window", 11)
    assert low < 1 < high


@pytest.mark.claim("time_series_recurrence")
def test_where_recurrence_beats_a_window(page, summary):
    ends = {}
    for name, block in {"sunspots": 11, "elnino": 12, "mackey": 20}.items():
        window, came, _ = made(page, name, "window")
        rival = np.square(window - came).mean(0)
        for cell in CELLS:
            ends[name, cell] = drawn_again(np.square(made(page, name, cell)[0] - came), rival, block)
            said = summary["to_window"][name][cell]
            assert [said["at"], said["to"]] == pytest.approx(ends[name, cell], abs=0.1 * said["median"])
    assert max(ends["elnino", cell][1] for cell in CELLS) < 0.97
    assert all(0.95 < ends["sunspots", cell][1] < 1.07 for cell in CELLS)
    assert all((relative(page, "sunspots", cell) < relative(page, "sunspots", "window").min()).all() for cell in CELLS)
    assert ends["mackey", "rnn"][1] < 0.9 and min(ends["mackey", cell][0] for cell in ("lstm", "gru")) > 1.1
    assert against_linear(page, summary, "elnino", "window", 12)[0] > 1  # so is a weighted sum


@pytest.mark.claim("time_series_elnino", "time_series_elnino_row")
def test_el_nino_is_a_tie(page, summary):
    for cell in CELLS:
        low, high = against_linear(page, summary, "elnino", cell, 12)
        assert 0.85 < low < 1.01 and 0.99 < high < 1.2
        assert summary["to_linear"]["elnino"][cell]["at"] < 1 < summary["to_linear"]["elnino"][cell]["to"]


@pytest.mark.claim("time_series_elnino_window")
def test_the_window_net_is_behind_on_el_nino(page, summary):
    assert against_linear(page, summary, "elnino", "window", 12)[0] > 1


@pytest.mark.claim("time_series_mackey", "time_series_mackey_table", "time_series_mackey_row")
def test_every_net_beats_the_autoregression_on_mackey_glass(page, summary):
    for cell in page["LAYERS"]:
        forecasts, came, naive = made(page, "mackey", cell)
        best = min(rms(linear(page, "mackey", order) - came) for order in (2, 12, 24))
        assert (rms(forecasts - came) < 0.2 * best).all() and best > 0.3 * rms(naive - came)
    medians = {cell: of["median"] for cell, of in summary["ratio"]["mackey"].items() if cell in page["LAYERS"]}
    assert max(medians, key=medians.get) == "gru"


@pytest.mark.claim("time_series_mackey_rnn")
def test_the_rnn_is_ahead_on_mackey_glass(page):
    rnn, lstm, gru = (relative(page, "mackey", cell) for cell in CELLS)
    assert rnn.max() < min(lstm.min(), gru.min())


@pytest.mark.claim("time_series_mackey_window")
def test_a_net_without_recurrence_does_it_too(page):
    assert relative(page, "mackey", "window").max() < relative(page, "mackey", "lstm").min() + 0.002
    middle = {cell: np.median(relative(page, "mackey", cell)) for cell in page["LAYERS"]}
    assert middle["rnn"] < middle["window"] < middle["lstm"] < middle["gru"]


@pytest.mark.claim("time_series_edges")
def test_where_the_chosen_rates_lie(page, summary):
    ends = [key for key, run in page["runs"].items() if run["rate"] in (min(page["RATES"]), max(page["RATES"]))]
    assert len(ends) == summary["edges"] and {key.split()[0] for key in ends} == {"return", "size"}
    for run in page["runs"].values():  # the rate is the one that was best
        assert run["errors"][str(run["rate"])] <= 1.001 * min(run["errors"].values())  # four digits are kept
        assert list(run["errors"]) == [str(rate) for rate in page["RATES"]]


@pytest.mark.claim("time_series_dose_price", "time_series_dose_rest")
def test_the_dose_sums_up(page, summary):
    ratio, to_linear = summary["ratio"], summary["to_linear"]
    for cell in CELLS:
        assert ratio["price"][cell]["low"] > 1 and to_linear["sunspots"][cell]["to"] < 1
        assert to_linear["elnino"][cell]["at"] < 1 < to_linear["elnino"][cell]["to"]
        assert to_linear["mackey"][cell]["high"] < 0.1
    assert to_linear["mackey"]["window"]["high"] < 0.1


def test_a_part_of_the_record_repeats(page):
    """Two nets trained afresh with a seed of the record: on another machine not the same, but as good."""
    for name, cell in (("sunspots", "window"), ("mackey", "rnn")):
        values, start, folds = page["SERIES"][name]
        rate, updates = page["runs"][f"{name} {cell}"]["rate"], page["UPDATES"][name]
        fresh = page["walk_forward"](
            lambda past, c=cell, r=rate, u=updates: page["train"](c, past, r, u, 0), values, start, folds)  # fmt: skip
        _, came, naive = made(page, name, cell)
        recorded = relative(page, name, cell)
        assert recorded.min() / 1.3 < rms(fresh - came) / rms(naive - came) < 1.3 * recorded.max()


@pytest.mark.claim("time_series_budget")
def test_all_nets_get_as_many_updates(page, monkeypatch):
    assert page["UPDATES"] == dict.fromkeys(page["SERIES"], 300) | {"mackey": 1000}
    rates = []
    step = torch.optim.Adam.step

    def counted(self, *args, **kwargs):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    for cell in page["LAYERS"]:
        rates.clear()
        page["train"](cell, walk(8, 60), 0.01, 20, 0)
        assert rates == pytest.approx(np.linspace(0.01, 0, 21)[:-1])
