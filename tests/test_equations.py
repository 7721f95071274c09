"""The formulas as published, evaluated and compared with torch: a slip in the TeX is seen."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from equations import Unreadable, define, displayed, evaluate, rows
from torch import nn

DOCS = Path(__file__).parents[1] / "docs"
SEEDS = range(5)
I, H, T = 3, 4, 5  # noqa: E741
UNCHECKED = {  # page -> {a part of the formula: why no test evaluates it}
}
TOLERANCE = 1e-12


def column(values):
    return np.asarray(values, dtype=float).reshape(-1, 1)


# The cells: one step of each, against torch.nn's


def weights(cell, gates):
    """W_ii, b_ii, W_hi, b_hi and so on, each gate's rows of the cell's parameters."""
    named = {}
    for kind, side in (("ih", "i"), ("hh", "h")):
        for letter, tensor in (("W", getattr(cell, f"weight_{kind}")), ("b", getattr(cell, f"bias_{kind}"))):
            array = tensor.detach().numpy()
            array = array if letter == "W" else column(array)
            for gate, block in zip(gates, np.split(array, len(gates)), strict=True):
                named[f"{letter}_{side}{gate}"] = block
    return named


def of_a_cell(kind, gates):
    """What a page on a cell may use, and what its formulas must give: (environment, expected) by seed."""

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

    return setting


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


GIVEN = {  # page -> for each of its display formulas: a part of it, where it is evaluated
    "rnn": {
        r"h_t = \tanh": of_a_cell("RNNCell", ["h"]),
        r"\frac{\partial h_T}{\partial h_{T-k}}": rnn_product,
    },
    "lstm": {r"c_t &= f_t \odot": of_a_cell("LSTMCell", "ifgo")},
    "gru": {r"n_t &= \tanh": of_a_cell("GRUCell", "rzn")},
}


def fault(tex, setting, seeds=SEEDS):
    """What is wrong with a formula; nothing if all that it says of what we know is true."""
    for seed in seeds:
        env, expected = setting(seed)
        try:
            found = {key: env[key] for key in [define(row, env) for row in rows(tex)]}
        except (Unreadable, KeyError, ValueError, AssertionError) as error:
            return f"{type(error).__name__}: {error}"
        for key, value in expected.items():
            if key not in found or not close(found[key], value):
                return f"{key} is not what torch computes"
    return ""


def close(a, b):
    return np.shape(a) == np.shape(b) and np.abs(a - b).max() < TOLERANCE


def formulas():
    found = []
    for page, given in GIVEN.items():
        for tex in displayed((DOCS / f"{page}.md").read_text()):
            settings = [setting for part, setting in given.items() if part in tex]
            found.append(pytest.param(page, tex, settings, id=f"{page}: {tex.splitlines()[0][:40]}"))
    return found


@pytest.mark.parametrize(("page", "tex", "settings"), formulas())
def test_a_formula_holds(page, tex, settings):
    why = [why for part, why in UNCHECKED.get(page, {}).items() if part in tex]
    assert len(settings) + len(why) == 1, "give it to a test in GIVEN, or say in UNCHECKED why not"
    assert all(why) and (why or fault(tex, settings[0]) == "")


def test_each_page_with_formulas_is_read():
    """And every entry of GIVEN and UNCHECKED meets a formula."""
    pages = {page.stem: displayed(page.read_text()) for page in DOCS.rglob("*.md")}
    assert {page for page, found in pages.items() if found} == set(GIVEN)
    for listed in (GIVEN, UNCHECKED):
        for page, parts in listed.items():
            for part in parts:
                assert sum(part in tex for tex in pages[page]) == 1, part


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


@pytest.mark.parametrize(("page", "tex", "settings"), formulas())
def test_every_slip_in_a_formula_is_seen(page, tex, settings):
    made = slips(tex) if settings else []
    assert len(made) > 4 * bool(settings)
    unseen = [slip for slip in made if not fault(slip, settings[0], seeds=[0])]
    assert not unseen, "\n\n".join(unseen)


# The reading of TeX itself

A, V = np.array([[1.0, 2.0], [3.0, 4.0]]), column([5, 6])
ENV = {"W": A, "b": 2 * V, ("h", 1): V, ("h", 2): -V, "t": 2, "T": 2, "W_hf": 3 * A, "δh": V, "~c": V, "a^f": 2 * V}
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
    r"\tanh'(h_1)": 1 - np.tanh(V) ** 2,
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


@pytest.mark.parametrize("tex", ["W +", "(W", "W)", r"\norm{W}", "W = W", r"\lVert W \rVert"])
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
