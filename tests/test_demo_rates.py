"""The recorded sweep behind the demos' learning rates: what it says, and a part of it run again."""

import re
from pathlib import Path

import pytest
from studies import finish, load

SNIPPETS = Path(__file__).parents[1] / "snippets"
VALUES = finish("demo_rates", load("demo_rates"))
CELLS = ("rnn", "lstm", "gru")


def key(rate):
    return f"r{rate}".replace(".", "_")


@pytest.mark.claim("demos_rates")
@pytest.mark.parametrize("cell", CELLS)
def test_each_demo_starts_from_the_best_rate(cell):
    source = (SNIPPETS / f"{cell}_demo.py").read_text()
    rate = float(re.search(r"^learning_rate = (.+)$", source, re.M)[1])
    means = VALUES["mean"][cell]
    ends = [float(name[1:].replace("_", ".")) for name in (min(means), max(means))]
    assert f"{ends[0]} to {ends[1]}, the best on average over five seeds" in source  # the notebook's words
    assert rate == VALUES["best"][cell]
    assert min(means, key=means.get) == key(rate)
    first, *_, last = means
    assert key(rate) not in (first, last), "the best rate is at the edge of the grid"
    assert VALUES["seeds"] >= 5 and set(VALUES["spread"][cell]) == set(means)


@pytest.mark.claim("demos_rates_table")
def test_a_part_of_the_record_repeats():
    """One seed of the best and of the worst rate of the RNN, trained again."""
    demo = VALUES["prepared"]("rnn")
    for rate in (VALUES["best"]["rnn"], max(VALUES["RATES"])):
        mean, spread = (VALUES[of]["rnn"][key(rate)] for of in ("mean", "spread"))
        assert VALUES["score"](demo, rate, 0) == pytest.approx(mean, abs=4 * spread)


def test_the_page_names_the_rates_of_the_record():
    page = (SNIPPETS.parent / "docs/notebooks/index.md").read_text()
    header = re.search(r"^\| rate \| (.+) \|$", page, re.M)[1]
    assert [key(rate.strip("` ")) for rate in header.split("|")] == list(VALUES["mean"]["rnn"])
