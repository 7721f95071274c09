"""xLSTM's two cells: sLSTM, and mLSTM with its parallel form."""

# %% slstm
import torch
from torch.nn.functional import logsigmoid


def slstm_step(x, h, c, u, m, W_ih, W_hh, b_ih):
    """One step of sLSTM (Beck et al. 2024), one head.

    x (B, I); h, c, normaliser u and stabiliser m (B, H); rows in the order
    i, f, g, o: W_ih (4H, I), W_hh (4H, H), b_ih (4H) -> h, c, u, m (B, H)
    """
    i, f, g, o = (x @ W_ih.T + h @ W_hh.T + b_ih).chunk(4, dim=1)  # (B, H)
    log_f = logsigmoid(f)  # (B, H)
    # m' = max(log f + m, log i): the largest weight so far becomes exp(0)
    m, last = torch.maximum(log_f + m, i), m  # (B, H)
    i, f = torch.exp(i - m), torch.exp(log_f + last - m)  # both divided
    # c' = f * c + i * g, u' = f * u + i
    c, u = f * c + i * torch.tanh(g), f * u + i  # (B, H) each
    # h' = o * c' / u': the division cancels
    return torch.sigmoid(o) * c / u, c, u, m


# %% slstm_check
torch.manual_seed(0)
B, T, input_size, H = 3, 50, 5, 8
x = torch.randn(B, T, input_size, dtype=torch.float64)
W_ih = torch.randn(4 * H, input_size, dtype=torch.float64)
W_hh, b_ih = torch.randn(4 * H, H).double(), torch.randn(4 * H).double()


def run(scale):
    """The last state with and without m, the input bias times `scale`."""
    bias = torch.cat([b_ih[:H] * scale, b_ih[H:]])  # the input gate's
    zero = x.new_zeros(B, H)
    h, c, u, m = zero, zero, zero, zero - torch.inf
    plain, cell, total = zero, zero, zero
    for x_t in x.unbind(dim=1):
        h, c, u, m = slstm_step(x_t, h, c, u, m, W_ih, W_hh, bias)
        maps = x_t @ W_ih.T + plain @ W_hh.T + bias
        i, f, g, o = maps.chunk(4, dim=1)
        i, f, o = torch.exp(i), torch.sigmoid(f), torch.sigmoid(o)
        cell, total = f * cell + i * torch.tanh(g), f * total + i
        plain = o * cell / total
    return h, plain


with_m, without = run(scale=1)
same = (with_m - without).abs().max().item() < 1e-12
assert same
print(f"with and without stabiliser equal, to 1e-12: {same}")
with_m, without = run(scale=1000)
finite = with_m.isfinite().all().item(), without.isfinite().all().item()
assert finite == (True, False)
print(f"large gates: finite with it {finite[0]}, without {finite[1]}")


# %% mlstm
def mlstm_step(q, k, v, i, f, o, C, u, m):
    """One step of mLSTM (Beck et al. 2024), one head.

    q, k (B, d), v, o (B, H); i = log of the input gate, f = log of the
    forget gate, m (B, 1); C (B, H, d), u (B, d) -> h (B, H), C, u, m
    """
    m, last = torch.maximum(f + m, i), m  # (B, 1)
    i, f = torch.exp(i - m), torch.exp(f + last - m)  # (B, 1)
    # C' = f C + i v k^T, u' = f u + i k
    C = f[:, :, None] * C + i[:, :, None] * v[:, :, None] * k[:, None]
    u = f * u + i * k  # (B, d)
    # h = o * C' q / max(|u'^T q|, 1), where 1 is divided by exp(m) too
    below = torch.maximum((u * q).sum(1, True).abs(), torch.exp(-m))
    return o * (C @ q[:, :, None])[:, :, 0] / below, C, u, m


# %% mlstm_check
d = 8
q, k, v, o = torch.randn(4, B, T, d, dtype=torch.float64)  # (B, T, d) each
i, f = torch.randn(2, B, T, 1, dtype=torch.float64)
k, o, f = k / d**0.5, torch.sigmoid(o), logsigmoid(f)

C, u, m = q.new_zeros(B, d, d), q.new_zeros(B, d), q.new_zeros(B, 1)
m, outputs = m - torch.inf, []
parts = [part.unbind(dim=1) for part in (q, k, v, i, f, o)]
for now in zip(*parts, strict=True):
    h, C, u, m = mlstm_step(*now, C, u, m)
    outputs.append(h)
looped = torch.stack(outputs, dim=1)  # (B, T, d)

# log weight of step s at step t: i_s and all f after s
total = f.cumsum(dim=1)  # (B, T, 1)
logs = total - total.mT + i.mT  # (B, T, T)
scores = (q @ k.mT) * torch.exp(logs).tril()
at_once = o * (scores @ v) / scores.sum(2, True).abs().clamp(min=1)
same = (looped - at_once).abs().max().item() < 1e-12
assert same
print(f"step by step equals all at once, to 1e-12: {same}")
