"""Backpropagation through time for a GRU, by hand, against autograd."""

# %% forward
import torch
import torch.nn as nn


def gru_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    """torch.nn.GRU's layer over x (B, T, I), from h_0 (B, H).

    -> steps: steps[t] holds v_t and u_t (B, 3H), the gates r_t and z_t,
    the candidate n_t and the state h_t (B, H); steps[0] only h_0.
    """
    steps = [{"h": h_0}]
    for x_t in x.unbind(dim=1):  # (B, I)
        h = steps[-1]["h"]  # h_{t-1}
        # v_t = W_ih x_t + b_ih, u_t = W_hh h_{t-1} + b_hh
        v, u = x_t @ W_ih.T + b_ih, h @ W_hh.T + b_hh  # (B, 3H) each
        v_r, v_z, v_n = v.chunk(3, dim=1)  # (B, H) each
        u_r, u_z, u_n = u.chunk(3, dim=1)  # (B, H) each
        r, z = torch.sigmoid(v_r + u_r), torch.sigmoid(v_z + u_z)
        # n_t = tanh(v_n + r_t * u_n)
        n = torch.tanh(v_n + r * u_n)
        # h_t = (1 - z_t) * n_t + z_t * h_{t-1}
        h = (1 - z) * n + z * h  # (B, H)
        steps.append({"v": v, "u": u, "r": r, "z": z, "n": n, "h": h})
    return steps


# %% backward
def gru_step_back(dh, step, h_before):
    """From δh_t to every other delta of step t."""
    r, z, n = step["r"], step["z"], step["n"]  # (B, H) each
    u_n = step["u"].chunk(3, dim=1)[2]  # (B, H)
    # δz_t = (h_{t-1} - n_t) * δh_t, δn_t = (1 - z_t) * δh_t
    dz, dn = (h_before - n) * dh, (1 - z) * dh
    # δv_n = (1 - n_t²) * δn_t, δu_n = r_t * δv_n, δr_t = u_n * δv_n
    dv_n = (1 - n**2) * dn
    du_n, dr = r * dv_n, u_n * dv_n
    # δv_r = δu_r = r_t (1 - r_t) * δr_t, δv_z = δu_z = z_t (1 - z_t) * δz_t
    dv_r, dv_z = r * (1 - r) * dr, z * (1 - z) * dz
    dv = torch.cat([dv_r, dv_z, dv_n], dim=1)  # (B, 3H)
    du = torch.cat([dv_r, dv_z, du_n], dim=1)  # (B, 3H)
    return {"v": dv, "u": du, "r": dr, "z": dz, "n": dn, "h": dh}


def gru_deltas(d_output, d_h_n, steps, W_hh):
    """From the last step to the first: deltas[t], named as steps[t]."""
    deltas, to_h = [], d_h_n  # to_h: what step t + 1 sends back to h_t
    for t in range(len(steps) - 1, 0, -1):
        # δh_t = δy_t + z_{t+1} * δh_{t+1} + W_hhᵀ δu_{t+1}
        dh = d_output[:, t - 1] + to_h  # (B, H)
        delta = gru_step_back(dh, steps[t], steps[t - 1]["h"])
        to_h = steps[t]["z"] * dh + delta["u"] @ W_hh  # (B, H)
        deltas.insert(0, delta)
    return [{"h": to_h}, *deltas]  # δh_0 comes first


def gru_backward(d_output, d_h_n, x, steps, W_ih, W_hh):
    """As rnn_backward, with W_ih (3H, I), W_hh (3H, H)."""
    deltas = gru_deltas(d_output, d_h_n, steps, W_hh)
    dv = torch.stack([delta["v"] for delta in deltas[1:]], dim=1)  # (B, T, 3H)
    du = torch.stack([delta["u"] for delta in deltas[1:]], dim=1)  # (B, T, 3H)
    h = torch.stack([step["h"] for step in steps[:-1]], dim=1)  # h_{t-1}
    # δx_t = W_ihᵀ δv_t
    dx = dv @ W_ih  # (B, T, I)
    # δW_ih = Σ δv_t x_tᵀ, δW_hh = Σ δu_t h_{t-1}ᵀ
    dW_ih = torch.einsum("btk,bti->ki", dv, x)  # (3H, I)
    dW_hh = torch.einsum("btk,bth->kh", du, h)  # (3H, H)
    # δb_ih = Σ δv_t, δb_hh = Σ δu_t
    db_ih = torch.einsum("btk->k", dv)  # (3H)
    db_hh = torch.einsum("btk->k", du)  # (3H)
    return (dx, deltas[0]["h"], dW_ih, dW_hh, db_ih, db_hh), deltas


# %% check
def largest(pairs):
    return max((ours - theirs).abs().max().item() for ours, theirs in pairs)


def differences(gru, x, h_0, d_output, d_h_n):
    """Largest difference from autograd: of the deltas, of the gradients."""
    x, h_0 = x.detach().requires_grad_(), h_0.detach().requires_grad_()
    inputs = [x, h_0, *gru.parameters()]
    starts = [d_output, d_h_n[None]]  # (B, T, H), (1, B, H)
    theirs = torch.autograd.grad(gru(x, h_0[None]), inputs, starts)
    steps = gru_forward(*inputs)
    for tensor in [tensor for step in steps for tensor in step.values()]:
        tensor.retain_grad()
    states = [step["h"] for step in steps[1:]]
    starts = [*d_output.unbind(dim=1), d_h_n]
    torch.autograd.backward([*states, states[-1]], starts)
    with torch.no_grad():
        ours, deltas = gru_backward(d_output, d_h_n, x, steps, *inputs[2:4])
    pairs = [(delta[name], step[name].grad)
             for delta, step in zip(deltas, steps, strict=True)
             for name in step]
    return largest(pairs), largest(zip(ours, theirs, strict=True))


torch.manual_seed(0)
B, T = 3, 7  # sequences, steps
gru = nn.GRU(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(B, T, 10, dtype=torch.float64)  # (B, T, I)
d_output = torch.randn(B, T, 20, dtype=torch.float64)  # (B, T, H)
h_0, d_h_n = torch.randn(2, B, 20, dtype=torch.float64)  # (B, H) each
off = max(differences(gru, x, h_0, d_output, d_h_n))
assert off < 1e-12
print("deltas and gradients equal autograd's to 1e-12:", off < 1e-12)

# %% gradcheck tags=["hidden"]
class GRU(torch.autograd.Function):
    """Our pair as one operation, for which autograd calls our backward."""

    @staticmethod
    def forward(ctx, *inputs):
        ctx.steps, ctx.inputs = gru_forward(*inputs), inputs
        h = [step["h"] for step in ctx.steps[1:]]
        return torch.stack(h, dim=1), h[-1].clone()

    @staticmethod
    def backward(ctx, d_output, d_h_n):
        x, _, W_ih, W_hh, *_ = ctx.inputs
        return gru_backward(d_output, d_h_n, x, ctx.steps, W_ih, W_hh)[0]


part = [x[:2, :3, :4].requires_grad_(), h_0[:2, :5].requires_grad_()]
inputs = [*part, *nn.GRU(4, 5).double().parameters()]
passed = torch.autograd.gradcheck(GRU.apply, inputs)
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
            gru = nn.GRU(I, H, batch_first=True, dtype=dtype)
            x = torch.randn(B, T, I, dtype=dtype)
            d_output = torch.randn(B, T, H, dtype=dtype)
            h_0, d_h_n = torch.randn(2, B, H, dtype=dtype)
            found.append(differences(gru, x, h_0, d_output, d_h_n))
    deltas, gradients = map(max, zip(*found, strict=True))
    return {"deltas": deltas, "gradients": gradients}


settings = len(SHAPES) * SEEDS
largest_off = {name: worst(getattr(torch, name)) for name in TOLERANCE}
for name, tolerance in TOLERANCE.items():
    assert max(largest_off[name].values()) < tolerance, (name, largest_off)
