"""A linear recurrence, step by step and by a parallel scan, and minGRU."""

# %% scan
import torch


def linear_step(h, a, b):
    """One step of a linear recurrence: h, a, b (B, H) -> h (B, H)."""
    # h' = a * h + b
    return a * h + b  # (B, H)


def scan(a, b):
    """All steps of h' = a * h + b from h = 0, in about log2(T) passes.

    a, b (B, T, H) -> h of every step (B, T, H), and the number of passes
    """
    reach, passes = 1, 0  # each a and b stands for so many steps
    while reach < a.shape[1]:
        # a, b and then a', b' are one step: a' a and a' b + b'
        older, newer = slice(None, -reach), slice(reach, None)
        b_new = a[:, newer] * b[:, older] + b[:, newer]
        a_new = a[:, newer] * a[:, older]
        b = torch.cat([b[:, :reach], b_new], dim=1)  # (B, T, H)
        a = torch.cat([a[:, :reach], a_new], dim=1)  # (B, T, H)
        reach, passes = 2 * reach, passes + 1
    return b, passes


# %% mingru
def mingru_step(x, h, W_ih, b_ih):
    """One step of minGRU (Feng et al. 2024), with PyTorch's z, which keeps.

    x (B, I), h (B, H), rows in the order z, n: W_ih (2H, I), b_ih (2H)
    """
    z, n = (x @ W_ih.T + b_ih).chunk(2, dim=-1)  # no h in the gate
    z = torch.sigmoid(z)  # (B, H)
    # h' = z * h + (1 - z) * n
    return linear_step(h, z, (1 - z) * n)  # (B, H)


def mingru_scan(x, W_ih, b_ih):
    """The same for a whole sequence at once: x (B, T, I) -> (B, T, H)."""
    z, n = (x @ W_ih.T + b_ih).chunk(2, dim=-1)  # (B, T, H) each
    z = torch.sigmoid(z)
    return scan(z, (1 - z) * n)


# %% check
torch.manual_seed(0)
B, T, input_size, H = 3, 1000, 5, 8
x = torch.randn(B, T, input_size, dtype=torch.float64)
W_ih = torch.randn(2 * H, input_size, dtype=torch.float64)
b_ih = torch.randn(2 * H, dtype=torch.float64)
leaves = [tensor.requires_grad_() for tensor in (x, W_ih, b_ih)]

h, states = x.new_zeros(B, H), []
for x_t in x.unbind(dim=1):  # (B, I)
    h = mingru_step(x_t, h, W_ih, b_ih)
    states.append(h)
looped = torch.stack(states, dim=1)  # (B, T, H)
scanned, passes = mingru_scan(x, W_ih, b_ih)

pull = torch.randn_like(looped)
grads = [torch.autograd.grad(h, leaves, pull) for h in (looped, scanned)]
pairs = [(looped, scanned), *zip(*grads, strict=True)]
off = max(((one - two).abs().max() / one.abs().max()).item()
          for one, two in pairs)
assert off < 1e-12
print(f"states and gradients equal, to 1e-12: {off < 1e-12}")
print(f"{T} steps one by one, or {passes} passes over all of them")


# %% minlstm
def minlstm_step(x, h, W_ih, b_ih):
    """One step of minLSTM (Feng et al. 2024): two gates share one whole.

    x (B, I), h (B, H), rows in the order i, f, g: W_ih (3H, I), b_ih (3H)
    """
    i, f, g = (x @ W_ih.T + b_ih).chunk(3, dim=-1)  # (B, H) each
    i, f = torch.sigmoid(i), torch.sigmoid(f)
    # h' = f / (f + i) * h + i / (f + i) * g
    return linear_step(h, f / (f + i), i / (f + i) * g)  # (B, H)
