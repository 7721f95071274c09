"""Backpropagation through time for an LSTM, by hand, against autograd."""

# %% forward
import torch
import torch.nn as nn


def lstm_forward(x, h_0, c_0, W_ih, W_hh, b_ih, b_hh):
    """torch.nn.LSTM's layer over x (B, T, I), from h_0 and c_0 (B, H).

    -> steps: steps[t] holds a_t (B, 4H) and the gates, the candidate and
    the states (B, H); steps[0] only the states.
    """
    steps = [{"h": h_0, "c": c_0}]
    for x_t in x.unbind(dim=1):  # (B, I)
        h, c = steps[-1]["h"], steps[-1]["c"]  # h_{t-1}, c_{t-1}
        # a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        a = x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, 4H)
        a_i, a_f, a_g, a_o = a.chunk(4, dim=1)  # (B, H) each
        i, f, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.sigmoid(a_o)
        g = torch.tanh(a_g)
        # c_t = f_t * c_{t-1} + i_t * g_t
        c = f * c + i * g  # (B, H)
        # h_t = o_t * tanh(c_t)
        h = o * torch.tanh(c)  # (B, H)
        steps.append({"a": a, "i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
    return steps


# %% backward
def lstm_step_back(dh, dc, step, c_before):
    """One step back, from all of δh_t and from what c_{t+1} sends to δc_t."""
    i, f, g, o, c = (step[name] for name in "ifgoc")  # (B, H) each
    # δo_t = tanh(c_t) * δh_t
    do = torch.tanh(c) * dh
    # δc_t = f_{t+1} * δc_{t+1} + o_t * (1 - tanh²(c_t)) * δh_t
    dc = dc + o * (1 - torch.tanh(c) ** 2) * dh
    # δf_t = c_{t-1} * δc_t, δi_t = g_t * δc_t, δg_t = i_t * δc_t
    df, di, dg = c_before * dc, g * dc, i * dc
    # through each σ: s (1 - s), through the tanh: 1 - g²
    da = torch.cat([i * (1 - i) * di, f * (1 - f) * df,
                    (1 - g**2) * dg, o * (1 - o) * do], dim=1)  # (B, 4H)
    return {"a": da, "i": di, "f": df, "g": dg, "o": do, "c": dc, "h": dh}


def lstm_deltas(d_output, d_h_n, d_c_n, steps, W_hh):
    """From the last step to the first: deltas[t], named as steps[t]."""
    deltas, to_h, to_c = [], d_h_n, d_c_n  # what step t + 1 sends back
    for t in range(len(steps) - 1, 0, -1):
        # δh_t = δy_t + W_hhᵀ δa_{t+1}
        dh = d_output[:, t - 1] + to_h  # (B, H)
        delta = lstm_step_back(dh, to_c, steps[t], steps[t - 1]["c"])
        to_h = delta["a"] @ W_hh  # (B, H)
        to_c = steps[t]["f"] * delta["c"]  # (B, H): no matrix, no tanh
        deltas.insert(0, delta)
    return [{"h": to_h, "c": to_c}, *deltas]  # δh_0, δc_0 come first


def lstm_backward(d_output, d_h_n, d_c_n, x, steps, W_ih, W_hh):
    """As rnn_backward, with d_c_n (B, H, or 0); W_ih (4H, I), W_hh (4H, H)."""
    deltas = lstm_deltas(d_output, d_h_n, d_c_n, steps, W_hh)
    da = torch.stack([delta["a"] for delta in deltas[1:]], dim=1)  # (B, T, 4H)
    h = torch.stack([step["h"] for step in steps[:-1]], dim=1)  # h_{t-1}
    # δx_t = W_ihᵀ δa_t
    dx = da @ W_ih  # (B, T, I)
    # δW_ih = Σ δa_t x_tᵀ, δW_hh = Σ δa_t h_{t-1}ᵀ
    dW_ih = torch.einsum("btk,bti->ki", da, x)  # (4H, I)
    dW_hh = torch.einsum("btk,bth->kh", da, h)  # (4H, H)
    # δb_ih = δb_hh = Σ δa_t
    db = torch.einsum("btk->k", da)  # (4H)
    first = deltas[0]
    return (dx, first["h"], first["c"], dW_ih, dW_hh, db, db), deltas


# %% check
def largest(pairs):
    return max((ours - theirs).abs().max().item() for ours, theirs in pairs)


def differences(lstm, x, states, d_output, d_states):
    """Largest difference from autograd: of the deltas, of the gradients.

    states: h_0, c_0; d_states: d_h_n, d_c_n, (B, H) each.
    """
    x, h_0, c_0 = (a.detach().requires_grad_() for a in (x, *states))
    inputs = [x, h_0, c_0, *lstm.parameters()]
    output, (h_n, c_n) = lstm(x, (h_0[None], c_0[None]))
    ends, starts = [output, h_n[0], c_n[0]], [d_output, *d_states]
    theirs = torch.autograd.grad(ends, inputs, starts)
    steps = lstm_forward(*inputs)
    for tensor in [tensor for step in steps for tensor in step.values()]:
        tensor.retain_grad()
    ends = [step["h"] for step in steps[1:]] + [steps[-1]["h"], steps[-1]["c"]]
    torch.autograd.backward(ends, [*d_output.unbind(dim=1), *d_states])
    with torch.no_grad():
        ours, deltas = lstm_backward(
            d_output, *d_states, x, steps, *inputs[3:5])
    pairs = [(delta[name], step[name].grad)
             for delta, step in zip(deltas, steps, strict=True)
             for name in step]
    return largest(pairs), largest(zip(ours, theirs, strict=True))


torch.manual_seed(0)
B, T = 3, 7  # sequences, steps
lstm = nn.LSTM(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(B, T, 10, dtype=torch.float64)  # (B, T, I)
d_output = torch.randn(B, T, 20, dtype=torch.float64)  # (B, T, H)
h_0, c_0, d_h_n, d_c_n = torch.randn(4, B, 20, dtype=torch.float64)
found = differences(lstm, x, [h_0, c_0], d_output, [d_h_n, d_c_n])
off = max(found)
assert off < 1e-12
print("deltas and gradients equal autograd's to 1e-12:", off < 1e-12)

# %% gradcheck tags=["hidden"]
class LSTM(torch.autograd.Function):
    """Our pair as one operation, for which autograd calls our backward."""

    @staticmethod
    def forward(ctx, *inputs):
        ctx.steps, ctx.inputs = lstm_forward(*inputs), inputs
        h = [step["h"] for step in ctx.steps[1:]]
        c_n = ctx.steps[-1]["c"].clone()
        return torch.stack(h, dim=1), h[-1].clone(), c_n

    @staticmethod
    def backward(ctx, d_output, *d_states):
        x, _, _, W_ih, W_hh, *_ = ctx.inputs
        return lstm_backward(
            d_output, *d_states, x, ctx.steps, W_ih, W_hh)[0]  # fmt: skip


part = [x[:2, :3, :4], h_0[:2, :5], c_0[:2, :5]]
inputs = [*[a.requires_grad_() for a in part],
          *nn.LSTM(4, 5).double().parameters()]  # fmt: skip
passed = torch.autograd.gradcheck(LSTM.apply, inputs)
assert passed

# %% grid tags=["hidden"]
SHAPES = [(1, 1, 1, 1), (2, 1, 3, 4), (1, 5, 2, 3), (4, 12, 6, 8),
          (3, 40, 5, 16)]  # B, T, I, H  # fmt: skip
SEEDS = 5
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}


def worst(dtype):
    """Over the grid: {"deltas": ..., "gradients": ...}."""
    found = []
    for seed in range(SEEDS):
        for B, T, I, H in SHAPES:  # noqa: E741
            torch.manual_seed(seed)
            lstm = nn.LSTM(I, H, batch_first=True, dtype=dtype)
            x = torch.randn(B, T, I, dtype=dtype)
            d_output = torch.randn(B, T, H, dtype=dtype)
            h_0, c_0, d_h_n, d_c_n = torch.randn(4, B, H, dtype=dtype)
            found.append(differences(
                lstm, x, [h_0, c_0], d_output, [d_h_n, d_c_n]))  # fmt: skip
    deltas, gradients = map(max, zip(*found, strict=True))
    return {"deltas": deltas, "gradients": gradients}


settings = len(SHAPES) * SEEDS
largest_off = {name: worst(getattr(torch, name)) for name in TOLERANCE}
for name, tolerance in TOLERANCE.items():
    assert max(largest_off[name].values()) < tolerance, (name, largest_off)
