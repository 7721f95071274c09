"""The three units that Jozefowicz et al. (2015) found by mutation."""

# %% steps
import torch
import torch.nn as nn


def mut1_step(x, h, W_ih, W_hh, b):
    """x and h (B, H) -> h (B, H): the input must be as wide as the state.

    Rows in the order r, z, n: W_ih and W_hh (3H, H), b (3H).
    """
    (W_ir, W_iz, _), (W_hr, _, W_hn) = W_ih.chunk(3), W_hh.chunk(3)
    b_r, b_z, b_n = b.chunk(3)  # (H) each
    z = torch.sigmoid(x @ W_iz.T + b_z)  # (B, H)
    r = torch.sigmoid(x @ W_ir.T + h @ W_hr.T + b_r)
    n = torch.tanh((r * h) @ W_hn.T + torch.tanh(x) + b_n)
    return z * n + (1 - z) * h


def mut2_step(x, h, W_ih, W_hh, b):
    (_, W_iz, W_in), (W_hr, W_hz, W_hn) = W_ih.chunk(3), W_hh.chunk(3)
    b_r, b_z, b_n = b.chunk(3)
    z = torch.sigmoid(x @ W_iz.T + h @ W_hz.T + b_z)
    r = torch.sigmoid(x + h @ W_hr.T + b_r)
    n = torch.tanh((r * h) @ W_hn.T + x @ W_in.T + b_n)
    return z * n + (1 - z) * h


def mut3_step(x, h, W_ih, W_hh, b):
    (W_ir, W_iz, W_in), (W_hr, W_hz, W_hn) = W_ih.chunk(3), W_hh.chunk(3)
    b_r, b_z, b_n = b.chunk(3)
    z = torch.sigmoid(x @ W_iz.T + torch.tanh(h) @ W_hz.T + b_z)
    r = torch.sigmoid(x @ W_ir.T + h @ W_hr.T + b_r)
    n = torch.tanh((r * h) @ W_hn.T + x @ W_in.T + b_n)
    return z * n + (1 - z) * h


# %% check
torch.manual_seed(0)
H = 6
W_ih, W_hh = torch.randn(2, 3 * H, H, dtype=torch.float64)
W_hh[2 * H :] = torch.diag(torch.diag(W_hh[2 * H :]))  # as torch resets
b, one = torch.randn(3 * H, dtype=torch.float64), torch.eye(H)
x, h = torch.randn(2, 5, H, dtype=torch.float64)  # (B, H) each
cell = nn.GRUCell(3 * H, H, dtype=torch.float64)  # reads x, tanh x, tanh h
(W_ir, W_iz, W_in), W_hz, none = W_ih.chunk(3), W_hh[H : 2 * H], 0 * one
# for each: what r, z and n read of x, tanh x, tanh h; what z reads of h
edits = {
    "MUT1": (mut1_step, [W_ir, none, none], [W_iz, none, none],
             [none, one, none], none),
    "MUT2": (mut2_step, [one, none, none], [W_iz, none, none],
             [W_in, none, none], W_hz),
    "MUT3": (mut3_step, [W_ir, none, none], [W_iz, none, W_hz],
             [W_in, none, none], none),
}  # fmt: skip
sign = torch.ones(3 * H, 1, dtype=torch.float64)
sign[H : 2 * H] = -1  # torch's z keeps the old: turn its rows around
largest = 0.0
for name, (step, reads_r, reads_z, reads_n, z_of_h) in edits.items():
    reads = [torch.cat(parts, dim=1) for parts in (reads_r, reads_z, reads_n)]
    recurrent = torch.cat([W_hh[:H], z_of_h, W_hh[2 * H :]])  # (3H, H)
    with torch.no_grad():
        cell.weight_ih.copy_(sign * torch.cat(reads))  # (3H, 3H)
        cell.weight_hh.copy_(sign * recurrent)
        cell.bias_ih.copy_(sign[:, 0] * b)
        cell.bias_hh.zero_()
        theirs = cell(torch.cat([x, x.tanh(), h.tanh()], dim=1), h)
    difference = (step(x, h, W_ih, W_hh, b) - theirs).abs().max().item()
    largest = max(largest, difference)
    print(f"{name} is a GRU with edited input: {difference < 1e-12}")
