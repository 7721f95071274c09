"""The page on what came after: each step against a form of its own, in NumPy, by PyTorch or by a theorem."""

import math
import runpy
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
import yaml
from torch import nn
from torch.nn import functional as F

from hooks.snippet import read_snippet

matplotlib.use("Agg")
ROOT = Path(__file__).parent.parent
SEEDS = range(70, 75)  # the snippets use 0 to 4
B, T, D, N = 2, 9, 5, 3


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def cells(name, *wanted):
    """What cells of snippets/beyond/<name>.py define."""
    known = {}
    for cell in read_snippet(ROOT, f"snippets/beyond/{name}.py").code:
        if cell.name in wanted:
            exec(cell.source, known)
    return known


def draw(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]


def along(step, inputs, *state):
    """What a step shows at each time, (B, T, ...), and the last state; inputs are (B, T, ...)."""
    shown = []
    for now in zip(*(part.unbind(dim=1) for part in inputs), strict=True):
        out = step(*now, *state)
        out, state = (out[0], out[1:]) if isinstance(out, tuple) else (out, (out,))
        shown.append(out)
    return torch.stack(shown, dim=1), state


def close(ours, theirs, tolerance=1e-12):
    assert ours.shape == theirs.shape
    assert np.abs(np.asarray(ours) - np.asarray(theirs)).max() < tolerance


# Attention, with a cache and with a state


@pytest.mark.claim("beyond_attention", "beyond_dose_grows")
@pytest.mark.parametrize("seed", SEEDS)
def test_attention_by_steps_is_causal_attention(seed):
    step = cells("attention", "step")["attention_step"]
    q, k, v = draw(seed, *[(B, T, D)] * 3)
    ours, (K, V) = along(step, (q, k, v), q.new_zeros(B, 0, D), q.new_zeros(B, 0, D))
    close(ours, F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0))
    multihead = nn.MultiheadAttention(D, 1, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        one = torch.eye(D, dtype=torch.float64)
        multihead.in_proj_weight[:] = torch.cat([one * D**0.5, one, one])
        multihead.out_proj.weight[:] = one
        close(ours, multihead(q, k, v, attn_mask=torch.ones(T, T).triu(1).bool())[0])
    assert torch.equal(K, k) and torch.equal(V, v)  # nothing is dropped


@pytest.mark.claim("beyond_linear_attention")
@pytest.mark.parametrize("seed", SEEDS)
def test_linear_attention_is_a_ratio_of_sums(seed):
    step = cells("linear_attention", "step")["linear_attention_step"]
    q, k, v = draw(seed, (B, T, D), (B, T, D), (B, T, N))
    q, k = q.exp(), k.exp()
    ours, (C, u) = along(step, (q, k, v), v.new_zeros(B, N, D), v.new_zeros(B, D))
    theirs = np.zeros((B, T, N))
    for b in range(B):
        for t in range(T):
            match = (k[b, : t + 1].numpy() @ q[b, t].numpy()).tolist()
            theirs[b, t] = sum(m * v[b, s].numpy() for s, m in enumerate(match)) / sum(match)
    close(ours, theirs)
    assert C.shape == (B, N, D) and u.shape == (B, D)


# Linear recurrences


@pytest.mark.claim("beyond_scan", "beyond_passes")
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 33, 1000])
def test_the_scan_is_the_closed_form(length):
    scan = cells("linear", "scan")["scan"]
    for seed in SEEDS:
        a, b = draw(seed, (B, length, D), (B, length, D))
        a = 0.98 + 0.04 * a.sigmoid()
        ours, passes = scan(a, b)
        product = a.numpy().cumprod(axis=1)
        close(ours, product * (b.numpy() / product).cumsum(axis=1), 1e-9)
        assert passes == math.ceil(math.log2(length))


@pytest.mark.claim("beyond_scan", "beyond_z_turned")
@pytest.mark.parametrize("seed", SEEDS)
def test_mingru_by_loop_and_by_scan(seed):
    made = cells("linear", "scan", "mingru")
    x, W_ih, b_ih, h = draw(seed, (B, T, N), (2 * D, N), (2 * D,), (B, D))
    leaves = [part.requires_grad_() for part in (x, W_ih, b_ih)]
    looped, _ = along(lambda x_t, h: made["mingru_step"](x_t, h, W_ih, b_ih), (x,), h * 0)
    scanned, _ = made["mingru_scan"](x, W_ih, b_ih)
    z, n = nn.Linear(N, D, dtype=torch.float64), nn.Linear(N, D, dtype=torch.float64)
    for layer, rows in ((z, slice(D)), (n, slice(D, None))):
        layer.weight.data, layer.bias.data = W_ih.data[rows], b_ih.data[rows]
    plain, _ = along(lambda x_t, h: torch.lerp(n(x_t), h, z(x_t).sigmoid()), (x,), h * 0)
    z.weight.data, z.bias.data = -z.weight.data, -z.bias.data
    printed, _ = along(lambda x_t, h: torch.lerp(h, n(x_t), z(x_t).sigmoid()), (x,), h * 0)  # its z writes
    for ours in (looped, scanned, printed):
        close(ours.detach(), plain.detach())
    pull = torch.randn_like(plain)
    grads = [torch.autograd.grad(states, leaves[0], pull, retain_graph=True)[0] for states in (looped, scanned, plain)]
    close(grads[0], grads[2])
    close(grads[1], grads[2])
    assert torch.autograd.gradcheck(lambda *leaves: made["mingru_scan"](*leaves)[0], leaves)
    moved = made["mingru_step"](x[:, 0], h, W_ih, b_ih)
    close(moved.detach(), (made["mingru_step"](x[:, 0], 0 * h, W_ih, b_ih) + h * torch.sigmoid(-z(x[:, 0]))).detach())


@pytest.mark.parametrize("seed", SEEDS)
def test_minlstm_stays_between_its_candidates(seed):
    made = cells("linear", "scan", "minlstm")
    x, W_ih, b_ih, h = draw(seed, (B, N), (3 * D, N), (3 * D,), (B, D))
    i, f, g = (F.linear(x, W_ih[rows], b_ih[rows]) for rows in (slice(D), slice(D, 2 * D), slice(2 * D, None)))
    kept = f.sigmoid() / (f.sigmoid() + i.sigmoid())
    close(made["minlstm_step"](x, h, W_ih, b_ih), torch.lerp(g, h, kept))


# State-space models


@pytest.mark.claim("beyond_convolution")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_state_space_step_solves_its_equation(seed):
    """x held constant for a time delta, by the exponential of a matrix; and S4D as a convolution of NumPy's."""
    step = cells("state_space", "step")["state_space_step"]
    x, C, delta, A, k, q = draw(seed, (B, D), (B, D, N), (B, D), (D, N), (B, N), (B, N))
    delta, A = 0.1 + delta.sigmoid(), -0.5 - A.sigmoid()  # not so small that F - 1 loses digits
    h, new = step(x, C, delta, A, k, q)
    for b, d, n in np.ndindex(B, D, N):  # C' = A C + k x and x' = 0
        system = torch.tensor([[A[d, n], k[b, n]], [0, 0]], dtype=torch.float64)
        passed = torch.linalg.matrix_exp(delta[b, d] * system) @ torch.stack([C[b, d, n], x[b, d]])
        assert abs(passed[0] - new[b, d, n]) < 1e-12
    close(h, np.einsum("bdn,bn->bd", new, q))

    (xs,) = draw(seed + 1, (1, T, D))
    fixed = [part[:1] for part in (delta, k, q)]
    ours, _ = along(lambda x_t, C: step(x_t, C, fixed[0], A, fixed[1], fixed[2]), (xs,), xs.new_zeros(1, D, N))
    for d in range(D):
        keep = np.exp((delta[0, d] * A[d]).numpy())
        weights = q[0].numpy() * (keep - 1) / A[d].numpy() * k[0].numpy()
        kernel = [float((weights * keep**t).sum()) for t in range(T)]
        close(ours[0, :, d], np.convolve(kernel, xs[0, :, d].numpy())[:T])


@pytest.mark.claim("beyond_gate")
@pytest.mark.parametrize("seed", SEEDS)
def test_mamba_with_one_number_a_channel_is_a_grus_update(seed):
    """Its step size made by softplus, against torch's GRU with a gate that sees only x and no squashing left."""
    step = cells("state_space", "step")["state_space_step"]
    x, W, b = draw(seed, (B, T, D), (D, D), (D,))
    one, minus = x.new_ones(B, 1), -x.new_ones(D, 1)
    delta = F.softplus(-F.linear(x, W, b))
    ours, _ = along(lambda x_t, d_t, C: step(x_t, C, d_t, minus, one, one), (x, delta), x.new_zeros(B, D, 1))
    gru, tiny = nn.GRU(D, D, batch_first=True, dtype=torch.float64), 1e-5
    with torch.no_grad():
        for part in gru.parameters():
            part.zero_()
        gru.weight_ih_l0[D : 2 * D], gru.bias_ih_l0[D : 2 * D] = W, b
        gru.weight_ih_l0[2 * D :] = torch.eye(D, dtype=torch.float64) * tiny  # tanh(tiny x) is tiny x
        close(ours, gru(x)[0] / tiny, 1e-8)


# RWKV and xLSTM


@pytest.mark.claim("beyond_rwkv")
@pytest.mark.parametrize("seed", SEEDS)
def test_rwkv_is_the_mean_of_the_paper(seed):
    step = cells("rwkv", "step")["rwkv_step"]
    key, v, receptance, decay, bonus = draw(seed, *[(B, T, D)] * 3, (D,), (D,))
    decay = decay.exp()
    i, o, f, p = key.exp(), receptance.sigmoid(), (-decay).exp(), bonus.exp()
    ours, _ = along(lambda *now: step(*now, f, p), (i, v, o), v.new_zeros(B, D), v.new_zeros(B, D))
    for b, t, d in np.ndindex(B, T, D):
        logs = [-(t - 1 - s) * decay[d] + key[b, s, d] for s in range(t)] + [bonus[d] + key[b, t, d]]
        weights = np.exp(logs)
        mean = (weights * v[b, : t + 1, d].numpy()).sum() / weights.sum()
        assert abs(ours[b, t, d] - mean / (1 + math.exp(-receptance[b, t, d]))) < 1e-12


@pytest.mark.claim("beyond_slstm")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [1, 3000])
def test_slstm_shows_a_weighted_mean_whatever_its_stabiliser(seed, size):
    """Also with gates so large and so small that exponentials overflow and vanish."""
    step = cells("xlstm", "slstm")["slstm_step"]
    x, W_ih, W_hh, b = draw(seed, (B, T, N), (4 * D, N), (4 * D, D), (4 * D,))
    x, zero = size * x, x.new_zeros(B, D)
    carry = lambda x_t, *state: repeat(step(x_t, *state, W_ih, W_hh, b))  # noqa: E731
    ours, _ = along(carry, (x,), zero, zero, zero, zero - torch.inf)
    before = torch.cat([zero[:, None], ours[:, :-1]], dim=1)  # the h that each step's gates have seen
    i, f, g, o = (F.linear(x, W_ih, b) + F.linear(before, W_hh)).chunk(4, dim=2)
    assert i.exp().isinf().any() == (size > 1)
    kept = F.logsigmoid(f).cumsum(dim=1)
    for t in range(T):
        logs = i[:, : t + 1] + kept[:, t : t + 1] - kept[:, : t + 1]
        mean = (logs.softmax(dim=1) * g[:, : t + 1].tanh()).sum(dim=1)
        close(ours[:, t], o[:, t].sigmoid() * mean, 1e-12 * size)
    if size == 1:
        close(ours, along(carry, (x,), zero, zero, zero, zero + 3)[0])


def repeat(out):
    """A step's result with the h that is shown also as the h that is carried."""
    return (out[0], *out)


@pytest.mark.claim("beyond_mlstm")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [0.001, 3.0])
def test_mlstm_is_a_gated_sum(seed, size):
    """In NumPy, without stabiliser; with small queries the divisor is 1, with large ones it is not."""
    step = cells("xlstm", "slstm", "mlstm")["mlstm_step"]
    q, k, v, o, i, f = draw(seed, (B, T, D), (B, T, D), (B, T, N), (B, T, N), (B, T, 1), (B, T, 1))
    q, o, log_f = size * q, o.sigmoid(), F.logsigmoid(f)
    start = v.new_zeros(B, N, D), v.new_zeros(B, D), v.new_full((B, 1), -torch.inf)
    ours, _ = along(step, (q, k, v, i, log_f, o), *start)
    divisors = []
    for b, t in np.ndindex(B, T):
        C, u = np.zeros((N, D)), np.zeros(D)
        for s in range(t + 1):
            write, keep = math.exp(i[b, s, 0]), 1 / (1 + math.exp(-f[b, s, 0]))
            C = keep * C + write * np.outer(v[b, s], k[b, s])
            u = keep * u + write * k[b, s].numpy()
        divisors.append(abs(u @ q[b, t].numpy()))
        close(ours[b, t], o[b, t].numpy() * (C @ q[b, t].numpy()) / max(divisors[-1], 1))
    assert (max(divisors) > 1) == (size > 1)


@pytest.mark.claim("beyond_mlstm")
@pytest.mark.parametrize("seed", SEEDS)
def test_mlstm_stays_finite_with_huge_and_tiny_gates(seed):
    step = cells("xlstm", "slstm", "mlstm")["mlstm_step"]
    q, k, v, o, i, f = draw(seed, (B, T, D), (B, T, D), (B, T, N), (B, T, N), (B, T, 1), (B, T, 1))
    i, log_f, o = 2000 * i, F.logsigmoid(2000 * f), o.sigmoid()
    start = v.new_zeros(B, N, D), v.new_zeros(B, D), v.new_full((B, 1), -torch.inf)
    ours, _ = along(step, (q, k, v, i, log_f, o), *start)
    kept = log_f.cumsum(dim=1)
    for t in range(T):
        logs = i[:, : t + 1] + kept[:, t : t + 1] - kept[:, : t + 1]  # (B, t + 1, 1)
        largest = logs.amax(dim=1)
        weights = (logs - largest[:, None]).exp() * (k[:, : t + 1] * q[:, t : t + 1]).sum(dim=2, keepdim=True)
        divisor = torch.maximum(weights.sum(dim=1).abs(), torch.exp(-largest))
        close(ours[:, t], o[:, t] * (weights * v[:, : t + 1]).sum(dim=1) / divisor, 1e-9)


# Who looks back


def jacobians(step, state):
    """The new state's derivative by the old one, at two states."""
    return [torch.autograd.functional.jacobian(step, s) for s in (state, state + 1)]


@pytest.mark.claim("beyond_looks_back")
def test_which_updates_depend_on_the_state_other_than_by_a_factor():
    x, h, W_ih, W_hh, b, k, q, v, o = draw(
        3, (1, N), (1, D), (4 * D, N), (4 * D, D), (4 * D,), (1, D), (1, D), (1, N), (1, N)
    )
    C, delta, A = (part.exp() for part in draw(4, (1, N, D), (1, N), (N, D)))
    linear, xlstm = cells("linear", "scan", "mingru", "minlstm"), cells("xlstm", "slstm", "mlstm")
    state_space = cells("state_space", "step")["state_space_step"]
    linear_attention = cells("linear_attention", "step")["linear_attention_step"]
    one = h.new_ones(1, 1)
    torch.manual_seed(0)
    rnn, lstm, gru = (kind(N, D, dtype=torch.float64) for kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell))
    looks = {
        "rnn": (lambda h: rnn(x, h), h),
        "lstm": (lambda h: lstm(x, (h, 0.5 * h))[1], h),
        "gru": (lambda h: gru(x, h), h),
        "slstm": (lambda h: xlstm["slstm_step"](x, h, h, h.exp(), h, W_ih, W_hh, b)[1], h),
    }
    does_not = {
        "mingru": (lambda h: linear["mingru_step"](x, h, W_ih[: 2 * D], b[: 2 * D]), h),
        "minlstm": (lambda h: linear["minlstm_step"](x, h, W_ih[: 3 * D], b[: 3 * D]), h),
        "state space": (lambda C: state_space(x, C, delta, -A, k, q)[1], C),
        "rwkv": (lambda c: cells("rwkv", "step")["rwkv_step"](q, k, q, c, q.exp(), h[0], h[0])[1], h),
        "linear attention": (lambda C: linear_attention(q, k, v, C, k)[1], C),
        "mlstm": (lambda C: xlstm["mlstm_step"](q, k, v, one, -one, o, C, k, 0 * one)[1], C),
    }
    for name, (step, state) in (looks | does_not).items():
        first, second = jacobians(step, state)
        assert torch.allclose(first, second, rtol=0, atol=1e-12) == (name in does_not), name
    diagonal = jacobians(*does_not["mingru"])[0][0, :, 0]
    assert torch.equal(diagonal, diagonal.diag().diag()) and ((diagonal.diag() > 0) & (diagonal.diag() < 1)).all()


# The price


@pytest.mark.claim("beyond_parity_rnn")
def test_two_units_that_look_back_do_parity():
    made = cells("parity", "rnn")
    for seed, ones in zip(SEEDS, (0.0, 0.1, 0.5, 0.9, 1.0), strict=True):
        rng = np.random.default_rng(seed)
        bits = (rng.random((3, 20_000)) < ones).astype(float)
        start = -torch.ones(1, 3, 2, dtype=torch.float64)
        with torch.no_grad():
            output, _ = made["rnn"](torch.from_numpy(bits)[:, :, None], start)
        said = (output[:, :, 0] - output[:, :, 1]).numpy() > 1
        assert (said == np.logical_xor.accumulate(bits > 0, axis=1)).all()
    assert made["right"] == 1


@pytest.mark.claim("beyond_parity_bound", "beyond_dose_parity")
@pytest.mark.parametrize("units", [1, 2, 3, 5])
def test_a_mingru_of_h_units_flips_at_most_h_times_in_a_run_of_ones(units):
    """Random nets stay within the bound; weights that are solved for reach it; no weights pass it."""
    made, ones = cells("linear", "scan", "mingru"), torch.ones(1, 60, 1, dtype=torch.float64)
    for seed in SEEDS:
        for W_ih, b_ih, readout, bias in zip(
            *draw(seed, (50, 2 * units, 1), (50, 2 * units), (50, units), (50,)), strict=True
        ):
            states, _ = made["mingru_scan"](ones, W_ih, b_ih)
            slides = states[0].diff(dim=0)
            assert ((slides >= -1e-15).all(dim=0) | (slides <= 1e-15).all(dim=0)).all()  # each one way
            answers = (states[0] @ readout + bias > 0).int()
            assert answers.diff().abs().sum() <= units
    z = np.linspace(0.2, 0.8, units)
    powers = np.concatenate([z ** np.arange(1, units + 2)[:, None], np.ones((units + 1, 1))], axis=1)
    solved = np.linalg.solve(powers, (-1.0) ** np.arange(units + 1))  # alternates for as long as there are unknowns
    h = 1 - z ** np.arange(1, 61)[:, None]  # what such units with candidate 1 show
    answers = solved[-1] + solved[:-1].sum() - h @ solved[:-1] > 0
    assert np.abs(np.diff(answers.astype(int))).sum() == units


def test_the_pages_random_nets_stay_within_the_bound():
    made = cells("parity", "rnn", "mingru")
    assert 1 <= made["most"] <= made["UNITS"] < made["ONES"] - 1
    closed = made["n"] * (1 - made["z"] ** made["ONES"])  # h_0 = 0
    close(made["h"], closed)
    z, n, readout, bias = (made[name].numpy() for name in ("z", "n", "readout", "bias"))
    shown = [(readout * n * (1 - z**t)).sum(axis=1) > -bias for t in range(1, made["ONES"] + 1)]
    assert made["flips"].tolist() == np.diff(np.array(shown, dtype=int), axis=0).__abs__().sum(axis=0).tolist()


@pytest.fixture(scope="module")
def recall():
    return runpy.run_path(str(ROOT / "snippets/beyond/recall.py"))


@pytest.mark.claim("beyond_matrix_full")
def test_a_matrix_fills_up_and_attention_does_not(recall):
    d = recall["largest"]
    assert d == 64 and recall["most"] == 1024
    for pairs, low, high in ((d, 0.97, 1.0), (1024, 0.05, 0.2)):
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            keys, values = rng.normal(size=(2, pairs, d))
            keys /= np.linalg.norm(keys, axis=1)[:, None]
            C = sum(np.outer(v, k) for k, v in zip(keys, values, strict=True))
            answers = keys @ C.T
            off = np.linalg.norm(answers - values) / np.linalg.norm(values)
            assert abs(off - math.sqrt((pairs - 1) / d)) < 0.2 * off  # the others', seen along one key
            distance = (answers**2).sum(1)[:, None] - 2 * answers @ values.T + (values**2).sum(1)
            right = (distance.argmin(axis=1) == np.arange(pairs)).mean()
            assert low <= right <= high
        for word in ("low", "median", "high"):
            assert low <= recall["share"][word][f"d{d}"][f"p{pairs}"] <= high
    assert recall["share"]["attention"] == 1


@pytest.mark.claim("beyond_matrix_full")
@pytest.mark.parametrize("seed", SEEDS)
def test_recall_counts_the_nearest_values(recall, seed):
    keys, values = (part.numpy() for part in torch.randn(2, 60, 16, generator=torch.Generator().manual_seed(seed)))
    keys = keys / np.linalg.norm(keys, axis=1)[:, None]
    weights = np.exp(recall["SHARP"] * keys @ keys.T)
    for answers, share in zip(
        (keys @ keys.T @ values, weights @ values / weights.sum(axis=1)[:, None]),
        recall["right"](16, 60, seed),
        strict=True,
    ):
        nearest = [np.argmin([np.linalg.norm(answer - value) for value in values]) for answer in answers]
        assert share == pytest.approx(np.mean(np.equal(nearest, range(60))), abs=0.001)


# What streaming costs


@pytest.fixture(scope="module")
def memory():
    return runpy.run_path(str(ROOT / "snippets/beyond/memory.py"))


@pytest.mark.claim("beyond_streaming", "beyond_dose_grows")
def test_what_is_carried_on_by_formula(memory):
    H, steps, word = memory["H"], memory["STEPS"], 4  # bytes of a float32
    formula = {"RNN": [H] * steps, "GRU": [H] * steps, "LSTM": [2 * H] * steps}
    formula["attention"] = [2 * H * t for t in range(1, steps + 1)]
    for name, numbers in formula.items():
        assert memory["counts"][name][0] == [word * n for n in numbers], name
    assert memory["ratio"] == steps and memory["first"]["attention"] == 2 * H * word
    for kind, states in ((nn.RNN, 1), (nn.GRU, 1), (nn.LSTM, 2)):
        _, state = kind(H, H)(torch.zeros(5, 1, H))
        assert sum(part.nbytes for part in (state if states > 1 else [state])) == memory["last"][kind.__name__]


def test_the_layer_that_is_counted_is_attention(memory):
    layer, state, shown = memory["Attention"]().double(), None, []
    (x,) = draw(70, (T, 1, memory["H"]))
    with torch.no_grad():
        for x_t in 5 * x:
            state = layer(x_t, state)
            shown.append(layer.output)
        q, k, v = layer.maps(5 * x[:, 0]).chunk(3, dim=1)
        close(torch.cat(shown), layer.out(F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True))[0])
    assert torch.allclose(state[0], k) and torch.allclose(state[1], v)


@pytest.mark.claim("beyond_work")
def test_multiply_adds_by_formula(memory):
    H, steps = memory["H"], memory["STEPS"]
    maps = {"RNN": 2, "GRU": 6, "LSTM": 8}  # of H by H
    for name, number in maps.items():
        assert memory["counts"][name][1] == [number * H * H] * steps
        weights = getattr(nn, name)(H, H)
        assert sum(part.numel() for part in weights.parameters() if part.ndim == 2) == number * H * H
    assert memory["counts"]["attention"][1] == [4 * H * H + 2 * t * H for t in range(1, steps + 1)]
    assert memory["passes"] == {"RNN": 1, "GRU": H + 1, "LSTM": 2 * H + 1}


@pytest.mark.claim("beyond_fixed", "beyond_passes_matrix")
def test_the_states_of_the_others_are_those_that_their_steps_hand_on(memory):
    H, size, numbers = memory["H"], memory["HEAD"], memory["N"]
    heads = H // size
    x, wide, head = torch.zeros(1, H), torch.zeros(1, H, numbers), torch.zeros(heads, size)
    weights = torch.zeros(4 * H, H), torch.zeros(4 * H, H), torch.zeros(4 * H)
    square, one = torch.zeros(heads, size, size), torch.zeros(heads, 1)
    mingru = cells("linear", "scan", "mingru")["mingru_step"](x, x, weights[0][: 2 * H], weights[2][: 2 * H])
    handed_on = {
        "mingru": [mingru],
        "rwkv": cells("rwkv", "step")["rwkv_step"](x, x, x, x, x, x[0], x[0])[1:],
        "slstm": cells("xlstm", "slstm")["slstm_step"](x, x, x, x, x, *weights),
        "ssm": cells("state_space", "step")["state_space_step"](
            x, wide, x, wide[0] - 1, torch.zeros(1, numbers), torch.zeros(1, numbers)
        )[1:],
        "linear": cells("linear_attention", "step")["linear_attention_step"](head, head, head, square, head)[1:],
        "mlstm": cells("xlstm", "slstm", "mlstm")["mlstm_step"](head, head, head, one, one, head, square, head, one)[
            1:
        ],
    }
    assert {name: sum(part.nbytes for part in state) for name, state in handed_on.items()} == memory["fixed"]
    cache, matrix = memory["counts"]["attention"][0], memory["fixed"]["linear"]
    at = memory["passes_matrix"]
    assert cache[at - 2] <= matrix < cache[at - 1] and at == size // 2 + 1


# The page itself


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "snippets/beyond").glob("*.py")))
def test_every_check_on_the_page_says_true(name, capsys):
    sources = [cell.source for cell in read_snippet(ROOT, f"snippets/beyond/{name}.py").code if not cell.hidden]
    if name != "memory":
        exec("\n".join(sources), {})
        assert capsys.readouterr().out.count("False") == (name == "xlstm")  # without a stabiliser


def test_the_series_days_before_and_after_are_linked():
    series = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["extra"]["series"]
    page = (ROOT / "docs/beyond.md").read_text()
    assert all(f"]({series[way]['url']})" in page for way in ("previous", "next"))
