"""The formulas as published, evaluated and compared with torch: a slip in the TeX is seen."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from equations import Unreadable, define, displayed, evaluate, rows, sides, solve
from torch import nn

from hooks.snippet import read_snippet

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


def merged(context, equations):
    """The equations, and of those around them what they leave as it is."""
    return list({sides(row.replace("&", ""))[0]: row for row in [*context, *equations]}.values())


def one_step(setting, context=()):
    """Judges formulas by what they define, in the environment of a seed."""

    def judge(equations, seed):
        env, expected = setting(seed)
        solved = solve(merged(context, equations), env)
        agree({key: env[key] for key in solved}, expected)

    return judge


def identity(setting):
    """Judges an equation by its sides, which must be equal."""

    def judge(equations, seed):
        for equation in equations:
            first, *others = (evaluate(side, setting(seed)[0]) for side in sides(equation))
            assert others and all(close(first, other) for other in others)

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


def of_a_cell(kind, gates, context=()):
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

    return one_step(setting, context)


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


# The backward pass: every delta, against autograd through the forward formulas


def is_delta(equation):
    return equation.lstrip().startswith(r"\delta")


def is_total(equation):
    """Whether it is about all steps: its left side has no t."""
    return "t" not in sides(equation)[0].replace(r"\delta", "").replace(r"\mathrm", "")


def backwards(kind, stacked, gates):
    """Judges the formulas of a section: forward, all deltas, and the gradients of the weights."""

    def judge(equations, seed):
        torch.manual_seed(seed)
        layer = getattr(nn, kind)(I, H, dtype=torch.float64)
        x, h_0, c_0, pull = (torch.randn(*shape, dtype=torch.float64) for shape in ((T, I), (1, H), (1, H), (T, H)))
        env = {"T": T, ("h", 0): h_0.T, ("c", 0): c_0.T} | {("x", t + 1): x[t, :, None] for t in range(T)}
        for (name, parameter), word in zip(layer.named_parameters(), ("W_ih", "W_hh", "b_ih", "b_hh"), strict=True):
            env[word] = parameter.detach() if "weight" in name else parameter.detach()[:, None]
        leaves = [key for key in env if key != "T"]
        env |= {key: env[key].clone().requires_grad_() for key in leaves}
        forward(equations, env, stacked, gates)
        output, _ = layer(x, (h_0, c_0) if kind == "LSTM" else h_0)
        agree({t: plain(env["h", t + 1]) for t in range(T)}, {t: plain(output[t, :, None]) for t in range(T)})
        sum((pull[t, :, None] * env["y", t + 1]).sum() for t in range(T)).backward()
        back(equations, env, stacked, gates, pull)
        made = {key: value for key, value in env.items() if key in leaves or is_made(key, env)}
        starts = [("h", 0), ("c", 0)]
        made = {key: value for key, value in made.items() if key not in starts or delta(key) in env}
        assert {"x", "h", *stacked, *leaves[3 + T :]} <= {key[0] if isinstance(key, tuple) else key for key in made}
        agree({key: plain(env[delta(key)]) for key in made}, {key: gradient(value) for key, value in made.items()})

    return judge


def plain(tensor):
    return tensor.detach().numpy()


def gradient(tensor):
    return plain(torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)


def delta(key):
    return ("δ" + key[0], key[1]) if isinstance(key, tuple) else "δ" + key


def is_made(key, env):
    """Whether it is a quantity of a step that the formulas made; y is a copy of h, a block part of a whole."""
    return isinstance(key, tuple) and "δ" not in key[0] and "_" not in key[0] and key[0] != "y" and 0 < key[1] <= T


def forward(equations, env, stacked, gates):
    for env["t"] in range(1, T + 1):
        for equation in [equation for equation in equations if not is_delta(equation)]:
            word, t = define(equation, env)
            env[word, t].retain_grad()
            if word in stacked:
                for gate, block in zip(gates, env[word, t].chunk(len(gates)), strict=True):
                    env[f"{word}_{gate}", t] = block


def back(equations, env, stacked, gates, pull):
    for word in {key[0] for key in env if isinstance(key, tuple) and key[1] == 1}:  # nothing from later
        env["δ" + word, T + 1] = env[word, T + 1] = torch.zeros_like(env[word, 1])
    deltas = [equation for equation in equations if is_delta(equation)]
    for env["t"] in range(T, 0, -1):
        t = env["t"]
        env["δy", t] = pull[t - 1, :, None]
        for equation in [equation for equation in deltas if not is_total(equation)]:
            define(equation, env)
            for word in stacked if len(gates) > 1 else []:
                parts = [("δ" + f"{word}_{gate}", t) for gate in gates]
                if all(part in env for part in parts):
                    env["δ" + word, t] = torch.cat([env[part] for part in parts])
    for equation in [equation for equation in deltas if is_total(equation)]:
        define(equation, env)


# As first printed: against the page's snippets, which tests/test_history.py
# holds against ONNX Runtime and torch


def shown(name, function, cell="step"):
    """A function that a snippet's cell defines."""
    path = f"snippets/history/{name}.py"
    cells = {c.name: c.source for c in read_snippet(ROOT, path).code}
    names = {}
    exec(cells[cell], names)
    return names[function]


def as_printed(
    name, function, gates, cell="step", context=(), bias=True, peepholes="", inputs=I, lstm=False, left_out=""
):
    """One step: what the formulas and the rows of `context` define, against a snippet's function."""

    def setting(seed):
        rng = np.random.default_rng(seed)
        x, h, c = rng.normal(size=(inputs, 1)), rng.normal(size=(H, 1)), rng.normal(size=(H, 1))
        W_ih, W_hh, b = (rng.normal(size=(len(gates) * H, n)) for n in (inputs, H, 1))
        p = {f"p_{gate}": rng.normal(size=(H, 1)) for gate in peepholes}
        env = {"t": 1, ("x", 1): x, ("h", 0): h, ("c", 0): c, "W_ih": W_ih, "W_hh": W_hh, "b": b} | p
        if len(gates) > 1:
            env |= blocks(W_ih, "W_i", gates) | blocks(W_hh, "W_h", gates) | blocks(b, "b_", gates)
        given = [x.T, h.T, c.T] if lstm else [x.T, h.T]
        given += [W_ih, W_hh, *([b[:, 0]] if bias else []), *(value[:, 0] for value in p.values())]
        given = [torch.from_numpy(array) for array in given]
        if left_out:
            given[6:] = [given[6:], (left_out,)]
        new = shown(name, function, cell)(*given)
        new = new if lstm else (new,)
        return env, {(s, 1): value.numpy().T for s, value in zip("hc", new, strict=False)}

    return one_step(setting, context)


def full_gates(equations, seed):
    """Each gate sees all last gates: peepholes, with the last gates' share in the bias."""
    rng = np.random.default_rng(seed)
    y = {gate: rng.uniform(size=(H, 1)) for gate in "ifo"}
    R = {f"R_{a}{b}": rng.normal(size=(H, H)) for a in "ifo" for b in "ifo"}
    x, h, c = (rng.normal(size=(n, 1)) for n in (I, H, H))
    W_ih, W_hh, b = (rng.normal(size=(4 * H, n)) for n in (I, H, 1))
    p = {f"p_{gate}": rng.normal(size=(H, 1)) for gate in "ifo"}
    env = {"t": 1, ("x", 1): x, ("h", 0): h, ("c", 0): c} | {(gate, 0): value for gate, value in y.items()} | R | p
    env |= blocks(W_ih, "W_i", "ifgo") | blocks(W_hh, "W_h", "ifgo") | blocks(b, "b_", "ifgo")
    share = {to: sum(R[f"R_{gate}{to}"] @ y[gate] for gate in "ifo") for to in "ifo"} | {"g": np.zeros((H, 1))}
    given = [x.T, h.T, c.T, W_ih, W_hh, (b + np.concatenate([share[gate] for gate in "ifgo"]))[:, 0]]
    step = shown("peephole", "peephole_step")
    new = step(*map(torch.from_numpy, given), *(torch.from_numpy(value[:, 0]) for value in p.values()))
    solve([*equations, *PEEPHOLE], env)
    agree(env, {(s, 1): value.numpy().T for s, value in zip("hc", new, strict=True)})


def variant(name):
    """The LSTM with peepholes, less what a variant of 2017 leaves out."""
    return as_printed(
        "variants", "greff_step", "ifgo", context=WITH_PEEPHOLES, peepholes="ifo", lstm=True, left_out=name
    )


LSTM_ROWS = rows(displayed((ROOT / "docs/lstm.md").read_text())[0])
BLEND = [r"c_t = f_t \odot c_{t-1} + i_t \odot g_t"]
PEEPHOLE = [*BLEND, r"g_t = \tanh(W_{\mathrm{ig}} x_t + W_{\mathrm{hg}} h_{t-1} + b_{\mathrm{g}})"]
PEEPHOLE += [r"h_t = o_t \odot \tanh(c_t)"]
GATE = r"#_t = \sigma(W_{\mathrm{i#}} x_t + W_{\mathrm{h#}} h_{t-1} + b_{\mathrm{#}})"
PEEPING = {"i": "c_{t-1}", "f": "c_{t-1}", "o": "c_t"}
WITH_PEEPHOLES = [
    *PEEPHOLE,
    *(GATE.replace("+ b", rf"+ p_{{\mathrm{{#}}}} \odot {c} + b").replace("#", k) for k, c in PEEPING.items()),
]
GATES_1997 = [GATE.replace("#", gate) for gate in "io"]
GATES_1997 += [r"g_t = 4 \sigma(W_{\mathrm{ig}} x_t + W_{\mathrm{hg}} h_{t-1} + b_{\mathrm{g}}) - 2"]
GATES_1997 += [r"h_t = o_t \odot (2 \sigma(c_t) - 1)"]
GATES_2014 = [GATE.replace(r" + b_{\mathrm{#}}", "").replace("#", gate) for gate in "rz"]
GATES_2014 += [r"n_t = \tanh(W_{\mathrm{in}} x_t + W_{\mathrm{hn}} (r_t \odot h_{t-1}))"]


def bptt(equations, seed):
    torch.manual_seed(seed)
    rnn = nn.RNN(I, H, dtype=torch.float64)
    output, _ = rnn(torch.randn(T, I, dtype=torch.float64))
    e = torch.randn(T, H, dtype=torch.float64)
    (e * output).sum().backward()
    states = {("h", t + 1): column(h) for t, h in enumerate(output.detach())} | {("h", 0): np.zeros((H, 1))}
    env = {"T": T, "W_hh": rnn.weight_hh_l0.detach().numpy(), ("δ", T + 1): np.zeros((H, 1))} | states
    env |= {("e", t + 1): column(e[t]) for t in range(T)}
    each, total = equations
    for env["t"] in range(T, 0, -1):
        define(each, env)
    define(total, env)
    agree(env, {("∂", "L", "W_hh"): rnn.weight_hh_l0.grad.numpy()})


def latch(equations, seed):
    rng = np.random.default_rng(seed)
    w, k = rng.uniform(1, 2), 3
    env = {"w": w, "T": T, "k": k, ("h", 0): rng.normal()} | {("u", t): rng.normal() for t in range(1, T + 1)}
    each, product = equations
    for env["t"] in range(1, T + 1):
        define(each, env)
    define(product, env)
    start = torch.tensor(env["h", T - k], requires_grad=True, dtype=torch.float64)
    h = start
    for t in range(T - k + 1, T + 1):
        h = torch.tanh(w * h + env["u", t])
    agree(env, {("h", T): h.item(), ("∂", ("h", T), ("h", T - k)): torch.autograd.grad(h, start)[0].item()})


def resting(seed):
    """Where tanh(w h) has slope 1, and what has to be taken from w h for the curve to touch there."""
    w = np.random.default_rng(seed).uniform(1.1, 3)
    edge = max(np.roots([-w, 0, w - 1]))
    return {"w": w}, {"h^\\ast": edge, "u^\\ast": w * edge - 0.5 * np.log((1 + edge) / (1 - edge))}


def shortening(vector, bound, new, seed):
    """A gradient, its bound, and torch's unit vector times what is left of its length; at odd seeds all."""
    d = torch.randn(9, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    limit = d.norm().item() * (2 if seed % 2 else 0.7)
    expected = nn.functional.normalize(d, dim=0) * min(limit, d.norm().item())
    return {vector: d.numpy(), bound: limit}, {new: expected.numpy()}


def shortened(equations, seed):
    one_step(lambda seed: shortening("d", "tau", "d'", seed))(equations, 2 * seed)


def shortened_or_not(equations, seed):
    for number in (2 * seed, 2 * seed + 1):
        one_step(lambda seed: shortening("v", "C", "~v", seed))(equations, number)


def clipped(seed):
    env, expected = shortening("v", "C", "~v", seed)
    return env | expected, {}


def straight_road(seed):
    f = np.random.default_rng(seed).uniform(size=(T + 1, H, 1))
    return {"T": T, "k": 3} | {("f", t): f[t] for t in range(T + 1)}, {("P", 3): f[T - 2 :].prod(axis=0)}


def both_resets(equations, seed):
    """After: torch's GRU. Before: torch's RNN, given the reset state."""
    torch.manual_seed(seed)
    gru, rnn = nn.GRUCell(I, H, dtype=torch.float64), nn.RNNCell(I, H, dtype=torch.float64)
    x, h = torch.randn(1, I, dtype=torch.float64), torch.randn(1, H, dtype=torch.float64)
    env = {"t": 1, ("x", 1): column(x), ("h", 0): column(h)} | weights(gru, "rzn")
    a = {k: env[f"W_i{k}"] @ column(x) + env[f"b_i{k}"] + env[f"W_h{k}"] @ column(h) + env[f"b_h{k}"] for k in "rz"}
    r, z = (1 / (1 + np.exp(-a[k])) for k in "rz")
    rnn.load_state_dict({name: value.chunk(3)[2] for name, value in gru.state_dict().items()})
    after = (column(gru(x, h).detach()) - z * column(h)) / (1 - z)
    expected = [after, column(rnn(x, torch.from_numpy(r.T) * h).detach())]
    for equation, value in zip(equations, expected, strict=True):
        env["r", 1] = r
        define(equation, env)
        agree(env, {("n", 1): value})


def rule(equations, seed):
    """A rule of the backward pass: s from p and q, and what comes back, against autograd."""
    torch.manual_seed(seed)
    env = {name: torch.randn(H, 1, dtype=torch.float64, requires_grad=True) for name in "pq"}
    env["W_hh"] = torch.randn(H, H, dtype=torch.float64, requires_grad=True)
    ways, (first, *rest) = list(env), equations
    env["δs"] = torch.randn(H, 1, dtype=torch.float64)
    assert define(first, env) == "s"
    env["s"].backward(env["δs"])
    solve(rest, env)
    used = [name for name in ways if env[name].grad is not None]
    agree({name: plain(env["δ" + name]) for name in used}, {name: plain(env[name].grad) for name in used})


# Beyond: against PyTorch, or the page's snippets, which tests/test_beyond.py holds against other forms


def newer(name, cell, function):
    """A function that a snippet of the page defines."""
    cells = {c.name: c.source for c in read_snippet(ROOT, f"snippets/beyond/{name}.py").code}
    names = {}
    exec(cells[cell], names)
    return names[function]


def draws(seed, *shapes):
    """Tensors between 0 and 1, rows of a batch of one."""
    torch.manual_seed(seed)
    return [torch.rand(1, *shape, dtype=torch.float64) for shape in shapes]


def columns(words, tensors):
    """Of a batch of one: rows as columns, matrices as they are."""
    return {
        word: tensor[0].numpy() if tensor.ndim == 3 else tensor[0][:, None].numpy()
        for word, tensor in zip(words, tensors, strict=True)
    }


def one_bias(seed):
    torch.manual_seed(seed)
    cell, (x, h) = nn.RNNCell(I, H, dtype=torch.float64), draws(seed, (I,), (H,))
    env = (
        {"t": 1}
        | columns([("x", 1), ("h", 0)], [x, h])
        | {"W_ih": plain(cell.weight_ih), "W_hh": plain(cell.weight_hh)}
    )
    env["b_ih"] = column(plain(cell.bias_ih + cell.bias_hh))
    return env, {("h", 1): column(cell(x, h).detach())}


def lstm_read(seed):
    """torch's LSTM cell, with the gates that its weights give."""
    torch.manual_seed(seed)
    cell, (x, h, c) = nn.LSTMCell(I, H, dtype=torch.float64), draws(seed, (I,), (H,), (H,))
    maps = torch.nn.functional.linear(x, cell.weight_ih, cell.bias_ih)
    i, f, g, o = (maps + torch.nn.functional.linear(h, cell.weight_hh, cell.bias_hh)).detach().chunk(4, dim=1)
    env = columns([(w, 1) for w in "ifgo"], [i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()])
    env |= columns([("c", 0), ("h", 0)], [c, h]) | {"t": 1}
    return env, columns([("h", 1), ("c", 1)], [new.detach() for new in cell(x, (h, c))])


def gru_blend(seed):
    h, z, n = draws(seed, (H,), (H,), (H,))
    env = {"t": 1} | columns([("h", 0), ("z", 1), ("n", 1)], [h, z, n])
    return env, columns([("h", 1)], [torch.lerp(n, h, z)])


def linear_recurrence(seed):
    h, a, b = draws(seed, (H,), (H,), (H,))
    env = {"t": 1} | columns([("h", 0), ("a", 1), ("b", 1)], [h, a, b])
    return env, columns([("h", 1)], [torch.addcmul(b, a, h)])


def minlstm(seed):
    """The step with weights that pass gates and candidate through."""
    h, i, f, g = draws(seed, (H,), (H,), (H,), (H,))
    x = torch.cat([i.logit(), f.logit(), g], dim=1)
    new = newer("linear", "scan", "linear_step")
    step = newer("linear", "minlstm", "minlstm_step")
    step.__globals__.update(torch=torch, linear_step=new)
    env = {"t": 1} | columns([("h", 0), ("i", 1), ("f", 1), ("g", 1)], [h, i, f, g])
    return env, columns([("h", 1)], [step(x, h, torch.eye(3 * H).double(), torch.zeros(3 * H).double())])


def looked_up(seed):
    """Queries, keys and values of T steps, and the last step that is looked at."""
    q, k, v = draws(seed, (T, I), (T, I), (T, H))
    env = {"t": 4}
    for word, rows_ in zip("qkv", (q, k, v), strict=True):
        env |= {(word, t + 1): column(rows_[0, t]) for t in range(T)}
    return q, k, v, env


def softmax_attention(seed):
    q, k, v, env = looked_up(seed)
    h = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
    return env, {("h", 4): column(h[0, 3])}


def linear_attention(seed):
    q, k, v, env = looked_up(seed)
    C, u = v.new_zeros(1, H, I), v.new_zeros(1, I)
    step = newer("linear_attention", "step", "linear_attention_step")
    for t in range(4):
        env |= columns([("C", t), ("u", t)], [C, u])
        h, C, u = step(q[:, t], k[:, t], v[:, t], C, u)
    return env, columns([("h", 4), ("C", 4), ("u", 4)], [h, C, u])


def summed_up(seed):
    env, expected = linear_attention(seed)
    return env, {("h", 4): expected["h", 4]}


def state_space(seed):
    x, delta, k, q, C, A = draws(seed, (H,), (H,), (I,), (I,), (H, I), (H, I))
    h, new = newer("state_space", "step", "state_space_step")(x, C, delta, -A[0], k, q)
    env = {"t": 1, "A": -A[0].numpy(), ("F", 1): torch.exp(-delta[0, :, None] * A[0]).numpy()}
    env |= columns([("x", 1), ("k", 1), ("q", 1), ("C", 0)], [x, k, q, C])
    return env, columns([("h", 1), ("C", 1)], [h, new])


def rwkv(seed):
    i, v, o, c, u, f, p = draws(seed, *[(H,)] * 7)
    h, new, total = newer("rwkv", "step", "rwkv_step")(i, v, o, c, u, f[0], 1 + p[0])
    env = {"t": 1} | columns([("i", 1), ("v", 1), ("o", 1), ("c", 0), ("u", 0), "f", "p"], [i, v, o, c, u, f, 1 + p])
    return env, columns([("h", 1), ("c", 1), ("u", 1)], [h, new, total])


def slstm(seed):
    """The step with weights that pass the gates through; m starts at 0 and is taken out again."""
    c, u, i, f, g, o = draws(seed, *[(H,)] * 6)
    x = torch.cat([(3 * i).log(), f.logit(), g.atanh(), o.logit()], dim=1)
    weights_ = torch.eye(4 * H).double(), torch.zeros(4 * H, H).double(), torch.zeros(4 * H).double()
    h, new, total, m = newer("xlstm", "slstm", "slstm_step")(x, 0 * c, c, u, 0 * c, *weights_)
    words = [("c", 0), ("u", 0), ("i", 1), ("f", 1), ("g", 1), ("o", 1)]
    env = {"t": 1} | columns(words, [c, u, 3 * i, f, g, o])
    return env, columns([("h", 1), ("c", 1), ("u", 1)], [h, new * m.exp(), total * m.exp()])


def mlstm(seed):
    """At even seeds the divisor is above 1, at odd ones below."""
    q, k, v, o, C, u, i, f = draws(seed, (I,), (I,), (H,), (H,), (H, I), (I,), (1,), (1,))
    q = q * (9 if seed % 2 == 0 else -0.01)
    step = newer("xlstm", "mlstm", "mlstm_step")
    step.__globals__["torch"] = torch
    h, new, total, m = step(q, k, v, i.log(), f.log(), o, C, u, 0 * i)
    env = {"t": 1, ("i", 1): i.item(), ("f", 1): f.item()}
    env |= columns([("q", 1), ("k", 1), ("v", 1), ("o", 1), ("C", 0), ("u", 0)], [q, k, v, o, C, u])
    return env, columns([("h", 1), ("C", 1), ("u", 1)], [h, new * m.exp()[:, :, None], total * m.exp()])


# Each formula of a page, by a part of it, has a judge; some are judged together.
# Or it has a reason why nothing here evaluates it.

JUDGES = {
    "rnn": {
        (r"h_t = \tanh",): of_a_cell("RNNCell", ["h"]),
        (r"\frac{\partial h_T}{\partial h_{T-k}}",): one_step(rnn_product),
    },
    "lstm": {(r"c_t &= f_t \odot",): of_a_cell("LSTMCell", "ifgo")},
    "gru": {(r"n_t &= \tanh",): of_a_cell("GRUCell", "rzn")},
}
JUDGES["backward"] = {
    (
        r"h_t &= \tanh(a_t)",
        r"\delta a_t &= (1 - h_t^2)",
        r"\delta b_{\mathrm{ih}} &= \sum_{t=1}^{T} \delta a_t",
        r"\delta h_0 = W_{\mathrm{hh}}^\top\, \delta a_1",
    ): backwards("RNN", ["a"], "h"),
    (
        r"g_t &= \tanh(a_{\mathrm{g},t})",
        r"\delta c_t &= f_{t+1}",
        r"\delta o_t &= \tanh(c_t)",
        r"\delta a_{\mathrm{i},t} &= i_t",
        r"\delta b_{\mathrm{ih}} &= \sum_{t=1}^{T} \delta a_t",
        r"\delta h_0 = W_{\mathrm{hh}}^\top\, \delta a_1",
        r"\delta c_0 = f_1 \odot \delta c_1",
    ): backwards("LSTM", ["a"], "ifgo"),
    (
        r"u_t &= W_{\mathrm{hh}}\, h_{t-1}",
        r"\delta h_t = \delta y_t + z_{t+1}",
        r"\delta n_t &= (1 - z_t)",
        r"\delta r_t &= u_{\mathrm{n},t}",
        r"\delta v_{\mathrm{r},t} &= r_t",
        r"\delta b_{\mathrm{ih}} &= \sum_{t=1}^{T} \delta v_t",
    ): backwards("GRU", ["v", "u"], "rzn"),
    ("s = p + q", r"\delta p = \delta s", r"\delta q = \delta s"): rule,
    (r"s = p \odot q", r"\delta p = q \odot \delta s", r"\delta q = p \odot \delta s"): rule,
    (
        r"s = W_{\mathrm{hh}}\, p",
        r"\delta p = W_{\mathrm{hh}}^\top\, \delta s",
        r"\delta W_{\mathrm{hh}} = \delta s\, p^\top",
    ): rule,
    (r"s = \tanh(p)", r"\delta p = (1 - s^2) \odot \delta s"): rule,
    (r"s = \sigma(p)", r"\delta p = s \odot (1 - s) \odot \delta s"): rule,
}
JUDGES["history"] = {
    (r"h_t = \sigma(W_{\mathrm{ih}}",): as_printed("elman", "elman_step", "h"),
    (r"\delta_t &= (e_t",): bptt,
    (r"h_t &= \tanh(w\, h_{t-1}",): latch,
    (r"h^{\ast} &=",): one_step(resting),
    (r"c_t &= c_{t-1} + i_t",): as_printed("lstm_1997", "lstm_1997_step", "iog", lstm=True),
    (r"c_t &= f_t \odot c_{t-1} + i_t",): as_printed(
        "forget_gate", "forget_step", "ifgo", context=GATES_1997, lstm=True
    ),
    (r"h_{t-1} + p_{\mathrm{i}}",): as_printed(
        "peephole", "peephole_step", "ifgo", context=PEEPHOLE, peepholes="ifo", lstm=True
    ),
    (r"R_{\mathrm{ii}}",): full_gates,
    (r"d' =",): shortened,
    (r"h_t &= z_t \odot h_{t-1} + (1 - z_t)",): as_printed("gru_2014", "cho_step", "rzn", "steps", bias=False),
    (r"h_t = (1 - z_t) \odot h_{t-1} + z_t",): as_printed(
        "gru_2014", "chung_step", "rzn", "steps", GATES_2014, bias=False
    ),
    (r"+ \tanh(x_t) +",): as_printed("mutated", "mut1_step", "rzn", "steps", inputs=H),
    (r"r_t &= \sigma(x_t",): as_printed("mutated", "mut2_step", "rzn", "steps", inputs=H),
    (r"\tanh(h_{t-1}) +",): as_printed("mutated", "mut3_step", "rzn", "steps", inputs=H),
    ("i_t = 1",): variant("NIG"),
    ("f_t = 1",): variant("NFG"),
    ("o_t = 1",): variant("NOG"),
    (r"g_t = W_{\mathrm{ig}}\, x_t + W_{\mathrm{hg}}\, h_{t-1} + b_{\mathrm{g}}",): variant("NIAF"),
    (r"h_t = o_t \odot c_t",): variant("NOAF"),
    ("f_t = 1 - i_t",): variant("CIFG"),
}
JUDGES["conventions"] = {(r"\text{after:}",): both_resets}
JUDGES["gradients"] = {
    (r"= \prod_{t=T-k+1}^{T} \mathrm{diag}",): one_step(rnn_product),
    (r"P_k =",): one_step(straight_road),
    (r"\tilde{v} =",): shortened_or_not,
    (r"\tilde{v} / \lVert \tilde{v} \rVert = v / \lVert v \rVert",): identity(clipped),
    (r"\lVert \tilde{v} \rVert = \min(\lVert v \rVert, C)",): identity(clipped),
    (r"\sigma(\log u) = u / (1 + u) = 1 - 1 / (1 + u)",): identity(lambda seed: ({"u": np.float64(seed + 0.3)}, {})),
    (r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",): of_a_cell(
        "LSTMCell", "ifgo", [row for row in LSTM_ROWS if not row.startswith("c_t")]
    ),
}
JUDGES["beyond"] = {
    (r"h_t = \tanh(W_{\mathrm{ih}}\, x_t + W_{\mathrm{hh}}\, h_{t-1} + b_{\mathrm{ih}})",): one_step(one_bias),
    (r"c_t = f_t \odot c_{t-1} + i_t \odot g_t", r"h_t = o_t \odot \tanh(c_t)"): one_step(lstm_read),
    (r"h_t = z_t \odot h_{t-1} + (1 - z_t) \odot n_t",): one_step(gru_blend),
    (r"h_t = a_t \odot h_{t-1} + b_t",): one_step(linear_recurrence),
    (r"h_t = \dfrac{f_t}{f_t + i_t} \odot h_{t-1} + \dfrac{i_t}{f_t + i_t} \odot g_t",): one_step(minlstm),
    (r"h_t = \dfrac{\sum_{s=1}^{t} v_s \exp(k_s^\top q_t)}{\sum_{s=1}^{t} \exp(k_s^\top q_t)}",): one_step(
        softmax_attention
    ),
    (r"C_t = C_{t-1} + v_t\, k_t^\top", r"u_t = u_{t-1} + k_t", r"h_t = \dfrac{C_t\, q_t}{u_t^\top q_t}"): one_step(
        linear_attention
    ),
    (r"= \frac{\left(\sum_{s=1}^{t} v_s\, k_s^\top\right) q_t}",): one_step(summed_up),
    (r"C_t = F_t \odot C_{t-1} + (F_t - 1) / A \odot (x_t\, k_t^\top)", r"h_t = C_t\, q_t"): one_step(state_space),
    (
        r"c_t = f \odot c_{t-1} + i_t \odot v_t",
        r"u_t = f \odot u_{t-1} + i_t",
        r"h_t = o_t \odot \dfrac{c_{t-1} + p \odot i_t \odot v_t}{u_{t-1} + p \odot i_t}",
    ): one_step(rwkv),
    (r"u_t = f_t \odot u_{t-1} + i_t", r"h_t = o_t \odot \dfrac{c_t}{u_t}"): one_step(
        slstm, [r"c_t = f_t \odot c_{t-1} + i_t \odot g_t"]
    ),
    (
        r"C_t = f_t\, C_{t-1} + i_t\, v_t\, k_t^\top",
        r"u_t = f_t\, u_{t-1} + i_t\, k_t",
        r"h_t = o_t \odot \dfrac{C_t\, q_t}{\max(\lvert u_t^\top q_t \rvert, 1)}",
    ): one_step(mlstm),
}
BOUND = "a bound; tests/test_history.py measures that it holds"
UNCHECKED = {  # page -> {part of a formula: why}
    "backward": {r"\delta h_t = \partial L / \partial h_t": "says what δ means; every δ is compared with autograd"},
    "history": {
        r"\right\rVert \le": BOUND,
        r"p_{\mathrm{i}} = p_{\mathrm{f}} = p_{\mathrm{o}} = 0": "a setting",
    },
    "gradients": {
        r"\right\rVert \le": BOUND,
        r"\lim_{k \to \infty}": "a limit, Gelfand's formula; tests/test_gradient_figure.py goes far along it",
        r"\mathcal{U}": "draws at random; the page's snippet does as it says",
    },
}


def fault(judge, formulas, seeds=SEEDS):
    """What is wrong with the formulas; nothing if all that they say of what we know is true."""
    equations = [row for tex in formulas for row in rows(tex)]
    try:
        with np.errstate(all="ignore"):
            for seed in seeds:
                judge(equations, seed)
    except (Unreadable, KeyError, ValueError, RuntimeError, AssertionError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def published():
    """Page -> its formulas: those set on lines of their own, and every equation in the text."""
    pages = {path: displayed(path.read_text()) for path in (ROOT / "docs").rglob("*.md")}
    return {path.stem: found for path, found in pages.items() if found}


def names(part, tex):
    """Whether a part of a formula stands for it; an equation in the text is named whole."""
    return part == tex[1:-1] if tex[0] == "$" else part in tex


def judged():
    """(page, judge, its formulas)."""
    cases, pages = [], published()
    for page in [page for page in JUDGES if page in pages]:
        for parts, judge in JUDGES[page].items():
            found = [next((tex for tex in pages[page] if names(part, tex)), "") for part in parts]
            cases.append(pytest.param(judge, found, id=f"{page}: {parts[0]}"))
    return cases


@pytest.mark.parametrize(("judge", "formulas"), judged())
def test_the_formulas_hold(judge, formulas):
    assert fault(judge, formulas) == ""


@pytest.mark.parametrize("page", published())
def test_no_formula_is_left_out(page):
    """Every part names one formula, and every formula has a judge or a reason."""
    parts = {part for group in JUDGES.get(page, {}) for part in group} | set(UNCHECKED.get(page, {}))
    for tex in published()[page]:
        setting = tex[0] == "$" and sides(tex[1:-1])[-1].strip().isdigit()  # of an example: $T = 100$
        assert sum(names(part, tex) for part in parts) == 1 or setting, tex
    for part in parts:
        assert sum(names(part, tex) for tex in published()[page]) == 1, part


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
    (r"\\frac\{(\\?\w+)\}", r"\\frac{1}"),
    (r"= 1(?=\$)", "= 0"),
    (r"(?<=[vu}]) / ", " "),
]


def slips(tex):
    """Every version of the right sides with one slip: signs, terms, indices, gates, functions."""
    made = []
    for pattern, new in SLIPS:
        made += [tex[: m.start()] + m.expand(new) + tex[m.end() :] for m in re.finditer(pattern, tex)]
    for name in (r"(?<![{\w])([a-xz])_t(?! &?=)", r"\\mathrm\{(\w\w)\}"):
        found = sorted({m[1] for m in re.finditer(name, tex)})
        for match in re.finditer(name, tex):
            others = [other for other in found if other != match[1]]
            made += [tex[: match.start(1)] + other + tex[match.end(1) :] for other in others]
    return sorted(set(made) - {tex})


@pytest.mark.parametrize(("judge", "formulas"), judged())
def test_every_slip_in_a_formula_is_seen(judge, formulas):
    for n, tex in enumerate(formulas):
        made = slips(tex)
        assert made or tex[0] == "$", tex
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
    r"-b + \dfrac{b}{2}": -V,
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
    r"\max(\lvert 1 - 4 \rvert, 2) h_1": 3 * V,
    r"\max(1, 2) h_1": 2 * V,
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


@pytest.mark.parametrize("tex", ["W +", "(W", "W)", r"\norm{W}", "W = W", r"\lVert W", r"\lvert W \rVert", r"\sum W"])
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
