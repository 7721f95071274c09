"""What the pages say in passing, tried with other seeds, sizes and layers."""

import os
import re
from pathlib import Path

import pytest
import torch
import torch.nn as nn

from hooks.snippet import read_snippet

ROOT = Path(__file__).parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
SEEDS = range(300, 310)


def states(out):
    """All states a layer ends with, as one tensor."""
    last = out[1]
    return torch.cat(last) if isinstance(last, tuple) else last


@pytest.mark.claim("index_order")
def test_only_a_state_tells_the_order_of_words():
    for seed in SEEDS:
        torch.manual_seed(seed)
        sentence = torch.randn(3, 8)  # (T, I): dog bites man
        turned = sentence[[2, 1, 0]]
        torch.testing.assert_close(sentence.sum(0), turned.sum(0))
        rnn = nn.RNN(8, 16)
        assert (rnn(sentence)[1] - rnn(turned)[1]).abs().max() > 0.01


@pytest.mark.claim("index_pieces", "index_carried")
@pytest.mark.parametrize("kind", LAYERS)
def test_a_stream_may_be_read_in_pieces(kind):
    torch.manual_seed(301)
    layer = kind(4, 6, num_layers=2, batch_first=True, dtype=torch.float64)
    x = torch.randn(2, 50, 4, dtype=torch.float64)
    whole, state, outputs, carried = layer(x), None, [], set()
    for piece in x.split([1, 9, 17, 23], dim=1):
        output, state = layer(piece, state)
        outputs.append(output)
        carried.add(states((output, state)).numel())
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole[0], rtol=0, atol=1e-14)
    assert carried == {2 * 2 * 6 * (2 if kind is nn.LSTM else 1)}  # as many after 1 step as after 50


@pytest.mark.claim("rnn_swapped_axes")
@pytest.mark.parametrize("kind", LAYERS)
def test_swapped_axes_raise_nothing(kind):
    x = torch.randn(5, 9, 3)  # (B, T, I)
    layer = kind(3, 4)  # expects (T, B, I)
    assert states(layer(x)).shape[-2] == 9  # a state for each step
    assert states(kind(3, 4, batch_first=True)(x)).shape[-2] == 5


@pytest.mark.claim("rnn_batch_first")
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", LAYERS)
def test_batch_first_leaves_the_states_alone(kind, layers, both):
    D, start = 1 + both, torch.zeros(layers * (1 + both), 5, 4)  # (layers * D, B, H), whatever comes first
    for first in (False, True):
        layer = kind(3, 4, layers, batch_first=first, bidirectional=both)
        h_0 = (start, start) if kind is nn.LSTM else start
        output, last = layer(torch.randn(*((5, 9) if first else (9, 5)), 3), h_0)
        assert output.shape == ((5, 9, D * 4) if first else (9, 5, D * 4))
        assert all(state.shape == start.shape for state in (last if kind is nn.LSTM else [last]))


@pytest.mark.claim("lstm_output_is_h")
def test_an_lstm_returns_every_h_and_the_last_c():
    for seed in SEEDS:
        torch.manual_seed(seed)
        lstm, cell = nn.LSTM(3, 4, batch_first=True), nn.LSTMCell(3, 4)
        cell.load_state_dict(dict(zip(cell.state_dict(), lstm.state_dict().values(), strict=True)))
        x = torch.randn(2, 9, 3)
        output, (h_n, c_n) = lstm(x)
        h = c = torch.zeros(2, 4)
        for t in range(9):
            h, c = cell(x[:, t], (h, c))
            torch.testing.assert_close(output[:, t], h)
            assert (output[:, t] - c).abs().max() > 0.01
        torch.testing.assert_close((h_n[0], c_n[0]), (h, c))


@pytest.mark.claim("gru_swap")
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_gru_takes_the_place_of_an_rnn(layers, both):
    """One small program, in which only the name of the layer differs."""

    def program(kind):
        torch.manual_seed(303)
        layer = kind(input_size=3, hidden_size=4, num_layers=layers, batch_first=True, bidirectional=both)
        x, state, shapes = torch.randn(2, 10, 3), None, []
        for piece in x.split(5, dim=1):
            output, state = layer(piece, state)
            shapes += [output.shape, state.shape]
            state = state.detach()
        (output.square().sum() + layer(x, torch.zeros_like(state))[0].sum()).backward()
        assert all(weight.grad is not None for weight in layer.parameters())
        return shapes, [name for name, _ in layer.named_parameters()]

    assert program(nn.RNN) == program(nn.GRU)
    with pytest.raises(AttributeError):  # as it is not for an LSTM, whose state is a pair
        program(nn.LSTM)


def gate(layer, x, h, index):
    """One gate of the only layer, from its weights: rows index H to (index + 1) H."""
    H = h.shape[1]
    rows = slice(index * H, (index + 1) * H)
    a = x @ layer.weight_ih_l0[rows].T + layer.bias_ih_l0[rows]
    return torch.sigmoid(a + h @ layer.weight_hh_l0[rows].T + layer.bias_hh_l0[rows])


@pytest.mark.claim("lstm_gate_half", "gru_gate_half")
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])  # f and z are both second
def test_gates_start_near_one_half(kind):
    for seed in SEEDS:
        torch.manual_seed(seed)
        layer = kind(10, 64, batch_first=True)
        x = torch.randn(16, 40, 10)
        h = layer(x[:, :-1])[0][:, -1]
        stands = gate(layer, x[:, -1], h, 1)
        assert stands.mean().item() == pytest.approx(0.5, abs=0.03)
        assert stands.quantile(0.01) > 0.15 and stands.quantile(0.99) < 0.85


@pytest.mark.claim("lstm_two_biases")
def test_two_forget_biases_add_up():
    torch.manual_seed(302)
    both, one = nn.LSTM(3, 5), nn.LSTM(3, 5)
    one.load_state_dict(both.state_dict())
    with torch.no_grad():
        both.bias_ih_l0[5:10] = both.bias_hh_l0[5:10] = 1
        one.bias_ih_l0[5:10], one.bias_hh_l0[5:10] = 2, 0
    x = torch.randn(7, 2, 3)
    torch.testing.assert_close(both(x)[0], one(x)[0])
    with torch.no_grad():
        one.bias_ih_l0[5:10] = 1
    assert (both(x)[0] - one(x)[0]).abs().max() > 0.01


@pytest.mark.claim("gru_reset_matters")
def test_reset_before_is_another_network():
    """The page's step with the reset before the product, on nets of its own."""
    (cell,) = (cell.source for cell in read_snippet(ROOT, "snippets/gru/reset.py").code if cell.name == "before")
    names = {}
    exec(cell, names)
    for seed in SEEDS:
        torch.manual_seed(seed)
        gru = nn.GRU(10, 20, batch_first=True)
        x, h = torch.randn(3, 6, 10), torch.zeros(3, 20)
        for x_t in x.unbind(dim=1):
            h = names["reset_before_step"](x_t, h, *gru.parameters())
        assert (h - gru(x)[1][0]).abs().max() > 0.03
    assert names["off"] > 0.03
    # the same weights, written out for one unit: there the two forms differ by b_hn alone
    gru = nn.GRU(1, 1)
    with torch.no_grad():
        gru.bias_hh_l0[2] = 0
    x, h = torch.randn(4, 1), torch.randn(4, 1)
    ours = names["reset_before_step"](x, h, *gru.parameters())
    torch.testing.assert_close(ours, gru(x[None], h[None])[1][0])


@pytest.mark.claim("compare_demo_text")
def test_the_lstm_demo_passes_the_rnn_demo():
    """By what the notebooks print; tests/test_demos.py holds these numbers to the equations."""
    bits = {}
    for cell in ("rnn", "lstm"):
        printed = (SITE / f"notebooks/{cell}_demo/index.md").read_text()
        found = re.search(rf"^{cell.upper()} +([\d.]+) ± ([\d.]+) bits", printed, re.M)
        bits[cell] = tuple(map(float, found.groups()))
    (rnn, rnn_error), (lstm, lstm_error) = bits["rnn"], bits["lstm"]
    assert lstm + lstm_error < rnn - rnn_error
