"""A diagonal state-space model: as recurrence, as convolution, as gate."""

# %% step
import torch


def state_space_step(x, C, delta, A, k, q):
    """One step of a diagonal state-space model with N numbers a channel.

    x and delta (B, D), C (B, D, N), A (D, N), below 0; k, q (B, N)
    -> h (B, D), C. S4D (Gu et al. 2022): delta, k and q are constants.
    Mamba (Gu and Dao 2023): they are computed from x. Papers say B for k.
    """
    # F = exp(delta A): what is kept
    F = torch.exp(delta[:, :, None] * A)  # (B, D, N)
    # C' = F * C + (F - 1) / A * (x k^T)
    C = F * C + (F - 1) / A * (x[:, :, None] * k[:, None])  # (B, D, N)
    # h = C' q
    return (C @ q[:, :, None])[:, :, 0], C  # (B, D)


# %% convolution
torch.manual_seed(0)
B, T, D, N = 3, 200, 4, 16
x = torch.randn(B, T, D, dtype=torch.float64)
A = -torch.arange(1.0, N + 1, dtype=torch.float64).expand(D, N)  # (D, N)
delta = torch.rand(D, dtype=torch.float64) / 10  # (D)
k, q = torch.randn(2, N, dtype=torch.float64)

C, outputs = x.new_zeros(B, D, N), []
for x_t in x.unbind(dim=1):  # (B, D)
    each = [number.expand(B, -1) for number in (delta, k, q)]
    h, C = state_space_step(x_t, C, each[0], A, *each[1:])
    outputs.append(h)
looped = torch.stack(outputs, dim=1)  # (B, T, D)

# what an input does s steps later: sum over N of q F^s (F - 1) / A k
F = torch.exp(delta[:, None] * A)  # (D, N)
powers = F[:, :, None] ** torch.arange(T)  # (D, N, T)
kernel = ((q * (F - 1) / A * k)[:, :, None] * powers).sum(dim=1)  # (D, T)
product = torch.fft.rfft(x.mT, 2 * T) * torch.fft.rfft(kernel, 2 * T)
convolved = torch.fft.irfft(product, 2 * T)[:, :, :T].mT  # (B, T, D)
same = (looped - convolved).abs().max().item() < 1e-12
assert same
print(f"recurrence equals convolution, to 1e-12: {same}")

# %% gate
# N = 1, A = -1, k = q = 1, and a step size computed from the input: then
# exp(-softplus(-y)) = sigmoid(y), the update gate z
W_ih, b_ih = torch.randn(D, D).double(), torch.randn(D).double()
one, minus = x.new_ones(B, 1), x.new_full((D, 1), -1.0)
h, C, off = x.new_zeros(B, D), x.new_zeros(B, D, 1), 0.0
for x_t in x.unbind(dim=1):
    y = x_t @ W_ih.T + b_ih  # (B, D)
    delta = torch.nn.functional.softplus(-y)
    ours, C = state_space_step(x_t, C, delta, minus, one, one)
    z = torch.sigmoid(y)
    h = z * h + (1 - z) * x_t  # minGRU, with x as the candidate
    off = max(off, (ours - h).abs().max().item())
assert off < 1e-12
print(f"one number a channel is minGRU's update, to 1e-12: {off < 1e-12}")
