"""What clipping does to a gradient, what it cannot do, and when to call it."""

# %% clip
import torch
import torch.nn as nn

B, T, input_size, H = 16, 40, 10, 64  # batch, steps, ..., hidden_size
BOUND, RATE = 1.0, 0.1  # of the gradient's norm; of learning


class Net(nn.Module):
    def __init__(self, scale, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.rnn = nn.RNN(input_size, H, batch_first=True, dtype=torch.float64)
        # a weight that acts T steps before the loss: the first state
        self.h_0 = nn.Parameter(torch.zeros(1, 1, H, dtype=torch.float64))
        self.x = torch.randn(B, T, input_size).double()  # (B, T, I)
        with torch.no_grad():
            self.rnn.weight_hh_l0 *= scale

    def backward(self):
        self.zero_grad()
        h_0 = self.h_0.expand(1, B, H).contiguous()  # (1, B, H)
        output = self.rnn(self.x, h_0)[0]  # (B, T, H)
        (output[:, -1] - 1).square().sum(dim=1).mean().backward()


def gradient(net):
    return torch.cat([weight.grad.flatten() for weight in net.parameters()])


for scale in (1, 8):  # PyTorch's start, and one that explodes
    net = Net(scale, seed=0)
    net.backward()
    before, old = gradient(net), net.h_0.grad.norm().item()
    nn.utils.clip_grad_norm_(net.parameters(), BOUND)
    after, new = gradient(net), net.h_0.grad.norm().item()
    cosine = torch.cosine_similarity(before, after, dim=0).item()
    print(f"weights x {scale}: norm {before.norm():.1e} to {after.norm():.1e}"
          f", cosine {cosine:.4f}")
    print(f"  share of h_0: {old / before.norm():.1e} before, "
          f"{new / after.norm():.1e} after")

# %% order
for order in ("clip, then step", "step, then clip"):
    net = Net(8, seed=0)
    start = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    optimizer = torch.optim.SGD(net.parameters(), RATE)
    net.backward()
    if order == "clip, then step":
        nn.utils.clip_grad_norm_(net.parameters(), BOUND)
    optimizer.step()
    if order == "step, then clip":  # too late: the weights have moved
        nn.utils.clip_grad_norm_(net.parameters(), BOUND)
    moved = nn.utils.parameters_to_vector(net.parameters()).detach() - start
    print(f"{order}: the weights move by {moved.norm():.1e}")

# %% sweep tags=["hidden"]
import numpy as np

seeds = 7
CUT = 10  # clipping by value: at a tenth of the largest
SPIKE, LATER, LIMIT = 1000.0, 50, 2.0  # of one gradient; steps; its bound


def spread(values):
    low, median, high = np.quantile(values, (0, 0.5, 1)).tolist()
    return {"low": low, "median": median, "high": high}


def measured(scale, seed):
    net = Net(scale, seed)
    net.backward()
    before, old = gradient(net), net.h_0.grad.norm()
    nn.utils.clip_grad_norm_(net.parameters(), BOUND)
    after, new = gradient(net), net.h_0.grad.norm()
    net.backward()
    nn.utils.clip_grad_value_(net.parameters(), before.abs().max() / CUT)
    return {"norm": before.norm(), "clipped": after.norm(),
            "share": old / before.norm(), "share_after": new / after.norm(),
            "cosine": torch.cosine_similarity(before, after, dim=0),
            "by_value": torch.cosine_similarity(before, gradient(net), dim=0)}


def spike(bound, at=100):
    """Adam on a gradient of 1 with one spike: its step LATER, over RATE."""
    weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
    adam = torch.optim.Adam([weight], RATE)
    moves = []
    for t in range(at + LATER + 1):
        weight.grad = torch.full_like(weight, SPIKE if t == at else 1.0)
        if bound:
            nn.utils.clip_grad_norm_([weight], bound)
        last = weight.item()
        adam.step()
        moves.append(last - weight.item())
    return moves[-1] / RATE


_all = {key: [measured(scale, seed) for seed in range(seeds)]
        for key, scale in (("tame", 1), ("wild", 8))}
norm, clipped, share, share_after, cosines, by_value = (
    {key: spread([run[what].item() for run in runs])
     for key, runs in _all.items()}
    for what in ("norm", "clipped", "share", "share_after", "cosine",
                 "by_value"))
turned = max(abs(1 - of["low"]) for of in cosines.values())
assert turned < 1e-12
adam = {"free": spike(None), "clipped": spike(LIMIT)}
