"""Attention one step at a time, and its match with PyTorch's."""

# %% step
import torch
from torch.nn.functional import scaled_dot_product_attention


def attention_step(q, k, v, K, V):
    """One query looks at every key so far (Vaswani et al. 2017), one head.

    q, k, v (B, d), the cache K and V (B, t-1, d) -> h (B, d), K, V (B, t, d)
    """
    # K' = K and k, V' = V and v: nothing is dropped
    K = torch.cat([K, k[:, None]], dim=1)  # (B, t, d)
    V = torch.cat([V, v[:, None]], dim=1)  # (B, t, d)
    # weight of v_s: exp(k_s^T q) / sum of all exp(k_s^T q)
    weights = torch.softmax((K @ q[:, :, None])[:, :, 0], dim=1)  # (B, t)
    # h = sum of weights * v_s
    return (weights[:, None] @ V)[:, 0], K, V  # (B, d)


# %% check
torch.manual_seed(0)
B, T, d = 3, 50, 8
q, k, v = torch.randn(3, B, T, d, dtype=torch.float64)  # (B, T, d) each

K = V = q.new_zeros(B, 0, d)  # an empty cache
outputs = []
for q_t, k_t, v_t in torch.stack([q, k, v]).unbind(dim=2):
    h, K, V = attention_step(q_t / d**0.5, k_t, v_t, K, V)
    outputs.append(h)
ours = torch.stack(outputs, dim=1)  # (B, T, d)
theirs = scaled_dot_product_attention(q, k, v, is_causal=True)
same = (ours - theirs).abs().max().item() < 1e-12
assert same
print(f"step by step equals all at once, to 1e-12: {same}")
print(f"numbers kept after {T} steps: {K[0].numel() + V[0].numel()}")
