"""The worksheet: each published number by autograd, each sum by a calculator, each blank findable in its turn."""

import ast
import math
import os
import re
from pathlib import Path

import pytest
import torch
import torch.nn as nn

from hooks.snippet import read_snippet

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
PAGES = {name: (SITE / name / "index.md").read_text() for name in ("worksheet", "answers")}
GATES = {"rnn": [""], "lstm": ["^i", "^f", "^g", "^o"], "gru": ["^r", "^z", "^n"]}
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELLS = list(LAYERS)
HALF = 0.5e-4  # of the last decimal
every_cell = pytest.mark.parametrize("cell", CELLS)


# What stands on the pages


def name(tex):
    """\\delta a^{\\mathrm{i}}_{1\\mathrm{p}} -> δa^i_1p"""
    return re.sub(r"\\mathrm|[{}]", "", tex.strip("$").replace("\\delta ", "δ"))


def number(text):
    return float(text.strip("*").replace("−", "-"))


def rows(page, cell):
    """(row, name, rule, value) of each thing to find, in the page's order."""
    found = []
    for line in PAGES[page].split("\n"):
        if match := re.match(rf"\| ({cell[0].upper()}\d+) \|", line):
            cells = [part.strip() for part in line.split("|")[2:-1]]
            sides = [cells[:3], cells[3:]]
            assert len(cells) == 6 and sides[1] in ([""] * 3, sides[1]) and cells[0]
            found += [(match[1], name(find), rule, value) for find, rule, value in sides if find]
    return found


def given(cell):
    """What the worksheet gives for a cell: names of inputs, targets, weights and their values."""
    section = re.search(rf"^## {cell.upper()}\n.*?(?=^## |\Z)", PAGES["worksheet"], re.M | re.S)[0]
    return {name(tex): float(value) for tex, value in re.findall(r"\$([^$=]+) = ([^$]+)\$", section)}


def answers(cell):
    return {find: number(value) for _, find, _, value in rows("answers", cell)}


# A calculator


def calculate(text):
    """The value of a sum such as −0.4 · (−0.5) + tanh(0.2²): nothing else is understood."""
    for sign, python in (("·", "*"), ("−", "-"), ("²", "**2"), ("½", "0.5"), ("σ", "sigma")):
        text = text.replace(sign, python)

    def value(node):
        match node:
            case ast.Constant(value=float() | int()):
                return node.value
            case ast.UnaryOp(op=ast.USub()):
                return -value(node.operand)
            case ast.BinOp(op=ast.Add()):
                return value(node.left) + value(node.right)
            case ast.BinOp(op=ast.Sub()):
                return value(node.left) - value(node.right)
            case ast.BinOp(op=ast.Mult()):
                return value(node.left) * value(node.right)
            case ast.BinOp(op=ast.Pow()):
                return value(node.left) ** value(node.right)
            case ast.Call(func=ast.Name(id="tanh"), args=[inside]):
                return math.tanh(value(inside))
            case ast.Call(func=ast.Name(id="sigma"), args=[inside]):
                return 1 / (1 + math.exp(-value(inside)))
        raise AssertionError(f"not a pencil's sum: {text}")

    return value(ast.parse(text, mode="eval").body)


# Autograd: each number a tensor of its own


def run(cell, w):
    """All quantities of a forward pass by name, with the weights given as tensors."""
    q = {f"{state}_0{unit}": torch.zeros((), dtype=torch.float64) for state in "hc" for unit in "pq"}
    for t in (1, 2, 3):
        for unit in "pq":
            hear = {
                gate: sum(w[f"w{gate}_{unit}{k}"] * q[f"h_{t - 1}{k}"] for k in "pq" if f"w{gate}_{unit}{k}" in w)
                + (w[f"w{gate}_{unit}x"] * w[f"x_{t}"] if f"w{gate}_{unit}x" in w else 0)
                + w[f"b{gate}_{unit}"]
                for gate in [*GATES[cell], *(["^m"] if cell == "gru" else [])]
            }
            at = f"{t}{unit}"
            if cell == "rnn":
                q[f"a_{at}"] = hear[""]
                q[f"h_{at}"] = torch.tanh(q[f"a_{at}"])
            elif cell == "lstm":
                for gate in "ifgo":
                    q[f"a^{gate}_{at}"] = a = hear[f"^{gate}"]
                    q[f"{gate}_{at}"] = torch.tanh(a) if gate == "g" else torch.sigmoid(a)
                q[f"c_{at}"] = q[f"f_{at}"] * q[f"c_{t - 1}{unit}"] + q[f"i_{at}"] * q[f"g_{at}"]
                q[f"s_{at}"] = torch.tanh(q[f"c_{at}"])
                q[f"h_{at}"] = q[f"o_{at}"] * q[f"s_{at}"]
            else:
                for gate in "rz":
                    q[f"a^{gate}_{at}"] = hear[f"^{gate}"]
                    q[f"{gate}_{at}"] = torch.sigmoid(hear[f"^{gate}"])
                q[f"m_{at}"] = hear["^m"]
                q[f"a^n_{at}"] = hear["^n"] + q[f"r_{at}"] * q[f"m_{at}"]
                q[f"n_{at}"] = torch.tanh(q[f"a^n_{at}"])
                q[f"h_{at}"] = torch.lerp(q[f"n_{at}"], q[f"h_{t - 1}{unit}"], q[f"z_{at}"])
    for unit in "pq":
        q[f"e_{unit}"] = q[f"h_3{unit}"] - w[f"y_{unit}"]
    q["L"] = (q["e_p"].square() + q["e_q"].square()) / 2
    return {key: value for key, value in q.items() if "_0" not in key}


def autograd(cell, numbers):
    """Every number by its name: quantities, their gradients, and after one step at rate 1 the same with a prime."""
    w = {key: torch.tensor(value, dtype=torch.float64, requires_grad=True) for key, value in numbers.items()}
    q = run(cell, w)
    for value in q.values():
        value.retain_grad()
    q["L"].backward()
    out = {key: value.item() for key, value in q.items()}
    out |= {f"δ{key}": value.grad.item() for key, value in [*q.items(), *w.items()]}
    new = {key: value - out[f"δ{key}"] * (key[0] in "wb") for key, value in numbers.items()}
    after = run(cell, {key: torch.tensor(value, dtype=torch.float64) for key, value in new.items()})
    both = [*after.items(), *((key, value) for key, value in new.items() if key[0] in "wb")]
    return out | {re.sub(r"^(\w)", r"\1'", key): float(value) for key, value in both}


def layer(cell, w):
    """torch's own layer with the same weights: its states, and its gradients laid out as its weights."""
    units = [(gate, unit) for gate in GATES[cell] for unit in "pq"]
    inner = [("^m" if gate == "^n" else gate, unit) for gate, unit in units]
    second = [w[f"b^m_{unit}"] if gate == "^m" else 0.0 for gate, unit in inner]
    net = LAYERS[cell](1, 2, dtype=torch.float64)
    with torch.no_grad():
        for parameter, values in zip(
            net.parameters(),
            (
                [[w[f"w{gate}_{unit}x"]] for gate, unit in units],
                [[w[f"w{gate}_{unit}{k}"] for k in "pq"] for gate, unit in inner],
                [w[f"b{gate}_{unit}"] for gate, unit in units],
                second,
            ),
            strict=True,
        ):
            parameter.copy_(torch.tensor(values, dtype=torch.float64))
    x = torch.tensor([[w[f"x_{t}"]] for t in (1, 2, 3)], dtype=torch.float64)  # (T, I)
    states, _ = net(x)
    target = torch.tensor([w["y_p"], w["y_q"]], dtype=torch.float64)
    ((states[-1] - target).square().sum() / 2).backward()
    out = {f"h_{t}{unit}": states[t - 1, j].item() for t in (1, 2, 3) for j, unit in enumerate("pq")}
    dW_ih, dW_hh, db_ih, db_hh = (parameter.grad for parameter in net.parameters())
    for n, ((gate, unit), (state_gate, _)) in enumerate(zip(units, inner, strict=True)):
        out[f"δw{gate}_{unit}x"], out[f"δb{gate}_{unit}"] = dW_ih[n, 0].item(), db_ih[n].item()
        out |= {f"δw{state_gate}_{unit}{k}": dW_hh[n, j].item() for j, k in enumerate("pq")}
        out[f"δb{state_gate}_{unit}"] = db_hh[n].item()
    return out


def snippet(cell):
    """The names that the snippet defines, and a namespace in which it can be run again."""
    names = {}
    source = (ROOT / "snippets" / "worksheet" / f"{cell}.py").read_text()
    exec(compile(source, cell, "exec"), names)
    return names


def expected(cell):
    """What the sheet must hold: of the RNN's second pass everything, of the others' nothing."""
    numbers = autograd(cell, given(cell))
    gone = r"δ[xyesoifgrzn]_|δL" + ("" if cell == "rnn" else r"|.*'")
    return {key: value for key, value in numbers.items() if not re.match(gone, key)}


# Tests


@every_cell
def test_autograd_agrees_with_torchs_own_layer(cell):
    """So the checks below answer to nn.RNN, nn.LSTM and nn.GRU."""
    ours, theirs = autograd(cell, given(cell)), layer(cell, given(cell))
    assert len(theirs) > 10
    assert theirs == pytest.approx({key: ours[key] for key in theirs}, abs=1e-14)


@pytest.mark.claim("worksheet_torch")
@every_cell
def test_without_rounding_every_number_is_autograds(cell):
    names = snippet(cell)
    rounded, loss_new = names["value"], names["loss_new"]
    names["DIGITS"] = 15
    found = {key: value for key, value in names["everything"]().items() if not names["GIVEN"].match(key)}
    assert found == pytest.approx(expected(cell), abs=1e-12)
    assert loss_new == pytest.approx(autograd(cell, given(cell))["L'"], abs=5e-4)
    assert {key: rounded[key] for key in found} == answers(cell)


@every_cell
def test_the_sheet_asks_for_every_number_once(cell):
    asked = [find for _, find, _, _ in rows("answers", cell)]
    assert len(asked) == len(set(asked)) and set(asked) == expected(cell).keys()


@every_cell
def test_a_calculator_finds_each_answer_in_its_row(cell):
    """And none lies so near to the middle of two roundings that calculators could differ."""
    for row, find, rule, value in rows("answers", cell):
        assert re.fullmatch(r"\*\*−?\d\.\d{4}\*\*", value), (row, find)
        assert abs(calculate(rule) - number(value)) < HALF - 1e-8, (row, find)


@pytest.mark.claim("worksheet_blanks")
@every_cell
def test_the_blanks_are_the_answers_without_their_values(cell):
    blanks, full = rows("worksheet", cell), rows("answers", cell)
    assert [row[:2] for row in blanks] == [row[:2] for row in full]
    assert not any(value for *_, value in blanks)
    said = re.search(r"There are (\d+) blanks for the RNN, (\d+) for the GRU and (\d+) for", PAGES["worksheet"])
    assert len(blanks) == int(said[{"rnn": 1, "gru": 2, "lstm": 3}[cell]])


@every_cell
def test_each_blank_needs_only_what_stands_above_it(cell):
    """Written into the symbols' places, the answers of earlier rows give the answer of this one."""
    known = {}
    for row, find, rule, _ in rows("worksheet", cell):
        filled = re.sub(r"\$([^$]+)\$", lambda match: f"({known[name(match[1])]})", rule)
        assert abs(calculate(filled) - answers(cell)[find]) < HALF - 1e-8, (row, find)
        known[find] = answers(cell)[find]


@pytest.mark.claim("worksheet_rounding")
def test_a_pencil_ends_as_close_to_autograd_as_the_page_says():
    said = re.search(r"off by more than (\S+) on the RNN's sheet, (\S+) on the LSTM's and (\S+) on", PAGES["answers"])
    for cell, most in zip(CELLS, map(float, said.groups()), strict=True):
        exact, pencil = expected(cell), answers(cell)
        off = max(abs(pencil[key] - exact[key]) for key in exact)
        assert most - 1.01e-5 < off <= most and off > HALF


@pytest.mark.claim("worksheet_falls")
def test_one_step_of_descent_lowers_the_loss_as_far_as_the_page_says():
    words = " ".join(re.search(r"^What was it all for\?.*", PAGES["answers"], re.M)[0].split())
    assert "at a learning rate of 1 takes" in words
    said = [float(value) for value in re.findall(r"\d\.\d{4}", words)]
    assert len(said) == 6
    for cell, before, after in zip(CELLS, said[::2], said[1::2], strict=True):
        exact = autograd(cell, given(cell))
        assert before == pytest.approx(exact["L"], abs=5e-4)
        assert after == pytest.approx(exact["L'"], abs=5e-4)
        assert after < 0.7 * before


@every_cell
def test_the_numbers_given_are_short_and_tell_the_weights_apart(cell):
    """One decimal, none twice in a row of weights: a swap of two weights shows."""
    numbers = given(cell)
    assert all(round(value, 1) == value for value in numbers.values())
    for gate in GATES[cell]:
        for unit in "pq":
            mine = [value for key, value in numbers.items() if re.match(rf"[wb]{re.escape(gate)}_{unit}", key)]
            assert len(set(mine)) == len(mine) and 0 not in mine
    assert len(numbers) == 5 + {"rnn": 8, "lstm": 32, "gru": 26}[cell]


def test_the_three_sheets_are_laid_out_by_the_same_code():
    code = [read_snippet(ROOT, f"snippets/worksheet/{cell}.py").code for cell in CELLS]
    assert len({next(part.source for part in parts if part.name == "layout") for parts in code}) == 1


def test_both_pages_explain_the_same_symbols():
    """One names them in code as well: there the code is shown."""
    found = []
    for page in PAGES.values():
        tables = re.findall(r"^\| symbol \| in code .*\n\|.*\n((?:\|.*\n)+)", page, re.M)
        cells = [line.split(" | ") for part in tables for line in part.splitlines()]
        found.append([(symbol, shape, re.split(r", [^,]*`| \|$", meaning)[0]) for symbol, _, shape, meaning in cells])
    assert found[0] == found[1] and len(found[0]) > 25
