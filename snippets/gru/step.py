"""One step of a GRU from scratch, and its match with torch.nn.GRU."""

# %% step
import torch
import torch.nn as nn


def gru_step(x, h, W_ih, W_hh, b_ih, b_hh):
    """One step of the GRU (Cho et al. 2014), as torch.nn.GRU computes it:
    z keeps, and r acts after the product with W_hn.

    x (B, I), h (B, H) -> h (B, H); rows in the order r, z, n:
    W_ih (3H, I), W_hh (3H, H), b_ih and b_hh (3H).
    """
    # what arrives: W_i x + b_i, for r, z and n
    r_x, z_x, n_x = (x @ W_ih.T + b_ih).chunk(3, dim=1)  # (B, H) each
    # what is passed on: W_h h + b_h, for r, z and n
    r_h, z_h, n_h = (h @ W_hh.T + b_hh).chunk(3, dim=1)  # (B, H) each
    # r = σ(W_ir x + b_ir + W_hr h + b_hr)
    r = torch.sigmoid(r_x + r_h)  # (B, H)
    # z = σ(W_iz x + b_iz + W_hz h + b_hz)
    z = torch.sigmoid(z_x + z_h)  # (B, H)
    # n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    n = torch.tanh(n_x + r * n_h)  # (B, H)
    # h' = (1 - z) * n + z * h
    return (1 - z) * n + z * h  # (B, H)


# %% check
torch.manual_seed(0)
gru = nn.GRU(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 7, 10, dtype=torch.float64, requires_grad=True)
h_0 = torch.randn(1, 3, 20, dtype=torch.float64, requires_grad=True)

h, states = h_0[0], []  # (B, H)
for x_t in x.unbind(dim=1):  # (B, I), one time step after the other
    h = gru_step(x_t, h, *gru.parameters())
    states.append(h)
ours = torch.stack(states, dim=1), h[None]  # (B, T, H), (1, B, H)
theirs = gru(x, h_0)  # output, h_n: the same shapes


def equal(ours, theirs, leaves):
    """To 1e-12: the results, and the gradients of their squares' sum."""
    ours, theirs = list(ours), list(theirs)
    for results in ours, theirs:
        total = sum(result.square().sum() for result in results)
        results += torch.autograd.grad(total, leaves)
    pairs = zip(ours, theirs, strict=True)
    return all((a - b).abs().max().item() < 1e-12 for a, b in pairs)


same = equal(ours, theirs, [x, h_0, *gru.parameters()])
assert same
print("states and gradients equal torch's to 1e-12:", same)


# %% sequence
def gru_sequence(x, h, weights, direction=1):
    """One layer over a whole sequence; direction -1 reads it backwards.

    x (B, T, I), h (B, H), weights W_ih, W_hh, b_ih, b_hh
    -> h of every step (B, T, H), h after the last step taken (B, H).
    """
    states = []
    for x_t in x.unbind(dim=1)[::direction]:  # (B, I)
        h = gru_step(x_t, h, *weights)  # (B, H)
        states.append(h)
    # whichever way it reads, each state goes to the place of its input
    return torch.stack(states[::direction], dim=1), h


# %% layers
def gru_layers(x, weights, h_0=None, bidirectional=False):
    """Layer upon layer, in D = 1 or 2 directions, as torch.nn.GRU has them.

    x (B, T, I), weights: list(nn.GRU(...).parameters()),
    h_0 (layers * D, B, H), zeros if left out
    -> output (B, T, D * H), h_n (layers * D, B, H).
    """
    # four for each layer and direction, forwards before backwards
    sets = [weights[k : k + 4] for k in range(0, len(weights), 4)]
    if h_0 is None:
        h_0 = x.new_zeros(len(sets), len(x), weights[1].shape[1])
    directions = [1, -1] if bidirectional else [1]
    h_n = []
    for _ in range(len(sets) // len(directions)):  # from the bottom up
        outputs = []
        for direction in directions:
            k = len(h_n)
            states, h = gru_sequence(x, h_0[k], sets[k], direction)
            outputs.append(states)  # (B, T, H)
            h_n.append(h)  # (B, H)
        # h_t of this layer is x_t of the next
        x = torch.cat(outputs, dim=2)  # (B, T, D * H)
    return x, torch.stack(h_n)


# %% check_layers
torch.manual_seed(1)
gru = nn.GRU(10, 20, 2, batch_first=True, bidirectional=True).double()
weights = list(gru.parameters())
h_0 = torch.randn(4, 3, 20, dtype=torch.float64, requires_grad=True)
ours = gru_layers(x, weights, h_0, bidirectional=True)
output, h_n = gru(x, h_0)  # (B, T, 2 * H), (2 layers * 2, B, H)

same = equal(ours, (output, h_n), [x, h_0, *weights])
assert same
print("states and gradients equal torch's to 1e-12:", same)


# %% grid tags=["hidden"]
import itertools

# batch, steps, input_size, hidden_size
SHAPES = [(1, 1, 1, 1), (2, 1, 3, 4), (3, 7, 10, 20), (5, 12, 4, 2)]
SHAPES += [(1, 30, 2, 8)]
LAYERS, SEEDS = 3, 5
# In units of eps, the gap between 1 and the next number. Ten times what was
# found: other processors add in another order. A wrong equation is off by
# far more.
ALLOWED = 128


def both_ways(dtype, shape, layers, bidirectional, given, seed):
    """Our results, nn.GRU's, and what both depend on."""
    torch.manual_seed(seed)
    B, T, input_size, H = shape
    options = {"bidirectional": bidirectional, "batch_first": True}
    gru = nn.GRU(input_size, H, layers, **options).to(dtype)
    x = torch.randn(B, T, input_size, dtype=dtype, requires_grad=True)
    size = layers * (1 + bidirectional), B, H
    h_0 = torch.randn(size, dtype=dtype, requires_grad=True) if given else None
    weights = list(gru.parameters())
    leaves = [x, *weights] + [h_0] * given
    ours = gru_layers(x, weights, h_0, bidirectional)
    return ours, gru(x, h_0), leaves


def differences(ours, theirs, leaves):
    """Of each result and gradient, its kind and its largest difference."""
    # by a sum with random weights, so that every entry of a result counts
    pull = [torch.randn_like(result) for result in theirs]
    ours += torch.autograd.grad(ours, leaves, pull)
    theirs += torch.autograd.grad(theirs, leaves, pull)
    kinds = ["outputs", "finals"] + ["gradients"] * len(leaves)
    for kind, a, b in zip(kinds, ours, theirs, strict=True):
        assert a.shape == b.shape
        # a gradient's is relative to its largest entry, where that is above 1
        # (below, a sum that cancels would make rounding look large)
        scale = b.abs().max().clamp(min=1) if kind == "gradients" else 1
        yield kind, ((a - b).abs().max() / scale).item()


layers, both = range(1, LAYERS + 1), (False, True)
settings = list(itertools.product(SHAPES, layers, both, both, range(SEEDS)))
grid = {"settings": len(settings)}
for bits in ("float64", "float32"):
    dtype = getattr(torch, bits)
    allowed = ALLOWED * torch.finfo(dtype).eps
    worst = grid[bits] = {"outputs": 0.0, "finals": 0.0, "gradients": 0.0}
    for setting in settings:
        for kind, off in differences(*both_ways(dtype, *setting)):
            assert off <= allowed, f"{bits} {setting}: {kind} off by {off}"
            worst[kind] = max(off, worst[kind])
    worst["allowed"] = allowed
