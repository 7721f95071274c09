"""Two biases per gate: where the second is redundant, and where it is not."""

# %% shift
import torch
import torch.nn as nn

I, H = 10, 20  # noqa: E741


def shifted(layer, k):
    """Take 1 from the input's bias of block k, and give it to the state's."""
    other = type(layer)(I, H, batch_first=True, dtype=torch.float64)
    other.load_state_dict(layer.state_dict())
    block = slice(k * H, (k + 1) * H)
    with torch.no_grad():
        other.bias_ih_l0[block] -= 1
        other.bias_hh_l0[block] += 1
    return other


BLOCKS = {"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"}
torch.manual_seed(0)
x = torch.randn(3, 7, I, dtype=torch.float64)  # (B, T, I)
moved, apart = {}, {}
print("| layer | block | outputs differ by | gradients differ by |")
print("|---|---|---|---|")
for kind, names in BLOCKS.items():
    layer = getattr(nn, kind)(I, H, batch_first=True, dtype=torch.float64)
    y = layer(x)[0]  # (B, T, H)
    b_ih, b_hh = layer.bias_ih_l0, layer.bias_hh_l0  # (G*H) each
    gradients = torch.autograd.grad(y.square().sum(), [b_ih, b_hh])
    for k, name in enumerate(names):
        key = f"{kind.lower()}_{name}"
        gap = (shifted(layer, k)(x)[0] - y).abs().max()
        in_k = [g[k * H:(k + 1) * H] for g in gradients]  # (H) each
        moved[key], apart[key] = gap.item(), (in_k[0] - in_k[1]).norm().item()
        shown = [f"{v:.2f}" if v > 1e-12 else "below 1e-12"
                 for v in (moved[key], apart[key])]
        print(f"| {kind} | {name} |", " | ".join(shown), "|")
