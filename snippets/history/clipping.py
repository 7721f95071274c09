"""What Pascanu, Mikolov and Bengio (2013) prove, and how they clip."""

# %% bound
import torch


def jacobian(W, h):
    """Of h = tanh(W h_before + ...) by h_before, where h is (H)."""
    # ∂h_t / ∂h_{t-1} = diag(1 - h_t²) W
    return (1 - h**2)[:, None] * W  # (H, H)


torch.manual_seed(0)
W = torch.randn(16, 16, dtype=torch.float64)
gamma, largest = 1.0, 0.95  # steepest slope of tanh, singular value of W
W *= largest / torch.linalg.matrix_norm(W, 2)
product, held = torch.eye(16, dtype=torch.float64), True
h = torch.zeros(16, dtype=torch.float64)
for k in range(1, 101):
    h = torch.tanh(W @ h + torch.randn(16, dtype=torch.float64))
    product = jacobian(W, h) @ product  # (H, H)
    norm = torch.linalg.matrix_norm(product, 2).item()
    held &= norm <= (gamma * largest) ** k
print(f"largest singular value {largest}, bound held {k} times:", held)

# %% eigenvalue
W = torch.tensor([[2.0, 4.0], [-1.0, -2.0]], dtype=torch.float64)
h = torch.tensor([0.0, 0.8], dtype=torch.float64)
constant = torch.atanh(h) - W @ h  # with this input h stays where it is


def growth(k):
    """Of a gradient sent back over k such steps: its largest factor."""

    def steps(h):
        for _ in range(k):
            h = torch.tanh(W @ h + constant)
        return h

    product = torch.autograd.functional.jacobian(steps, h)  # (H, H)
    return torch.linalg.matrix_norm(product, 2).item()


zero = not (W @ W).any()
print("W times W is zero, and so is each eigenvalue:", zero)
grown = {f"after_{k}": growth(k) for k in (10, 20, 30)}
for name, factor in grown.items():
    print(f"gradient {name.replace('_', ' ')} steps: {factor:,.0f} times")

# %% clip
def clip(gradients, threshold):
    """Rescale the gradients together if their norm passes a threshold."""
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    if norm >= threshold:
        # d' = τ / ‖d‖ * d
        gradients = [threshold / norm * g for g in gradients]
    return gradients


layer = torch.nn.RNN(4, 8)
(layer(torch.randn(30, 3, 4))[0] ** 2).sum().backward()
ours = clip([p.grad.clone() for p in layer.parameters()], 1.0)
torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
same = all(torch.allclose(g, p.grad, rtol=1e-5)
           for g, p in zip(ours, layer.parameters(), strict=True))
print("as torch clips:", same)
