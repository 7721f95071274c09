"""The calculator of docs/shapes.md says what PyTorch says, and the page's sentences hold."""

import itertools
import random
import re
import warnings

import pytest
import torch
from explorables import ROOT, node
from torch import nn

KINDS = {"RNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}
ASK = """
const { layer } = await import("explore/lib/layer.js");
return given.map(layer);
"""


def some_settings(chance):
    """Random settings; about half of them have something that PyTorch refuses."""
    wrong = chance.random() < 0.5
    size = (lambda: chance.choice([-1, 0, *range(1, 9)])) if wrong else (lambda: chance.randint(1, 9))
    kind = chance.choice(list(KINDS))
    projects = kind == "LSTM" or wrong
    hidden = size()
    return {
        "layer": kind,
        "input_size": size(),
        "hidden_size": hidden,
        "num_layers": chance.choice([-1, 0, 1, 2, 3]) if wrong else chance.randint(1, 5),
        "nonlinearity": chance.choice(["tanh", "relu", *["sigmoid"] * wrong]),
        "bias": chance.random() < 0.7,
        "batch_first": chance.random() < 0.5,
        "dropout": chance.choice([0.0, 0.0, 0.1, 0.5, 1.0, *[-0.1, 1.5] * wrong]),
        "bidirectional": chance.random() < 0.5,
        "proj_size": chance.choice([0, 0, chance.randint(-1, 9) if wrong else chance.randrange(hidden)]) * projects,
        "unbatched": chance.random() < 0.3,
        "T": chance.randint(0 if wrong else 1, 6),
        "B": chance.randint(0, 5),
    }


def arguments(settings):
    """As a reader would write them: what a layer has no argument for is left out."""
    skip = {"layer", "input_size", "hidden_size", "unbatched", "T", "B"}
    skip |= {"nonlinearity"} if settings["layer"] != "RNN" else set()
    skip |= {"proj_size"} if not settings["proj_size"] else set()
    return {key: value for key, value in settings.items() if key not in skip}


def torchs_answer(settings):
    """The error, or warning, shapes and parameters."""
    axes = [settings["T"]] if settings["unbatched"] else [settings["T"], settings["B"]]
    if settings["batch_first"]:
        axes.reverse()
    answer = {"error": "", "warning": "", "tensors": [], "parameters": [], "total": 0}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            sizes = (settings["input_size"], settings["hidden_size"])
            made = KINDS[settings["layer"]](*sizes, **arguments(settings), dtype=torch.float64)
            x = torch.zeros(*axes, settings["input_size"], dtype=torch.float64)
            output, end = made(x)
            start = tuple(map(torch.zeros_like, end)) if isinstance(end, tuple) else torch.zeros_like(end)
            made(x, start)  # what comes out last can go in first
        except (ValueError, RuntimeError) as error:
            return answer | {"error": f"{type(error).__name__}: {error}"}
    answer["warning"] = "".join(str(one.message) for one in heard)
    states = dict(zip("hc", end if isinstance(end, tuple) else [end], strict=False))
    tensors = {"input": x, **{f"{key}_0": one for key, one in states.items()}, "output": output}
    tensors |= {f"{key}_n": one for key, one in states.items()}
    answer["tensors"] = [(name, list(one.shape)) for name, one in tensors.items()]
    answer["parameters"] = [(name, list(one.shape), one.numel()) for name, one in made.named_parameters()]
    answer["total"] = sum(one.numel() for one in made.parameters())
    return answer


def ours(answer):
    return {
        "error": answer["error"],
        "warning": answer["warning"],
        "tensors": [(one["name"], one["shape"]) for one in answer["tensors"]],
        "parameters": [(one["name"], one["shape"], one["count"]) for one in answer["parameters"]],
        "total": answer["total"],
    }


def value_of(letters, settings):
    """An axis given in letters, as a number."""
    names = {"T": "T", "B": "B", "I": "input_size", "H": "hidden_size", "L": "num_layers", "P": "proj_size"}
    sizes = {letter: settings.get(name) for letter, name in names.items()} | {"D": 2}
    product = 1
    for factor in letters.split("·"):
        product *= sizes[factor] if factor in sizes else int(factor)
    return product


@pytest.mark.claim("shapes_calculator")
@pytest.mark.filterwarnings("ignore:dropout option")
def test_the_calculator_says_what_torch_says():
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    cases = [some_settings(chance) for _ in range(2000)]
    refused, warned = set(), 0
    for settings, answer in zip(cases, node(ASK, cases), strict=True):
        right = torchs_answer(settings)
        assert ours(answer) == right, f"seed {seed}: {settings}"
        refused.add(re.sub(r"'\w+'", "'…'", right["error"]))
        warned += bool(right["warning"])
        for one in answer["tensors"] + answer["parameters"]:
            assert [value_of(letters, settings) for letters in one["letters"]] == one["shape"]
        if not right["error"]:
            made = eval(answer["call"], {"nn": nn})
            assert [tuple(one.shape) for one in made.parameters()] == [
                tuple(shape) for _, shape, _ in right["parameters"]
            ]
            for key, value in arguments(settings).items():
                assert getattr(made, key) == value
    assert len(refused) == 10 and warned > 20, refused  # each of the nine refusals, and none


@pytest.mark.filterwarnings("ignore:dropout option")
def test_the_calculator_knows_what_torch_says_of_projections_as_they_run():
    chance = random.Random(2)
    cases = [some_settings(chance) for _ in range(1000)]
    said = []
    torch.set_warn_always(True)  # not once for all of them
    for settings, answer in zip(cases, node(ASK, cases), strict=True):
        if answer["error"]:
            continue
        made = KINDS[settings["layer"]](settings["input_size"], settings["hidden_size"], **arguments(settings))
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            made(torch.zeros(answer["tensors"][0]["shape"]))
        right = [str(one.message).partition(" (Triggered")[0] for one in heard]
        if torch.backends.mkldnn.is_available():
            assert right == [answer["running"]] * bool(answer["running"]), settings
        said += right
    torch.set_warn_always(False)
    assert len(said) > 10 or not torch.backends.mkldnn.is_available()


def test_large_layers_are_counted_too():
    """Without memory for their weights, on PyTorch's meta device."""
    chance = random.Random(1)
    cases = []
    for _ in range(40):
        settings = some_settings(chance) | {"input_size": chance.randint(1, 65536), "num_layers": chance.randint(2, 64)}
        settings |= {
            "hidden_size": chance.randint(2, 65536),
            "dropout": 0.5,
            "proj_size": 0,
            "T": 1,
            "nonlinearity": "relu",
        }
        cases.append(settings)
    for settings, answer in zip(cases, node(ASK, cases), strict=True):
        sizes = (settings["input_size"], settings["hidden_size"])
        made = KINDS[settings["layer"]](*sizes, **arguments(settings), device="meta")
        assert answer["total"] == sum(one.numel() for one in made.parameters())


# The page's sentences

DEEP = [*itertools.product((1, 2), (False, True))]  # layers, both directions


@pytest.mark.claim("shapes_batch_first")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "both"), DEEP)
def test_batch_first_moves_input_and_output_alone(kind, layers, both):
    D = 2 if both else 1
    made = KINDS[kind](4, 3, layers, batch_first=True, bidirectional=both)
    output, end = made(torch.zeros(5, 7, 4))  # (B, T, I)
    assert output.shape == (5, 7, 3 * D)
    for state in end if kind == "LSTM" else [end]:
        assert state.shape == (layers * D, 5, 3)


@pytest.mark.claim("shapes_projection")
@pytest.mark.parametrize(("layers", "both"), DEEP)
def test_a_projection_narrows_h_and_leaves_c(layers, both):
    made = nn.LSTM(4, 6, layers, bidirectional=both, proj_size=2, dtype=torch.float64)
    output, (h, c) = made(torch.zeros(7, 5, 4, dtype=torch.float64))
    D = 2 if both else 1
    assert output.shape == (7, 5, 2 * D) and h.shape == (layers * D, 5, 2) and c.shape == (layers * D, 5, 6)


@pytest.mark.claim("shapes_parameters")
@pytest.mark.parametrize(("kind", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_parameters_are_gates_one_below_the_other(kind, gates):
    """Each block of H rows serves a gate of its own: without a block that gate's sum is gone."""
    torch.manual_seed(3)
    made = KINDS[kind](5, 3, 2, bidirectional=True)
    weights = dict(made.named_parameters())
    assert len(weights) == 2 * 2 * 4  # layers, directions, two matrices and two biases
    for name, one in weights.items():
        wide = {"weight_ih_l0": 5, "weight_ih_l1": 6, "weight_hh_l0": 3, "weight_hh_l1": 3}
        assert one.shape == ((3 * gates, wide[name.removesuffix("_reverse")]) if "weight" in name else (3 * gates,))
    single = {"RNN": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}[kind](5, 3)
    x = torch.randn(1, 5)
    states = [torch.randn(1, 3) for _ in range(2 if kind == "LSTM" else 1)]

    def step():
        made = single(x, tuple(states) if kind == "LSTM" else states[0])
        return torch.cat(made if kind == "LSTM" else [made], 1)

    before = step()
    for gate, unit in itertools.product(range(gates), range(3)):
        with torch.no_grad():
            single.bias_ih[gate * 3 + unit] += 1
        changed = (step() != before).reshape(-1, 3).any(0)
        assert changed.tolist() == [other == unit for other in range(3)]  # of one unit alone
        with torch.no_grad():
            single.bias_ih[gate * 3 + unit] -= 1
        before = step()


@pytest.mark.claim("shapes_refusals")
@pytest.mark.parametrize("kind", ["RNN", "GRU"])
@pytest.mark.parametrize("size", [0, 1])
def test_proj_size_is_for_the_lstm_alone(kind, size):
    with pytest.raises(ValueError, match="only supported for LSTM"):
        KINDS[kind](4, 3, proj_size=size)
    assert nn.LSTM(4, 3, proj_size=size).proj_size == size


@pytest.mark.claim("shapes_dropout")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_dropout_of_one_layer_does_nothing(kind, seed):
    x = torch.randn(9, 4, 5)
    made = []
    for settings in ({}, {"dropout": 0.9}):
        torch.manual_seed(seed)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            layer = KINDS[kind](5, 6, **settings).train()
        assert ["num_layers" in str(one.message) for one in heard] == [True] * len(settings)
        made.append(layer(x)[0])
    assert torch.equal(*made)


@pytest.mark.claim("shapes_unbatched")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("layers", "both"), DEEP)
def test_batch_first_does_nothing_to_one_sequence(kind, layers, both):
    x = torch.randn(7, 4)
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for first in (False, True):
            torch.manual_seed(0)
            output, end = KINDS[kind](4, 3, layers, bidirectional=both, batch_first=first)(x)
            made.append([output, *(end if kind == "LSTM" else [end])])
    assert all(torch.equal(*pair) for pair in zip(*made, strict=True))


def table(head):
    """The rows of the published table whose first line begins so, by their first cell."""
    lines = (ROOT / "site/shapes/index.md").read_text().split("\n")
    start = next(number for number, line in enumerate(lines) if line.startswith(head))
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in itertools.takewhile(str.strip, lines[start:])
    ]
    return {name: cells for name, *cells in rows}


SIZES = {"T": 3, "B": 5, "input_size": 4, "hidden_size": 6, "num_layers": 2, "bidirectional": True}


def sizes_of(text, settings):
    return tuple(value_of(letters, settings) for letters in text.strip("()").split(", "))


def test_the_table_without_script_is_torchs():
    rows = table("| | default")
    for column, name in enumerate(rows.pop("")):
        changed = {"default": {}, "proj_size=P": {"proj_size": 2}}.get(name.strip("`"), {name.strip("`"): True})
        settings = {"layer": "LSTM", "unbatched": False, "batch_first": False, "proj_size": 0, "nonlinearity": ""}
        settings |= SIZES | {"bias": True, "dropout": 0.0} | changed
        shapes = dict(torchs_answer(settings)["tensors"])
        assert {key: list(sizes_of(row[column], settings)) for key, row in rows.items() if "-" not in key} == shapes


def test_the_table_of_parameters_is_torchs():
    rows = table("| parameter")
    for column, name in enumerate(rows.pop("parameter")):
        more = {"proj_size": 2} if "P" in name else {}
        made = KINDS[name.partition(",")[0]](4, 6, 2, bidirectional=True, **more)
        shapes = {key: tuple(one.shape) for key, one in made.named_parameters()}
        for key, row in rows.items():
            if "-" not in key:
                shown = row[column]
                assert (None if shown == "–" else sizes_of(shown, SIZES | more)) == shapes.get(key), (name, key)
