"""The LSTM of Greff et al. (2017), and what they left out of it."""

# %% step
import torch
import torch.nn as nn


def greff_step(x, h, c, W_ih, W_hh, b, p, left_out=()):
    """One step of the LSTM with peepholes, less what `left_out` names.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, f, g, o:
    W_ih (4H, I), W_hh (4H, H), b (4H); peepholes p (3, H) for i, f, o.
    """
    a_i, a_f, a_g, a_o = (x @ W_ih.T + h @ W_hh.T + b).chunk(4, dim=1)
    p_i, p_f, p_o = 0 * p if "NP" in left_out else p  # (H) each
    one = torch.ones_like(c)  # (B, H)
    i = one if "NIG" in left_out else torch.sigmoid(a_i + p_i * c)
    f = one if "NFG" in left_out else torch.sigmoid(a_f + p_f * c)
    f = 1 - i if "CIFG" in left_out else f  # coupled
    g = a_g if "NIAF" in left_out else torch.tanh(a_g)
    c = f * c + i * g
    o = one if "NOG" in left_out else torch.sigmoid(a_o + p_o * c)
    return o * (c if "NOAF" in left_out else torch.tanh(c)), c


# %% check
torch.manual_seed(0)
H = 8
W_ih = torch.randn(4 * H, 4, dtype=torch.float64)
W_hh = torch.randn(4 * H, H, dtype=torch.float64)
b = torch.randn(4 * H, dtype=torch.float64)
p = torch.randn(3, H, dtype=torch.float64)
x = torch.randn(20, 3, 4, dtype=torch.float64)  # (T, B, I)


def without(names):
    """The last h (B, H) of the LSTM less what is named."""
    h = c = torch.zeros(3, H, dtype=torch.float64)
    for x_t in x:  # (B, I)
        h, c = greff_step(x_t, h, c, W_ih, W_hh, b, p, names.split())
    return h


def plain(opened=None, coupled=False):
    """The last h of torch's LSTM, one gate held open or f = 1 - i."""
    rows = torch.cat([W_ih, W_hh, b[:, None]], dim=1)  # (4H, I + H + 1)
    blocks = list(rows.chunk(4))  # i, f, g, o
    if coupled:
        blocks[1] = -blocks[0]  # 1 - σ(a) = σ(-a)
    if opened is not None:
        blocks[opened] = 0 * blocks[opened]
        blocks[opened][:, -1] = 50  # σ(50) is 1 in 64 bits
    lstm = nn.LSTM(4, H, dtype=torch.float64)
    parts = torch.cat(blocks).split([4, H, 1], dim=1)
    with torch.no_grad():
        for theirs, part in zip(lstm.parameters(), parts, strict=False):
            theirs.copy_(part.view_as(theirs))
        lstm.bias_hh_l0.zero_()
        return lstm(x)[1][0][0]


for names, h in {
    "NP": plain(), "NP NIG": plain(0), "NP NFG": plain(1),
    "NP NOG": plain(3), "NP CIFG": plain(coupled=True),
}.items():  # fmt: skip
    same = (without(names) - h).abs().max().item() < 1e-12
    print(f"{names:7} from torch.nn.LSTM: {same}")

# %% gru
gru = nn.GRU(4, H, dtype=torch.float64)
with torch.no_grad():
    for theirs, ours in zip(gru.parameters(), (W_ih, W_hh, b), strict=False):
        i, _, g, _ = ours.chunk(4)
        theirs.copy_(torch.cat([0 * i, -i, g]))  # r, z = 1 - i, n
    gru.bias_ih_l0[:H], gru.bias_hh_l0[:] = 50, 0  # r = 1: no reset
    h_n = gru(x)[1][0]  # (B, H)
for names in "CIFG NOG NOAF NP", "CIFG NOG NP", "CIFG NOAF NP", "CIFG NP":
    same = (without(names) - h_n).abs().max().item() < 1e-12
    print(f"{names:16} is a GRU without reset: {same}")
