"""One step of an LSTM from scratch, and its match with torch.nn.LSTM."""

# %% step
import torch
import torch.nn as nn


def lstm_step(x, h, c, W_ih, W_hh, b_ih, b_hh):
    """One step of Hochreiter & Schmidhuber's LSTM (1997) with the forget
    gate of Gers et al. (2000), as torch.nn.LSTM computes it.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, f, g, o:
    W_ih (4H, I), W_hh (4H, H), b_ih and b_hh (4H).
    """
    # one product serves all four: W x + b_ih + W h + b_hh
    a = x @ W_ih.T + b_ih + h @ W_hh.T + b_hh  # (B, 4H)
    i, f, g, o = a.chunk(4, dim=1)  # (B, H) each
    # i = σ(a_i), f = σ(a_f), o = σ(a_o): write, keep, read
    i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
    # g = tanh(a_g): the new content
    g = torch.tanh(g)
    # c' = f * c + i * g
    c = f * c + i * g  # (B, H)
    # h' = o * tanh(c')
    return o * torch.tanh(c), c  # (B, H) each


# %% check
torch.manual_seed(0)
lstm = nn.LSTM(10, 20, batch_first=True, dtype=torch.float64)
x = torch.randn(3, 7, 10, dtype=torch.float64, requires_grad=True)
h_0 = torch.randn(1, 3, 20, dtype=torch.float64, requires_grad=True)
c_0 = torch.randn(1, 3, 20, dtype=torch.float64, requires_grad=True)

h, c, states = h_0[0], c_0[0], []  # (B, H) each
for x_t in x.unbind(dim=1):  # (B, I), one time step after the other
    h, c = lstm_step(x_t, h, c, *lstm.parameters())
    states.append(h)
ours = torch.stack(states, dim=1), h[None], c[None]
output, (h_n, c_n) = lstm(x, (h_0, c_0))  # (B, T, H), (1, B, H) twice


def equal(ours, theirs, leaves):
    """To 1e-12: the results, and the gradients of their squares' sum."""
    ours, theirs = list(ours), list(theirs)
    for results in ours, theirs:
        total = sum(result.square().sum() for result in results)
        results += torch.autograd.grad(total, leaves)
    pairs = zip(ours, theirs, strict=True)
    return all((a - b).abs().max().item() < 1e-12 for a, b in pairs)


same = equal(ours, (output, h_n, c_n), [x, h_0, c_0, *lstm.parameters()])
assert same
print("states and gradients equal torch's to 1e-12:", same)


# %% sequence
def lstm_sequence(x, h, c, weights, direction=1):
    """One layer over a whole sequence; direction -1 reads it backwards.

    x (B, T, I), h and c (B, H), weights W_ih, W_hh, b_ih, b_hh
    -> h of every step (B, T, H), h and c after the last one taken (B, H).
    """
    states = []
    for x_t in x.unbind(dim=1)[::direction]:  # (B, I)
        h, c = lstm_step(x_t, h, c, *weights)  # (B, H) each
        states.append(h)
    # whichever way it reads, each state goes to the place of its input
    return torch.stack(states[::direction], dim=1), h, c


# %% layers
def lstm_layers(x, weights, start=None, bidirectional=False):
    """Layer upon layer, in D = 1 or 2 directions, as torch.nn.LSTM has them.

    x (B, T, I), weights: list(nn.LSTM(...).parameters()),
    start: h_0 and c_0 (layers * D, B, H), zeros if left out
    -> output (B, T, D * H), (h_n, c_n) (layers * D, B, H) each.
    """
    # four for each layer and direction, forwards before backwards
    sets = [weights[k : k + 4] for k in range(0, len(weights), 4)]
    zeros = x.new_zeros(len(sets), len(x), weights[1].shape[1])
    h_0, c_0 = start or (zeros, zeros)
    directions = [1, -1] if bidirectional else [1]
    h_n, c_n = [], []
    for _ in range(len(sets) // len(directions)):  # from the bottom up
        outputs = []
        for direction in directions:
            k = len(h_n)
            states, h, c = lstm_sequence(x, h_0[k], c_0[k], sets[k], direction)
            outputs.append(states)  # (B, T, H)
            h_n.append(h)  # (B, H)
            c_n.append(c)  # (B, H)
        # h_t of this layer is x_t of the next
        x = torch.cat(outputs, dim=2)  # (B, T, D * H)
    return x, (torch.stack(h_n), torch.stack(c_n))


# %% check_layers
torch.manual_seed(1)
lstm = nn.LSTM(10, 20, 2, batch_first=True, bidirectional=True).double()
weights = list(lstm.parameters())
h_0 = torch.randn(4, 3, 20, dtype=torch.float64, requires_grad=True)
c_0 = torch.randn(4, 3, 20, dtype=torch.float64, requires_grad=True)
ours, last = lstm_layers(x, weights, (h_0, c_0), bidirectional=True)
output, (h_n, c_n) = lstm(x, (h_0, c_0))  # (B, T, 2 * H), (4, B, H) each

same = equal((ours, *last), (output, h_n, c_n), [x, h_0, c_0, *weights])
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
    """Our results, nn.LSTM's, and what both depend on."""
    torch.manual_seed(seed)
    B, T, input_size, H = shape
    options = {"bidirectional": bidirectional, "batch_first": True}
    lstm = nn.LSTM(input_size, H, layers, **options).to(dtype)
    x = torch.randn(B, T, input_size, dtype=dtype, requires_grad=True)
    size = layers * (1 + bidirectional), B, H
    start = torch.randn(2, *size, dtype=dtype, requires_grad=True)
    start = tuple(start.unbind()) if given else ()
    weights = list(lstm.parameters())
    leaves = [x, *weights, *start]
    output, last = lstm_layers(x, weights, start or None, bidirectional)
    ours = (output, *last)
    output, last = lstm(x, start or None)
    return ours, (output, *last), leaves


def differences(ours, theirs, leaves):
    """Of each result and gradient, its kind and its largest difference."""
    # by a sum with random weights, so that every entry of a result counts
    pull = [torch.randn_like(result) for result in theirs]
    ours += torch.autograd.grad(ours, leaves, pull)
    theirs += torch.autograd.grad(theirs, leaves, pull)
    kinds = ["outputs", "finals", "finals"] + ["gradients"] * len(leaves)
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
