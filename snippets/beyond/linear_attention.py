"""Linear attention as a recurrence, and as a masked product."""

# %% step
import torch


def linear_attention_step(q, k, v, C, u):
    """One step of linear attention (Katharopoulos et al. 2020), one head.

    q, k (B, d), all positive, v (B, H), C (B, H, d), u (B, d) -> h (B, H)
    """
    # C' = C + v k^T
    C = C + v[:, :, None] * k[:, None]  # (B, H, d)
    # u' = u + k
    u = u + k  # (B, d)
    # h = C' q / (u'^T q)
    return (C @ q[:, :, None])[:, :, 0] / (u * q).sum(1, True), C, u


# %% check
torch.manual_seed(0)
B, T, d = 3, 50, 8
q, k, v = torch.randn(3, B, T, d, dtype=torch.float64)  # (B, T, d) each
q, k = torch.nn.functional.elu(q) + 1, torch.nn.functional.elu(k) + 1

C, u, outputs = v.new_zeros(B, d, d), v.new_zeros(B, d), []
for q_t, k_t, v_t in torch.stack([q, k, v]).unbind(dim=2):
    h, C, u = linear_attention_step(q_t, k_t, v_t, C, u)
    outputs.append(h)
looped = torch.stack(outputs, dim=1)  # (B, T, d)

scores = (q @ k.mT).tril()  # (B, T, T): no step looks ahead
at_once = scores @ v / scores.sum(dim=2, keepdim=True)  # (B, T, d)
same = (looped - at_once).abs().max().item() < 1e-12
assert same
print(f"step by step equals all at once, to 1e-12: {same}")
print(f"numbers kept after {T} steps: {C[0].numel() + u[0].numel()}")
