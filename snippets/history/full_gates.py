"""An LSTM whose gates also see the gates of the step before."""

# %% step
import torch
import torch.nn as nn


def full_step(x, h, c, y, W_ih, W_hh, R, b):
    """One step with full gate recurrence, here without peepholes.

    x (B, I), h and c (B, H), last gates y (B, 3H) -> h, c, y; W_ih (4H, I),
    W_hh (4H, H), b (4H) in the order i, f, g, o; R (3H, 3H) in i, f, o.
    """
    a_i, a_f, a_g, a_o = (x @ W_ih.T + h @ W_hh.T + b).chunk(4, dim=1)
    a_y = torch.cat([a_i, a_f, a_o], dim=1) + y @ R.T  # nine new blocks
    i, f, o = torch.sigmoid(a_y).chunk(3, dim=1)  # (B, H) each
    c = f * c + i * torch.tanh(a_g)
    return o * torch.tanh(c), c, torch.cat([i, f, o], dim=1)


# %% check
torch.manual_seed(0)
H = 8
cell = nn.LSTMCell(4 + 3 * H, H, dtype=torch.float64)  # reads x and y
W_xy, W_hh, b, none = cell.parameters()
with torch.no_grad():
    none.zero_()
    W_xy[2 * H : 3 * H, 4:] = 0  # the candidate does not see the gates
    i, f, _, o = W_xy[:, 4:].chunk(4)
    R, W_ih = torch.cat([i, f, o]), W_xy[:, :4]
    h = c = h_2 = c_2 = torch.zeros(3, H, dtype=torch.float64)  # (B, H)
    y = torch.zeros(3, 3 * H, dtype=torch.float64)  # (B, 3H)
    for x_t in torch.randn(20, 3, 4, dtype=torch.float64):  # (B, I)
        h_2, c_2 = cell(torch.cat([x_t, y], dim=1), (h_2, c_2))
        h, c, y = full_step(x_t, h, c, y, W_ih, W_hh, R, b)
difference = (h - h_2).abs().max().item()
print("an LSTM that reads its own gates:", difference < 1e-12)
