"""The recorded sweep behind the demos' learning rates: what it says, and a part of it run again."""

import json
import re
import runpy
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).parents[1] / "snippets"
RECORD = json.loads((SNIPPETS / "demo_rates.json").read_text())
VALUES = RECORD["values"]
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
def test_a_part_of_the_record_repeats(tmp_path):
    """One seed of the best and of the worst rate of the RNN, trained again."""
    source = (SNIPPETS / "demo_rates.py").read_text().split("\nmean, spread, best = ")[0]
    (tmp_path / "demo_rates.py").write_text(source)
    (tmp_path / "rnn_demo.py").write_text((SNIPPETS / "rnn_demo.py").read_text())
    sweep = runpy.run_path(str(tmp_path / "demo_rates.py"))
    demo = sweep["prepared"]("rnn")
    for rate in (VALUES["best"]["rnn"], max(sweep["RATES"])):
        mean, spread = (VALUES[of]["rnn"][key(rate)] for of in ("mean", "spread"))
        assert sweep["score"](demo, rate, 0) == pytest.approx(mean, abs=4 * spread)


def test_the_page_names_the_rates_of_the_record():
    page = (SNIPPETS.parent / "docs/notebooks/index.md").read_text()
    header = re.search(r"^\| rate \| (.+) \|$", page, re.M)[1]
    assert [key(rate.strip("` ")) for rate in header.split("|")] == list(VALUES["mean"]["rnn"])
