"""RWKV's recurrence, and the weighted mean that it computes."""

# %% step
import torch


def rwkv_step(i, v, o, c, u, f, p):
    """One step of RWKV's time mixing, version 4 (Peng et al. 2023).

    i = exp(key), value v, o = sigmoid(receptance), c, u (B, D);
    f = exp(-decay) and p = exp(bonus) are weights (D) -> h, c, u (B, D)
    """
    # h = o * (c + p * i * v) / (u + p * i): the newest counts p-fold
    h = o * (c + p * i * v) / (u + p * i)  # (B, D)
    # c' = f * c + i * v, u' = f * u + i
    return h, f * c + i * v, f * u + i  # (B, D) each


# %% check
torch.manual_seed(0)
B, T, D = 3, 50, 8
key, v, receptance = torch.randn(3, B, T, D, dtype=torch.float64)
i, o = torch.exp(key), torch.sigmoid(receptance)  # (B, T, D)
decay, bonus = torch.rand(2, D, dtype=torch.float64)
f, p = torch.exp(-decay), torch.exp(bonus)  # (D)

c, u, outputs = v.new_zeros(B, D), v.new_zeros(B, D), []
for i_t, v_t, o_t in torch.stack([i, v, o]).unbind(dim=2):
    h, c, u = rwkv_step(i_t, v_t, o_t, c, u, f, p)
    outputs.append(h)
looped = torch.stack(outputs, dim=1)  # (B, T, D)

# the logarithms of all weights: key - decay (t - 1 - s), or key + bonus
t = torch.arange(T)
ago = t[:, None] - 1 - t  # (T, T): -1 for the step itself
logs = key[:, None] - decay * ago[:, :, None].clamp(min=0)  # (B, T, T, D)
logs = torch.where(ago[:, :, None] < 0, (key + bonus)[:, None], logs)
logs = logs.masked_fill(ago[:, :, None] < -1, -torch.inf)
weights = torch.softmax(logs, dim=2)
at_once = o * (weights * v[:, None]).sum(dim=2)  # (B, T, D)
same = (looped - at_once).abs().max().item() < 1e-12
assert same
print(f"step by step equals all at once, to 1e-12: {same}")
