"""The formulas as first printed, against ONNX Runtime, torch and closed forms; the bibliography."""

import math
import re
import runpy
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn as nn
from onnx import TensorProto, helper
from pybtex.database import parse_file

from hooks.snippet import read_snippet

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SEEDS = range(10, 15)
T, B, I, H = 7, 3, 4, 6  # noqa: E741


def load(name, cell="step"):
    """What one shown cell of a snippet defines, and nothing else of the file."""
    (source,) = (c.source for c in read_snippet(ROOT, f"snippets/history/{name}.py").code if c.name == cell)
    names = {"torch": torch}
    exec(source, names)
    return names


@cache
def values(name):
    """All that a snippet leaves, run as a program."""
    return runpy.run_path(str(ROOT / f"snippets/history/{name}.py"))


def draw(seed, *shapes, dtype=torch.float32, scale=0.7):
    generator = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def run_onnx(kind, x, weights, states, order, peepholes=None, **options):
    """ONNX Runtime over x (T, B, I): the last states; `weights` in our order of gates, `order` ONNX's."""
    W_ih, W_hh, b = (torch.cat([w.chunk(len(order))[k] for k in order]).numpy() for w in weights)
    feed = {"X": x.numpy(), "W": W_ih[None], "R": W_hh[None], "B": np.concatenate([b, 0 * b])[None]}
    feed |= {f"initial_{s}": state.numpy()[None] for s, state in zip("hc", states, strict=False)}
    names = ["X", "W", "R", "B", "", "initial_h", "initial_c"][: 5 + len(states)]
    if peepholes is not None:  # ONNX: i, o, f
        feed["P"] = torch.cat(peepholes).numpy()[None]
        names.append("P")
    outputs = ["", "Y_h", "Y_c"][: 1 + len(states)]
    node = helper.make_node(kind, names, outputs, hidden_size=W_hh.shape[1], **options)
    graph = helper.make_graph(
        [node],
        kind,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, a.shape) for name, a in feed.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs if name],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), threads, providers=["CPUExecutionProvider"])
    return [torch.tensor(state[0]) for state in session.run(None, feed)]


def close(ours, theirs, atol=5e-6):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


def apart(ours, theirs, least=1e-3):
    assert max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True)) > least


def over(step, x, *states):
    """The last states after all of x (T, B, I)."""
    for x_t in x:
        out = step(x_t, *states)
        states = out if isinstance(out, tuple) else (out,)
    return states


IFGO = [0, 3, 1, 2]  # of our i, f, g, o: ONNX's i, o, f, g
SQUASH_1997 = {
    "activations": ["Sigmoid", "ScaledTanh", "ScaledTanh"],  # 4 σ(a) - 2 = 2 tanh(a / 2), 2 σ(c) - 1 = tanh(c / 2)
    "activation_alpha": [2.0, 1.0],
    "activation_beta": [0.5, 0.5],
}


# Elman, Werbos, Bengio


@pytest.mark.claim("history_elman")
@pytest.mark.parametrize("seed", SEEDS)
def test_elman_is_torch_rnn_and_onnx_runtime(seed):
    x, h, W_ih, W_hh, b = draw(seed, (T, B, I), (B, H), (H, I), (H, H), (H,))
    step = load("elman")["elman_step"]
    ours = over(lambda x_t, h: step(x_t, h, W_ih, W_hh, b), x, h)
    close(ours, run_onnx("RNN", x, (W_ih, W_hh, b), [h], [0], activations=["Sigmoid"]))
    rnn, h = nn.RNN(I, H), torch.full((B, H), 0.5)
    halved = W_ih / 2, W_hh / 4, b / 2, W_hh.sum(dim=1) / 4
    for weight, value in zip(rnn.parameters(), halved, strict=True):
        weight.data = value
    with torch.no_grad():
        theirs = (1 + rnn(x)[0]) / 2  # (T, B, H), begins at zero
    for x_t, expected in zip(x, theirs, strict=True):
        h = step(x_t, h, W_ih, W_hh, b)
        close([h], [expected])
    assert values("elman")["difference"] < 1e-12


@pytest.mark.claim("history_bptt")
@pytest.mark.parametrize("seed", SEEDS)
def test_bptt_equals_finite_differences(seed):
    rnn = nn.RNN(I, H, dtype=torch.float64)
    for weight, value in zip(rnn.parameters(), draw(seed, *[w.shape for w in rnn.parameters()]), strict=True):
        weight.data.copy_(value)
    x, kinds = draw(seed + 100, (T, B, I), (T, B, H), dtype=torch.float64)
    W = rnn.weight_hh_l0.data

    def loss():
        with torch.no_grad():
            return (kinds * rnn(x)[0].sin()).sum().item()

    h = torch.cat([torch.zeros(1, B, H), rnn(x)[0].detach()])
    e = torch.cat([torch.zeros(1, B, H), kinds * h[1:].cos()])
    ours = load("bptt", "bptt")["bptt"](h, e, W)
    for row, column in [(0, 0), (1, 4), (5, 2), (3, 3)]:
        kept, values = W[row, column].item(), []
        for change in (1e-6, -1e-6):
            W[row, column] = kept + change
            values.append(loss())
        W[row, column] = kept
        assert ours[row, column].item() == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-7)


@pytest.mark.claim("history_one_step")
@pytest.mark.parametrize("seed", SEEDS)
def test_one_step_back_is_another_gradient(seed):
    (W_hh,) = draw(seed, (H, H), dtype=torch.float64)
    h, e = torch.tanh(torch.stack(draw(seed, *[(B, H)] * 21, dtype=torch.float64))), torch.ones(21, B, H)
    whole = load("bptt", "bptt")["bptt"](h, e, W_hh).flatten()
    one = sum((e[t] * (1 - h[t] ** 2)).T @ h[t - 1] for t in range(1, 21)).flatten()
    assert (whole - one).norm() > 0.1 * whole.norm()
    assert torch.cosine_similarity(whole, one, dim=0) < 0.99


@pytest.mark.claim("history_latch")
@pytest.mark.parametrize("w", [1.2, 2.0, 3.5, 6.0])
def test_a_bit_that_is_safe_from_noise_has_no_gradient(w):
    names = values("latch")
    assert names["slope"] is not None and names["edge"] == pytest.approx(math.sqrt(0.5))
    assert names["limit"] == pytest.approx(math.sqrt(2) - math.atanh(math.sqrt(0.5)))
    edge = math.sqrt(1 - 1 / w)
    grid = np.linspace(1e-6, 1 - 1e-6, 200_001)  # the limit as what it is: the largest w h - artanh h
    limit = (w * grid - np.arctanh(grid)).max()
    assert w * edge - math.atanh(edge) == pytest.approx(limit, abs=1e-6)
    for seed in SEEDS:
        noise = np.random.default_rng(seed).uniform(-limit, limit, 4000) * 0.999
        for u in (noise, np.full(4000, -0.999 * limit)):  # random, and the worst
            h, slope = edge, 1.0
            for u_t in u:
                h = math.tanh(w * h + u_t)
                factor = w * (1 - h * h)
                assert h > edge and factor < 1
                slope *= factor
            assert slope < 1e-10
    h = 0.99
    for _ in range(4000):
        h = math.tanh(w * h - 1.01 * limit)
    assert h < 0  # too much noise: the bit is lost


# 1997 to 2002


@pytest.mark.claim("history_lstm_1997")
@pytest.mark.parametrize("cells", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_lstm_of_1997_equals_onnx_runtime(seed, cells):
    G = H // cells
    rows = 2 * G + H
    x, h, c, W_ih, W_hh, b = draw(seed, (T, B, I), (B, H), (B, H), (rows, I), (rows, H), (rows,))
    step = load("lstm_1997")["lstm_1997_step"]
    ours = over(lambda x_t, h, c: step(x_t, h, c, W_ih, W_hh, b), x, h, c)
    weights = []
    for w in (W_ih, W_hh, b):
        gate = [w[:G].repeat_interleave(cells, 0), w[G : 2 * G].repeat_interleave(cells, 0)]
        weights.append(torch.cat([gate[0], 0 * gate[0], w[2 * G :], gate[1]]))
    weights[2][H : 2 * H] = 30.0  # σ(30) is 1 in 32 bits
    close(ours, run_onnx("LSTM", x, weights, [h, c], IFGO, **SQUASH_1997))
    shown = values("lstm_1997")
    assert shown["difference"] < 1e-12 and shown["exact"]


@pytest.mark.claim("history_carousel")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_truncated_gradient_of_a_cell_is_exactly_one(seed):
    step = load("lstm_1997")["lstm_1997_step"]
    x, h, c_0, W_ih, W_hh, b = draw(seed, (400, B, I), (B, H), (B, H), (3 * H, I), (3 * H, H), (3 * H,))
    c_0.requires_grad_()
    _, c = over(lambda x_t, h, c: step(x_t, h.detach(), c, W_ih, W_hh, b), x, h, c_0)
    (gradient,) = torch.autograd.grad(c, c_0, torch.ones_like(c))
    assert torch.equal(gradient, torch.ones(B, H))
    _, c = over(lambda x_t, h, c: step(x_t, h, c, W_ih, W_hh, b), x[:9], h, c_0)
    (gradient,) = torch.autograd.grad(c, c_0, torch.ones_like(c))
    apart([gradient], [torch.ones(B, H)], 0.01)


@pytest.mark.claim("history_forget")
@pytest.mark.parametrize("seed", SEEDS)
def test_forget_gate_equals_onnx_runtime(seed):
    x, h, c, *weights = draw(seed, (T, B, I), (B, H), (B, H), (4 * H, I), (4 * H, H), (4 * H,))
    step = load("forget_gate")["forget_step"]
    ours = over(lambda x_t, h, c: step(x_t, h, c, *weights), x, h, c)
    close(ours, run_onnx("LSTM", x, weights, [h, c], IFGO, **SQUASH_1997))
    assert values("forget_gate")["difference"] < 1e-12


@pytest.mark.claim("history_grows")
def test_cells_grow_without_a_forget_gate():
    shown = values("forget_gate")["cells"]
    assert shown["without_low"] > 1000 > 2 > shown["with_high"]
    forget, old = load("forget_gate")["forget_step"], load("lstm_1997")["lstm_1997_step"]
    n = 32
    bound = 1 / math.sqrt(n)  # torch's own start
    for seed in SEEDS:
        generator = torch.Generator().manual_seed(seed)
        W_ih, W_hh, b = (bound * (2 * torch.rand(4 * n, k, generator=generator) - 1) for k in (4, n, 1))
        W_ih, W_hh, b = (torch.cat([w[: 2 * n], 2 * w[2 * n : 3 * n], w[3 * n :]]) for w in (W_ih, W_hh, b))
        x = torch.randn(1500, 1, 4, generator=generator)
        zero = torch.zeros(1, n)
        kept = over(lambda x_t, h, c, w=(W_ih, W_hh, b[:, 0]): forget(x_t, h, c, *w), x, zero, zero)[1]
        order = [0, 3, 2]  # i, o, g
        w_old = [torch.cat([w.chunk(4)[k] for k in order]) for w in (W_ih, W_hh, b[:, 0])]
        half = over(lambda x_t, h, c, w=w_old: old(x_t, h, c, *w), x[:750], zero, zero)[1]
        grown = over(lambda x_t, h, c, w=w_old: old(x_t, h, c, *w), x, zero, zero)[1]
        assert grown.abs().max() > 1.5 * half.abs().max() > 30 > 4 > kept.abs().max()


@pytest.mark.claim("history_peephole")
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 6), (2, 7, 3)])
@pytest.mark.parametrize("seed", SEEDS)
def test_peepholes_equal_onnx_runtime(seed, shape):
    B, n_in, n = shape
    x, h, c, *weights = draw(seed, (T, B, n_in), (B, n), (B, n), (4 * n, n_in), (4 * n, n), (4 * n,))
    p_i, p_f, p_o = draw(seed + 1, (n,), (n,), (n,), scale=2)
    step = load("peephole")["peephole_step"]
    ours = over(lambda x_t, h, c: step(x_t, h, c, *weights, p_i, p_f, p_o), x, h, c)
    close(ours, run_onnx("LSTM", x, weights, [h, c], IFGO, [p_i, p_o, p_f]), 2e-5)
    if n > 1:
        apart(ours, run_onnx("LSTM", x, weights, [h, c], IFGO, [p_i, p_f, p_o]))
    assert values("peephole")["difference"] < 1e-5


# Pascanu


@pytest.mark.claim("history_bound")
@pytest.mark.parametrize("squash, gamma", [(torch.tanh, 1.0), (torch.sigmoid, 0.25)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_bound_on_the_jacobians_holds(seed, squash, gamma):
    W, x, h = draw(seed, (H, H), (30, H), (H,), dtype=torch.float64)
    largest = np.linalg.svd(W.numpy(), compute_uv=False)[0]
    product = torch.eye(H, dtype=torch.float64)
    for k, x_t in enumerate(x):
        jacobian = torch.autograd.functional.jacobian(lambda h, x_t=x_t: squash(W @ h + x_t), h)
        h = squash(W @ h + x_t)
        product = jacobian @ product
        assert np.linalg.svd(product.numpy(), compute_uv=False)[0] <= (gamma * largest) ** (k + 1) * (1 + 1e-9)
        if squash is torch.tanh:  # the snippet's own Jacobian
            torch.testing.assert_close(load("clipping", "bound")["jacobian"](W, h), jacobian)


@pytest.mark.claim("history_eigenvalue")
def test_eigenvalues_below_one_do_not_make_a_gradient_vanish():
    shown = values("clipping")
    assert shown["grown"]["after_30"] > 10 * shown["grown"]["after_20"] > 4000
    assert shown["held"] and shown["zero"] and shown["same"]
    assert np.abs(np.linalg.eigvals(shown["W"].numpy())).max() < 1e-6
    W, h = np.array([[3.0, 3.0], [-3.0, -3.0]]), np.array([0.1, -0.8])  # another, its square zero too
    constant = np.arctanh(h) - W @ h
    slope = (1 - h**2)[:, None] * W
    change = 1e-9 * np.array([1.0, 1.0])
    pushed = h + change
    for _ in range(12):
        pushed = np.tanh(W @ pushed + constant)
    assert np.abs(np.linalg.eigvals(W)).max() < 1e-6
    np.testing.assert_allclose(pushed - h, np.linalg.matrix_power(slope, 12) @ change, rtol=1e-2)
    assert np.linalg.norm(pushed - h) > 100 * np.linalg.norm(change)


@pytest.mark.claim("history_clip")
@pytest.mark.parametrize("threshold", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_clip_equals_torch(seed, threshold):
    weights = [torch.zeros(shape, requires_grad=True) for shape in ((4, 3), (5,), (2, 2))]
    gradients = draw(seed, *[w.shape for w in weights])
    for w, gradient in zip(weights, gradients, strict=True):
        w.grad = gradient.clone()
    total = torch.nn.utils.clip_grad_norm_(weights, threshold)
    ours = load("clipping", "clip")["clip"](gradients, threshold)
    for a, w in zip(ours, weights, strict=True):
        torch.testing.assert_close(a, w.grad, rtol=2e-4, atol=0)
    after = torch.cat([a.flatten() for a in ours]).norm().item()
    assert after == pytest.approx(min(threshold, total.item()), rel=1e-5)



# 2014 to 2017


def gru_weights(seed):
    W_ih, W_hh = draw(seed, (3 * H, I), (3 * H, H))
    return W_ih, W_hh, torch.zeros(3 * H)  # no bias is printed


ZRN = [1, 0, 2]  # of our r, z, n: ONNX's z, r, n


def turned(weights):
    """The rows of z negated: 1 - σ(a) = σ(-a)."""
    return [torch.cat([w.chunk(3)[0], -w.chunk(3)[1], w.chunk(3)[2]]) for w in weights]


@pytest.mark.claim("history_chung")
@pytest.mark.parametrize("seed", SEEDS)
def test_cho_and_chung_equal_onnx_runtime(seed):
    x, h = draw(seed, (T, B, I), (B, H))
    W_ih, W_hh, b = gru_weights(seed)
    names = load("gru_2014", "steps")
    cho = over(lambda x_t, h: names["cho_step"](x_t, h, W_ih, W_hh), x, h)
    chung = over(lambda x_t, h: names["chung_step"](x_t, h, W_ih, W_hh), x, h)
    close(cho, run_onnx("GRU", x, (W_ih, W_hh, b), [h], ZRN))
    close(chung, run_onnx("GRU", x, turned((W_ih, W_hh, b)), [h], ZRN))
    apart(cho, chung)
    assert values("gru_2014")["swapped"] < 1e-12


@pytest.mark.claim("history_reset")
@pytest.mark.parametrize("seed", SEEDS)
def test_cho_is_torch_gru_only_with_a_diagonal_matrix(seed):
    x, h = draw(seed, (T, B, I), (B, H))
    W_ih, W_hh, _ = gru_weights(seed)
    cho = load("gru_2014", "steps")["cho_step"]
    for matrix, same in ((W_hh, False), (torch.cat([W_hh[: 2 * H], torch.diag(W_hh[2 * H :].diag())]), True)):
        gru = nn.GRU(I, H, bias=False)
        gru.weight_ih_l0.data, gru.weight_hh_l0.data = W_ih, matrix
        ours = over(lambda x_t, h, W=matrix: cho(x_t, h, W_ih, W), x, h)
        with torch.no_grad():
            (close if same else apart)(ours, [gru(x, h[None])[1][0]])
    shown = values("gru_2014")
    assert shown["off"] > 0.01 and shown["difference"] < 1e-12


@pytest.mark.claim("history_mutants")
@pytest.mark.parametrize("seed", SEEDS)
def test_mutants_are_grus_with_an_edited_input(seed):
    x, h, W_ih, W_hh, b = draw(seed, (5, H), (5, H), (3 * H, H), (3 * H, H), (3 * H,))
    wide = torch.cat([x, torch.tanh(x), torch.tanh(h)], dim=1)[None]  # (1, B, 3H)
    none, one = torch.zeros(H, H), torch.eye(H)
    W_r, W_z, W_n = W_ih.chunk(3)
    U_r, U_z, U_n = W_hh.chunk(3)
    edited = {
        "mut1": ([[W_r, none, none], [W_z, none, none], [none, one, none]], none),
        "mut2": ([[one, none, none], [W_z, none, none], [W_n, none, none]], U_z),
        "mut3": ([[W_r, none, none], [W_z, none, U_z], [W_n, none, none]], none),
    }
    names = load("mutated", "steps")
    for name, (blocks, u_z) in edited.items():
        rows = torch.cat([torch.cat(row, dim=1) for row in blocks])
        weights = turned((rows, torch.cat([U_r, u_z, U_n]), b))
        ours = [names[f"{name}_step"](x, h, W_ih, W_hh, b)]
        close(ours, run_onnx("GRU", wide, weights, [h], ZRN))
    assert values("mutated")["largest"] < 1e-12


IDENTITY = {
    "NIAF": {"activations": ["Sigmoid", "Affine", "Tanh"], "activation_alpha": [1.0], "activation_beta": [0.0]},
    "NOAF": {"activations": ["Sigmoid", "Tanh", "Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]},
    "CIFG": {"input_forget": 1},
}
OPEN = {"NIG": 0, "NFG": 1, "NOG": 3}


@pytest.mark.claim("history_variants")
@pytest.mark.parametrize("name", ["", "NIG", "NFG", "NOG", "NIAF", "NOAF", "NP", "CIFG"])
@pytest.mark.parametrize("seed", SEEDS)
def test_variants_equal_onnx_runtime(seed, name):
    x, h, c, *weights = draw(seed, (T, B, I), (B, H), (B, H), (4 * H, I), (4 * H, H), (4 * H,), scale=0.5)
    p = draw(seed + 1, (3, H))[0]
    step = load("variants")["greff_step"]
    ours = over(lambda x_t, h, c: step(x_t, h, c, *weights, p, [name]), x, h, c)
    theirs, q = [w.clone() for w in weights], p.clone()
    if name in OPEN:
        rows = slice(OPEN[name] * H, OPEN[name] * H + H)
        for w, value in zip(theirs, (0, 0, 30.0), strict=True):
            w[rows] = value
        q[{"NIG": 0, "NFG": 1, "NOG": 2}[name]] = 0
    q = 0 * q if name == "NP" else q
    close(ours, run_onnx("LSTM", x, theirs, [h, c], IFGO, [q[0], q[2], q[1]], **IDENTITY.get(name, {})), 2e-5)
    whole = over(lambda x_t, h, c: step(x_t, h, c, *weights, p), x, h, c)
    (apart if name else close)(ours, whole)


@pytest.mark.claim("history_variants")
@pytest.mark.parametrize("name", ["NP", "NIG", "NFG", "NOG", "CIFG"])
@pytest.mark.parametrize("seed", SEEDS)
def test_variants_without_peepholes_are_inside_torch_lstm(seed, name):
    x, h, c, *weights = draw(seed, (T, B, I), (B, H), (B, H), (4 * H, I), (4 * H, H), (4 * H,), dtype=torch.float64)
    peepholes = draw(seed + 1, (3, H), dtype=torch.float64)[0]
    step = load("variants")["greff_step"]
    ours = over(lambda x_t, h, c: step(x_t, h, c, *weights, peepholes, ["NP", name]), x, h, c)
    lstm, theirs = nn.LSTM(I, H, dtype=torch.float64), [w.clone() for w in weights]
    for w, bias in zip(theirs, (0, 0, 50.0), strict=True):
        if name in OPEN:
            w[OPEN[name] * H : (OPEN[name] + 1) * H] = bias
        if name == "CIFG":
            w[H : 2 * H] = -w[:H]
    for weight, value in zip(lstm.parameters(), [*theirs, torch.zeros(4 * H, dtype=torch.float64)], strict=True):
        weight.data = value
    with torch.no_grad():
        close(ours, [state[0] for state in lstm(x, (h[None], c[None]))[1]], 1e-12)
    seen = over(lambda x_t, h, c: step(x_t, h, c, *weights, peepholes, [name]), x, h, c)
    (close if name == "NP" else apart)(ours, seen)  # with peepholes another net


@pytest.mark.claim("history_full_gates")
@pytest.mark.parametrize("seed", SEEDS)
def test_full_gate_recurrence_equals_onnx_runtime(seed):
    x, h, c, y, W_ih, W_hh, R, b = draw(
        seed, (T, B, I), (B, H), (B, H), (B, 3 * H), (4 * H, I), (4 * H, H), (3 * H, 3 * H), (4 * H,), scale=0.4
    )
    step = load("full_gates")["full_step"]
    none = torch.zeros(H, 3 * H)
    wide = torch.cat([W_ih, torch.cat([R[: 2 * H], none, R[2 * H :]])], dim=1)
    for x_t in x:
        theirs = run_onnx("LSTM", torch.cat([x_t, y], dim=1)[None], (wide, W_hh, b), [h, c], IFGO)
        i, f, _, o = (torch.cat([x_t, y], dim=1) @ wide.T + h @ W_hh.T + b).chunk(4, dim=1)
        h, c, y = step(x_t, h, c, y, W_ih, W_hh, R, b)
        close([h, c], theirs)
        close([y], [torch.sigmoid(torch.cat([i, f, o], dim=1))])
    assert values("full_gates")["difference"] < 1e-12


@pytest.mark.claim("history_cifg")
@pytest.mark.parametrize("seed", SEEDS)
def test_coupled_gates_are_a_gru_only_without_output_gate_and_squashing(seed):
    x, h, W_ih, W_hh, b = draw(seed, (T, B, I), (B, H), (4 * H, I), (4 * H, H), (4 * H,))
    weights = []
    for w in (W_ih, W_hh, b):
        i, _, g, _ = w.chunk(4)
        weights.append(torch.cat([0 * i, -i, g]))  # r, z = 1 - i, n
    weights[2][:H] = 30.0
    theirs = run_onnx("GRU", x, weights, [h], ZRN)
    step, p = load("variants")["greff_step"], torch.zeros(3, H)
    for names in (["NOG", "NOAF"], ["NOG"], ["NOAF"], []):
        ours = over(lambda x_t, h, c, n=names: step(x_t, h, c, W_ih, W_hh, b, p, ["CIFG", *n]), x, h, h)[:1]
        (close if names == ["NOG", "NOAF"] else apart)(ours, theirs)


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "snippets/history").glob("*.py")))
def test_what_a_snippet_prints_is_what_the_page_says(name, capsys):
    runpy.run_path(str(ROOT / f"snippets/history/{name}.py"))
    printed = capsys.readouterr().out
    expected = {"variants": 3, "terms": 0}.get(name, 0)
    assert printed.count("False") == expected and ("True" in printed or name == "terms")


# The bibliography

PAGE = (DOCS / "history.md").read_text()
ITEM = re.compile(
    r'- <a id="(?P<key>\w+)"></a>(?P<who>.+?) \((?P<year>\d{4})\)\. \*(?P<title>.+?)\*(?P<where>.*) '
    r"\[(?P<shown>[^\]]+)\]\((?P<link>[^)]+)\)"
)
ITEMS = {m["key"]: m for m in map(ITEM.fullmatch, PAGE.split("## Bibliography")[1].strip().split("\n")) if m}
BIB = parse_file(str(DOCS / "assets/references.bib")).entries
CITED = {
    page.relative_to(DOCS).as_posix(): re.findall(r"\]\([./]*history\.md#(\w+)\)", page.read_text())
    for page in DOCS.rglob("*.md")
}
CITED["history.md"] = CITED["history.md"] + re.findall(r"\]\(#(\w+)\)", PAGE)


def plain(words):
    return re.sub(r"[{}]", "", words).rstrip(".").replace("--", "–")


def test_the_list_and_the_file_have_the_same_works():
    lines = [line for line in PAGE.split("## Bibliography")[1].split("\n") if line.startswith("- ")]
    assert len(lines) == len(ITEMS) == len(BIB) > 25
    assert set(ITEMS) == set(BIB)
    names = [(item["who"].casefold(), item["year"]) for item in ITEMS.values()]
    assert names == sorted(names)


@pytest.mark.parametrize("key", BIB)
def test_a_work_is_the_same_in_the_list_and_in_the_file(key):
    item, entry = ITEMS[key], BIB[key]
    assert item["title"].rstrip(".") == plain(entry.fields["title"])
    assert item["year"] == entry.fields["year"]
    people = entry.persons["author"]
    assert plain(" ".join(people[0].prelast_names + people[0].last_names)) in item["who"]
    for person in people[1:] if "others" not in item["who"] else []:
        assert " ".join(person.prelast_names + person.last_names) in item["who"]
    doi = entry.fields.get("doi")
    assert item["link"] == (f"https://doi.org/{doi}" if doi else entry.fields["url"])
    assert not doi or item["shown"] == f"`{doi}`"
    if pages := entry.fields.get("pages"):
        assert plain(pages) in item["where"]
    for field in ("volume", "number"):
        if field in entry.fields:
            assert plain(entry.fields[field]) in item["where"]


def test_dois_are_well_formed_and_unique():
    dois = [entry.fields["doi"] for entry in BIB.values() if "doi" in entry.fields]
    assert len(set(map(str.lower, dois))) == len(dois) > 15
    assert all(re.fullmatch(r"10\.\d{4,5}/[\w./()-]+", doi) for doi in dois)
    for key, entry in BIB.items():
        assert "doi" in entry.fields or entry.fields["url"].startswith("https://"), key
        if eprint := entry.fields.get("eprint"):
            assert entry.fields["doi"] == f"10.48550/arXiv.{eprint}"
        if key[-4:].isdigit():
            assert key.endswith(entry.fields["year"])


def test_every_citation_leads_to_a_work_and_every_work_is_cited():
    anchors = {key for keys in CITED.values() for key in keys}
    assert anchors <= set(BIB), anchors - set(BIB)
    assert set(BIB) <= anchors, set(BIB) - anchors
    assert max(Counter(re.findall(r'<a id="(\w+)"', PAGE)).values()) == 1


def test_the_file_is_offered_on_the_page():
    assert "(assets/references.bib)" in PAGE
    text = (DOCS / "assets/references.bib").read_text()
    assert text.count("@") == len(BIB)
