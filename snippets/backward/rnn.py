"""Backpropagation through time for an RNN, by hand, against autograd."""

# %% forward
import torch
import torch.nn as nn


def rnn_forward(x, h_0, W_ih, W_hh, b_ih, b_hh):
    """Elman's network (1990) over x (B, T, I), from h_0 (B, H).

    -> steps: steps[t] holds a_t and h_t, (B, H) each; steps[0] only h_0.
    """
    steps = [{"h": h_0}]
    for x_t in x.unbind(dim=1):  # (B, I)
        # a_t = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
        a = x_t @ W_ih.T + b_ih + steps[-1]["h"] @ W_hh.T + b_hh  # (B, H)
        # h_t = tanh(a_t)
        steps.append({"a": a, "h": torch.tanh(a)})  # (B, H) each
    return steps


# %% backward
def rnn_deltas(d_output, d_h_n, steps, W_hh):
    """From the last step to the first: deltas[t] holds δa_t and δh_t."""
    deltas, to_h = [], d_h_n  # to_h: what step t + 1 sends back to h_t
    for t in range(len(steps) - 1, 0, -1):
        # δh_t = δy_t + W_hhᵀ δa_{t+1}
        dh = d_output[:, t - 1] + to_h  # (B, H)
        # δa_t = (1 - h_t²) * δh_t
        da = (1 - steps[t]["h"] ** 2) * dh  # (B, H)
        to_h = da @ W_hh  # (B, H)
        deltas.insert(0, {"a": da, "h": dh})
    return [{"h": to_h}, *deltas]  # δh_0 comes first


def rnn_backward(d_output, d_h_n, x, steps, W_ih, W_hh):
    """Backpropagation through time (Werbos 1990).

    d_output (B, T, H) and d_h_n (B, H, or 0): the loss's derivatives by
    the outputs and the last state -> those by the arguments of
    rnn_forward, in their order and shapes, and the deltas of all steps.
    """
    deltas = rnn_deltas(d_output, d_h_n, steps, W_hh)
    da = torch.stack([delta["a"] for delta in deltas[1:]], dim=1)  # (B, T, H)
    h = torch.stack([step["h"] for step in steps[:-1]], dim=1)  # h_{t-1}
    # δx_t = W_ihᵀ δa_t
    dx = da @ W_ih  # (B, T, I)
    # δW_ih = Σ δa_t x_tᵀ: over the steps, and over the batch
    dW_ih = torch.einsum("bth,bti->hi", da, x)  # (H, I)
    # δW_hh = Σ δa_t h_{t-1}ᵀ
    dW_hh = torch.einsum("bth,btk->hk", da, h)  # (H, H)
    # δb_ih = δb_hh = Σ δa_t
    db = torch.einsum("bth->h", da)  # (H)
    return (dx, deltas[0]["h"], dW_ih, dW_hh, db, db), deltas


# %% check
def largest(pairs):
    return max((ours - theirs).abs().max().item() for ours, theirs in pairs)


def differences(rnn, x, h_0, d_output, d_h_n):
    """Largest difference from autograd: of the deltas, of the gradients."""
    x, h_0 = x.detach().requires_grad_(), h_0.detach().requires_grad_()
    inputs = [x, h_0, *rnn.parameters()]
    # the gradients: autograd through torch.nn.RNN, started like ours
    starts = [d_output, d_h_n[None]]  # (B, T, H), (1, B, H)
    theirs = torch.autograd.grad(rnn(x, h_0[None]), inputs, starts)
    # the deltas: autograd through our forward, told to keep them
    steps = rnn_forward(*inputs)
    for step in steps:
        for tensor in step.values():
            tensor.retain_grad()
    states = [step["h"] for step in steps[1:]]  # (B, H) each
    starts = [*d_output.unbind(dim=1), d_h_n]
    torch.autograd.backward([*states, states[-1]], starts)
    with torch.no_grad():
        ours, deltas = rnn_backward(d_output, d_h_n, x, steps, *inputs[2:4])
    pairs = [(delta[name], step[name].grad)
             for delta, step in zip(deltas, steps, strict=True)
             for name in step]
    return largest(pairs), largest(zip(ours, theirs, strict=True))


torch.manual_seed(0)
B, T = 3, 7  # sequences, steps
rnn = nn.RNN(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(B, T, 10, dtype=torch.float64)  # (B, T, I)
d_output = torch.randn(B, T, 20, dtype=torch.float64)  # (B, T, H)
h_0, d_h_n = torch.randn(2, B, 20, dtype=torch.float64)  # (B, H) each
off = max(differences(rnn, x, h_0, d_output, d_h_n))
assert off < 1e-12
print("deltas and gradients equal autograd's to 1e-12:", off < 1e-12)


# %% gradcheck
class RNN(torch.autograd.Function):
    """Our pair as one operation, for which autograd calls our backward."""

    @staticmethod
    def forward(ctx, x, h_0, W_ih, W_hh, *biases):
        steps = rnn_forward(x, h_0, W_ih, W_hh, *biases)
        h = [step["h"] for step in steps]  # all that our backward needs
        ctx.save_for_backward(x, W_ih, W_hh, *h)
        return torch.stack(h[1:], dim=1), h[-1].clone()

    @staticmethod
    def backward(ctx, d_output, d_h_n):
        x, W_ih, W_hh, *h = ctx.saved_tensors
        steps = [{"h": h_t} for h_t in h]
        return rnn_backward(d_output, d_h_n, x, steps, W_ih, W_hh)[0]


part = [x[:2, :4].requires_grad_(), h_0[:2].requires_grad_()]  # it is slow
inputs = [*part, *rnn.parameters()]
passed = torch.autograd.gradcheck(RNN.apply, inputs)
print("equal to finite differences:", passed)

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
            rnn = nn.RNN(I, H, batch_first=True, dtype=dtype)
            x = torch.randn(B, T, I, dtype=dtype)
            d_output = torch.randn(B, T, H, dtype=dtype)
            h_0, d_h_n = torch.randn(2, B, H, dtype=dtype)
            found.append(differences(rnn, x, h_0, d_output, d_h_n))
    deltas, gradients = map(max, zip(*found, strict=True))
    return {"deltas": deltas, "gradients": gradients}


settings = len(SHAPES) * SEEDS
largest_off = {name: worst(getattr(torch, name)) for name in TOLERANCE}
for name, tolerance in TOLERANCE.items():
    assert max(largest_off[name].values()) < tolerance, (name, largest_off)
