"""Reset before or after the product: no weights turn one into the other."""

# %% steps
import torch


def step(place, x, h, W_ih, W_hh, b_ih, b_hh):
    """A GRU step, its reset "before" or "after" the product."""
    r_x, z_x, n_x = (x @ W_ih.T + b_ih).chunk(3, -1)  # (B, H) each
    W_hr, W_hz, W_hn = W_hh.chunk(3)  # (H, H) each
    b_hr, b_hz, b_hn = b_hh.chunk(3)  # (H) each
    r = torch.sigmoid(r_x + h @ W_hr.T + b_hr)  # (B, H)
    z = torch.sigmoid(z_x + h @ W_hz.T + b_hz)  # (B, H)
    seen = {"after": r * (h @ W_hn.T + b_hn),
            "before": (r * h) @ W_hn.T + b_hn}[place]  # (B, H)
    n = torch.tanh(n_x + seen)  # (B, H)
    return (1 - z) * n + z * h  # (B, H)


# %% witness
H = 2
W_ih = torch.zeros(3 * H, 1).double()
W_hh = torch.zeros(3 * H, H).double()
b = torch.zeros(3 * H).double()
W_ih[0] = 1  # r_1 = sigmoid(x); r_2 and z stay at 1/2
W_hh[2 * H:] = 1  # W_hn: every unit looks at both


def looks(place, x):
    """How strongly n_k (rows) reacts to h_j (columns), at h = 0."""
    x = torch.tensor([x], dtype=torch.float64)  # (I)

    def f(h):
        return step(place, x, h, W_ih, W_hh, b, b)

    slopes = torch.func.jacrev(f)(torch.zeros(H).double())  # (H, H)
    return 2 * slopes - torch.eye(H)  # without z = 1/2, the old state's share


print("           n_1 sees  | n_2 sees")
print("           h_1  h_2  | h_1  h_2")
for place in ("after", "before"):
    for x in (-2.0, 2.0):
        (a, b_), (c, d) = looks(place, x).tolist()
        print(f"{place:6} x={x:2.0f}  {a:.2f} {b_:.2f} | {c:.2f} {d:.2f}")

# %% same
torch.manual_seed(0)
x, h = torch.randn(5, 2).double(), torch.randn(5, 3).double()  # (B, I), (B, H)
weights = [torch.randn(9, k).double() for k in (2, 3)]  # W_ih, W_hh
weights += [torch.randn(9).double() for _ in "ih"]  # b_ih, b_hh


def off(after, before):
    """The largest difference between the two forms, each with its weights."""
    new = step("after", x, h, *after), step("before", x, h, *before)
    return (new[0] - new[1]).abs().max().item()


def with_n(W_hn, b_hn, weights=weights):
    """The same weights with another block for the candidate."""
    W_ih, W_hh, b_ih, b_hh = (w.clone() for w in weights)
    W_hh[6:], b_hh[6:] = W_hn, b_hn
    return [W_ih, W_hh, b_ih, b_hh]


scale = torch.tensor([0.5, -2.0, 3.0]).double()
lone = with_n(scale.diag(), 0.0)  # each unit looks at itself
biased = with_n(scale.diag(), 1.0)
ring = with_n(scale.diag().roll(1, 0), 0.0)  # each at one other unit
moved = [w.clone() for w in ring]
for w in moved:  # r sits with the unit that looks; here, with the one seen
    w[:3] = w[:3].roll(-1, 0)
still = [w.clone() for w in weights]
still[0][:3], still[1][:3] = 0.0, 0.0  # r depends on nothing
r = torch.sigmoid(still[2][:3] + still[3][:3])  # (H)
folded = with_n(r[:, None] * still[1][6:] / r, r * still[3][6:], still)
cases = {
    "any weights": (weights, weights),
    "`W_hn` diagonal, `b_hn` = 0": (lone, lone),
    "`W_hn` diagonal, `b_hn` = 1": (biased, biased),
    "one entry per row and column, `b_hn` = 0": (ring, ring),
    "the same, `r` moved to the unit that is seen": (ring, moved),
    "`r` constant": (still, still),
    "the same, `r` folded into `W_hn`, `b_hn`": (still, folded),
}
offs = {name: off(*pair) for name, pair in cases.items()}
print("| weights | largest difference |\n|---|---|")
for name, value in offs.items():
    shown = "below 1e-12" if value < 1e-12 else f"{value:.2f}"
    print(f"| {name} | {shown} |")

# %% fit tags=["hidden"]
# Fit both forms, from many starts, to one step of a reset-after GRU.
TEACHERS, STARTS, ROUNDS, POINTS = 5, 10, 40, 50
SHAPES = [(6, 1), (6, 2), (6,), (6,)]  # I = 1, H = 2
SIZE = 30


def unpack(flat):
    """The four tensors that lie in one vector (30)."""
    parts = flat.split([6, 12, 6, 6])
    return [w.reshape(s) for w, s in zip(parts, SHAPES, strict=True)]


def fit(place, teacher):
    """Levenberg and Marquardt's least squares: what is left of each start."""
    generator = torch.Generator().manual_seed(teacher)
    form = {"generator": generator, "dtype": torch.float64}
    x = torch.randn(POINTS, 1, **form)
    h = torch.rand(POINTS, 2, **form) * 2 - 1  # where states can be
    truth = torch.randn(SIZE, **form)
    target = step("after", x, h, *unpack(truth))
    far = torch.linspace(0.1, 2, STARTS)[:, None]  # from near by to anywhere
    flat = truth + far * torch.randn(STARTS, SIZE, **form)

    def miss(flat):
        return (step(place, x, h, *unpack(flat)) - target).flatten()

    misses, slopes = torch.vmap(miss), torch.vmap(torch.func.jacfwd(miss))
    damp, e = torch.full((STARTS, 1), 1e-2).double(), misses(flat)
    for _ in range(ROUNDS):
        J = slopes(flat)  # (STARTS, 2 * POINTS, SIZE)
        A = J.mT @ J + damp[..., None] * torch.eye(SIZE)
        trial = flat - torch.linalg.solve(A, (J.mT @ e[..., None])[..., 0])
        new = misses(trial)
        better = new.norm(dim=1, keepdim=True) < e.norm(dim=1, keepdim=True)
        flat, e = torch.where(better, trial, flat), torch.where(better, new, e)
        damp = torch.where(better, damp / 5, damp * 4).clamp(1e-12, 1e8)
    return e.square().mean(1).sqrt()


left = {place: [fit(place, seed).min().item() for seed in range(TEACHERS)]
        for place in ("before", "after")}
low, high = min(left["before"]), max(left["before"])
control = max(left["after"])
assert control < 1e-9 and low > 1e-4
