"""Studies that run another snippet's code: their records do not show whether that code is still the same."""

import pytest
from studies import ROOT

from hooks import study
from hooks.snippet import read_snippet

# Which code runs, up to where, and its fingerprint when the record was made. If one differs and the change
# could change a result, make the record anew; then write the new fingerprint here.
NETS = ("applications/text/nets", "\nlength = sizes", "45ca4d75789c91f3")
LENT = {
    "applications/text/rates": [NETS],
    "applications/text/rates_long": [NETS, ("applications/text/rates", "\nplan = ", "98e15c17c90e2932")],
    "applications/text/rivals": [("applications/text/nets", "\n# %% net", "02b94f296b6eef4a")],
    "demo_rates": [
        ("rnn_demo", "\ncurve = train(", "6a469b37687dfb64"),
        ("lstm_demo", "\ncurve = train(", "5622a90595c60552"),
        ("gru_demo", "\ncurve = train(", "ee2561deb0004085"),
    ],
}


def text(name):
    return (ROOT / "snippets" / f"{name}.py").read_text()


PAIRS = [(borrower, *one) for borrower, lent in LENT.items() for one in lent]


@pytest.mark.parametrize(("borrower", "lender", "end", "made_by"), PAIRS)
def test_the_record_was_made_by_this_code(borrower, lender, end, made_by):
    through = [borrower, *(name for name, *_ in LENT[borrower])]  # one lender may run the next
    assert any(f".split({end!r})".replace("'", '"') in text(name) for name in through)
    assert text(lender).count(end) == 1
    assert study.fingerprint_of(text(lender).split(end)[0]) == made_by


def test_no_other_study_borrows():
    files = [f"snippets/{path.relative_to(ROOT / 'snippets')}" for path in (ROOT / "snippets").rglob("*.py")]
    studies = [snippet for snippet in (read_snippet(ROOT, file) for file in files) if snippet.study]
    borrow = {one.name for one in studies if "read_text" in "".join(cell.source for cell in study.preparation(one))}
    assert borrow == set(LENT) and len(studies) > len(LENT)
