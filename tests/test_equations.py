"""The formulas as published, evaluated and compared with torch: a slip in the TeX is seen."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from equations import Unreadable, define, displayed, evaluate, rows, solve
from torch import nn

ROOT = Path(__file__).parents[1]
SEEDS = range(5)
I, H, T = 3, 4, 5  # noqa: E741
TOLERANCE = 1e-12


def column(values):
    return np.asarray(values, dtype=float).reshape(-1, 1)


def close(a, b):
    return np.shape(a) == np.shape(b) and bool(np.abs(a - b).max() < TOLERANCE)


def agree(found, expected):
    """All that is expected is found, and equal."""
    for key, value in expected.items():
        assert close(found[key], value), f"{key} is not what torch computes"


def one_step(setting):
    """Judges formulas by what they define, in the environment of a seed."""

    def judge(equations, seed):
        env, expected = setting(seed)
        solved = solve(equations, env)
        agree({key: env[key] for key in solved}, expected)

    return judge


# The cells: one step of each, against torch.nn's


def blocks(array, name, gates):
    """The gates' rows of stacked weights, W_hi, W_hf and so on."""
    return {name + gate: block for gate, block in zip(gates, np.split(array, len(gates)), strict=True)}


def weights(cell, gates):
    """W_ii, b_ii, W_hi, b_hi and so on, each gate's rows of the cell's parameters."""
    named = {}
    for kind, side in (("ih", "i"), ("hh", "h")):
        W, b = (getattr(cell, f"{letter}_{kind}").detach().numpy() for letter in ("weight", "bias"))
        named |= blocks(W, f"W_{side}", gates) | blocks(column(b), f"b_{side}", gates)
    return named


def of_a_cell(kind, gates):
    """What a page on a cell may use, and what its formulas must give."""

    def setting(seed):
        torch.manual_seed(seed)
        cell = getattr(nn, kind)(I, H, dtype=torch.float64)
        x, *states = torch.randn(I, dtype=torch.float64), *torch.randn(2, H, dtype=torch.float64)
        states = states[: 2 if kind == "LSTMCell" else 1]
        with torch.no_grad():
            new = cell(x[None], tuple(s[None] for s in states) if len(states) > 1 else states[0][None])
        new = new if len(states) > 1 else (new,)
        env = {"t": 1, ("x", 1): column(x)} | {(s, 0): column(v) for s, v in zip("hc", states, strict=False)}
        env |= weights(cell, gates)
        return env, {(s, 1): column(v) for s, v in zip("hc", new, strict=False)}

    return one_step(setting)


def rnn_product(seed):
    """How the RNN's last state depends on an earlier one, by autograd."""
    torch.manual_seed(seed)
    rnn = nn.RNN(I, H, dtype=torch.float64)
    x, k = torch.randn(T, I, dtype=torch.float64), 3
    states = torch.cat([torch.zeros(1, H, dtype=torch.float64), rnn(x)[0]])  # h_0 to h_T
    jacobian = torch.autograd.functional.jacobian(lambda h: rnn(x[T - k :], h[None])[1][0], states[T - k].detach())
    env = {"T": T, "k": k, "W_hh": rnn.weight_hh_l0.detach().numpy()}
    env |= {("h", t): column(h) for t, h in enumerate(states.detach())}
    return env, {("∂", ("h", T), ("h", T - k)): jacobian.numpy()}


# Each display formula of a page, by a part of it, has a judge; some are judged
# together. Or it has a reason why nothing here evaluates it.

JUDGES = {
    "rnn": {
        (r"h_t = \tanh",): of_a_cell("RNNCell", ["h"]),
        (r"\frac{\partial h_T}{\partial h_{T-k}}",): one_step(rnn_product),
    },
    "lstm": {(r"c_t &= f_t \odot",): of_a_cell("LSTMCell", "ifgo")},
    "gru": {(r"n_t &= \tanh",): of_a_cell("GRUCell", "rzn")},
}
UNCHECKED = {}  # page -> {part of a formula: why}


def fault(judge, formulas, seeds=SEEDS):
    """What is wrong with the formulas; nothing if all that they say of what we know is true."""
    try:
        for seed in seeds:
            judge([row for tex in formulas for row in rows(tex)], seed)
    except (Unreadable, KeyError, ValueError, RuntimeError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def published():
    """Page -> its display formulas."""
    pages = {path: displayed(path.read_text()) for path in (ROOT / "docs").rglob("*.md")}
    return {path.stem: found for path, found in pages.items() if found}


def judged():
    """(page, judge, its formulas)."""
    cases, pages = [], published()
    for page, judges in JUDGES.items():
        for parts, judge in judges.items():
            found = [next((tex for tex in pages.get(page, []) if part in tex), "") for part in parts]
            cases.append(pytest.param(judge, found, id=f"{page}: {parts[0]}"))
    return cases


@pytest.mark.parametrize(("judge", "formulas"), judged())
def test_the_formulas_hold(judge, formulas):
    assert fault(judge, formulas) == ""


@pytest.mark.parametrize("page", published())
def test_no_formula_is_left_out(page):
    """Every part names one formula, and every formula has a judge or a reason."""
    parts = [part for group in JUDGES.get(page, {}) for part in group] + list(UNCHECKED.get(page, {}))
    for tex in published()[page]:
        assert sum(part in tex for part in parts) == 1, tex
    for part in parts:
        assert sum(part in tex for tex in published()[page]) == 1, part
    assert set(JUDGES) | set(UNCHECKED) <= set(published())


# Slips, made on purpose

SLIPS = [  # what stands in a formula, what a slip makes of it
    (r"(?<!T-k)\+", "-"),
    (r"(?<=[ (])-(?= )", "+"),
    (r"1 - ", ""),
    (r"\\sigma", r"\\tanh"),
    (r"\\tanh", r"\\sigma"),
    (r"\\tanh(?=\()", ""),
    (r"\\odot", "+"),
    (r"_\{t-1\}", "_t"),
    (r"(?<=[a-z])_t", "_{t-1}"),
    (r" \+ b_\{\\mathrm\{\w+\}\}", ""),
    (r"[fiorzgn]_t \\odot", ""),
    (r"T-k\+1", "T-k"),
    (r"\^\{T\}", "^{T-1}"),
    (r"\^2", "^3"),
    (r"\\mathrm\{diag\}", ""),
    (r"\\top", "2"),
]


def slips(tex):
    """Every version of the right sides with one slip: signs, terms, indices, gates, functions."""
    made = []
    for pattern, new in SLIPS:
        made += [tex[: m.start()] + m.expand(new) + tex[m.end() :] for m in re.finditer(pattern, tex)]
    for name in (r"(?<![{\w])([a-z])_t(?! &?=)", r"\\mathrm\{(\w\w)\}"):
        found = sorted({m[1] for m in re.finditer(name, tex)})
        for match in re.finditer(name, tex):
            others = [other for other in found if other != match[1]]
            made += [tex[: match.start(1)] + other + tex[match.end(1) :] for other in others]
    return sorted(set(made) - {tex})


@pytest.mark.parametrize(("judge", "formulas"), judged())
def test_every_slip_in_a_formula_is_seen(judge, formulas):
    for n, tex in enumerate(formulas):
        made = slips(tex)
        assert made
        unseen = [slip for slip in made if not fault(judge, [*formulas[:n], slip, *formulas[n + 1 :]], seeds=[0])]
        assert not unseen, "\n\n".join(unseen)


# The reading of TeX itself

A, V = np.array([[1.0, 2.0], [3.0, 4.0]]), column([5, 6])
ENV = {"W": A, "b": 2 * V, ("h", 1): V, ("h", 2): -V, "t": 2, "T": 2, "W_hf": 3 * A, "δh": V, "~c": V, "a^f": 2 * V}
ENV |= {("a_f", 1): V, ("δ", 2): 2, "gamma": 1}
EXPRESSIONS = {
    "1": 1,
    "W h_1": A @ V,
    r"W\, h_{t-1} + b": A @ V + 2 * V,
    r"(1 - h_t) \odot b": (1 + V) * 2 * V,
    r"W h_1 \odot b - b": (A @ V) * 2 * V - 2 * V,
    r"-b + \frac{b}{2}": -V,
    r"W_{\mathrm{hf}}^\top h_1": 3 * A.T @ V,
    r"W^{\top} \delta h": A.T @ V,
    r"h_1 h_1^\top": V @ V.T,
    r"h_1^\top h_1": V.T @ V,
    r"h_1^2": V**2,
    r"1 - \tanh^2(h_1)": 1 - np.tanh(V) ** 2,
    r"1 - \tanh(h_1)^2": 1 - np.tanh(V) ** 2,
    r"W^2 h_1": A @ A @ V,
    r"(1 - 1/2)^{1/2}": 0.5**0.5,
    r"\frac{1}{\lVert h_1 \rVert} h_1": V / 61**0.5,
    r"\min(2, \frac{1}{2}) h_1": V / 2,
    r"a_{\mathrm{f},t-1} + \delta_t + \gamma": V + 3,
    r"\prod_{t=1}^{T} h_t": -(V**2),
    r"\sigma(b)": 1 / (1 + np.exp(-2 * V)),
    r"\mathrm{diag}(h_1)\, W": np.diag([5.0, 6]) @ A,
    r"\sum_{t=1}^{T} W h_t": 0 * V,
    r"\sum_{t=1}^{T} t h_t": -V,
    r"\prod_{t=1}^{T} \mathrm{diag}(h_t) W": np.diag([-5.0, -6]) @ A @ np.diag([5.0, 6]) @ A,
    r"\left(\tilde{c} + a^f\right)": 3 * V,
    r"2 W": 2 * A,
}


@pytest.mark.parametrize("tex", EXPRESSIONS)
def test_tex_is_read_as_a_mathematician_reads_it(tex):
    value = evaluate(tex, ENV)
    assert np.shape(value) == np.shape(EXPRESSIONS[tex])
    np.testing.assert_allclose(value, EXPRESSIONS[tex])


@pytest.mark.parametrize("tex", ["W +", "(W", "W)", r"\norm{W}", "W = W", r"\lVert W", r"\sum W"])
def test_what_is_no_expression_is_refused(tex):
    with pytest.raises((Unreadable, KeyError)):
        evaluate(tex, ENV)


@pytest.mark.parametrize("tex", ["h_1 h_1", "W + b", r"W \odot b", "h_1 W", "b - h_1^\\top"])
def test_shapes_must_fit(tex):
    with pytest.raises(ValueError):
        evaluate(tex, ENV)


@pytest.mark.parametrize("tex", ["h_3", "W_{hi}", "x_t", r"\tilde{h}"])
def test_a_name_that_nothing_defines_is_refused(tex):
    with pytest.raises(KeyError):
        evaluate(tex, ENV)


def test_equations_define_their_left_side():
    env = dict(ENV)
    assert rows("\\begin{aligned}\na_t &= W h_t \\\\\nb &= a_t\n\\end{aligned}") == ["a_t &= W h_t", "b &= a_t"]
    assert define("a_t &= W h_t", env) == ("a", 2) and np.allclose(env["a", 2], -A @ V)
    assert define(r"\delta h = \sum_{t=1}^{1} h_t = h_1", env) == "δh"
    with pytest.raises(AssertionError):
        define("b = h_1 = h_2", env)
    with pytest.raises(Unreadable):
        define("W h_1", env)
