"""What goes into a recurrent layer and what comes out, by PyTorch's word."""

# %% layer
import torch
from torch import nn

B, T = 3, 12  # sequences, and steps of each
layer = nn.LSTM(
    10, 20, num_layers=2, batch_first=True, bidirectional=True
)
output, (h_n, c_n) = layer(torch.randn(B, T, 10))
print("output", tuple(output.shape))
print("h_n   ", tuple(h_n.shape))
print("c_n   ", tuple(c_n.shape))

# %% parameters
for name, weight in list(layer.named_parameters())[:5]:
    print(f"{name:21} {tuple(weight.shape)}")
total = sum(weight.numel() for weight in layer.parameters())
print("and so on, in all:", total)

# %% letters tags=["hidden"]
# Sizes that no product mixes up, so that each can be read back.
SIZES = {"T": 11, "B": 13, "I": 17, "H": 19, "P": 7}
LETTERS = {size: letter for letter, size in SIZES.items()}
LETTERS |= {3: "L", 6: "D·L", 38: "D·H", 14: "D·P", 57: "3·H", 76: "4·H"}


def letters(tensor):
    """The shape of a tensor, each size by its letter."""
    return f"({', '.join(LETTERS[size] for size in tensor.shape)})"


def tensors(unbatched=False, **options):
    """The shapes of all that goes in and comes out."""
    settings = {"num_layers": 3, "bidirectional": True, **options}
    settings["dtype"] = torch.float64  # for float32 oneDNN would warn
    made = nn.LSTM(SIZES["I"], SIZES["H"], **settings)
    sizes = [SIZES["T"]] if unbatched else [SIZES["T"], SIZES["B"]]
    if options.get("batch_first"):
        sizes.reverse()
    x = torch.zeros(*sizes, SIZES["I"], dtype=torch.float64)
    y, (h, c) = made(x)
    made(x, (torch.zeros_like(h), torch.zeros_like(c)))  # they go in, too
    return [letters(one) for one in (x, h, c, y, h, c)]


# %% tensors tags=["hidden"]
names = ["input", "`h_0`", "`c_0`", "`output`", "`h_n`", "`c_n`"]
columns = [
    tensors(),
    tensors(batch_first=True),
    tensors(unbatched=True),
    tensors(proj_size=SIZES["P"]),
]
print("| | default | `batch_first` | unbatched | `proj_size=P` |")
print("|---|---|---|---|---|")
for name, *row in zip(names, *columns, strict=True):
    print(f"| {name} | {' | '.join(row)} |")

# %% weights tags=["hidden"]
sizes = (SIZES["I"], SIZES["H"], 3)
layers = {
    "RNN": nn.RNN(*sizes, bidirectional=True),
    "LSTM": nn.LSTM(*sizes, bidirectional=True),
    "LSTM, `proj_size=P`": nn.LSTM(
        *sizes, bidirectional=True, proj_size=SIZES["P"]
    ),
    "GRU": nn.GRU(*sizes, bidirectional=True),
}
print(f"| parameter | {' | '.join(layers)} |")
print("|---" * 5 + "|")
for name, _ in layers["LSTM, `proj_size=P`"].named_parameters():
    if name.endswith(("l0", "weight_ih_l1")):
        every = [one.state_dict().get(name) for one in layers.values()]
        row = ["–" if one is None else letters(one) for one in every]
        print(f"| `{name}` | {' | '.join(row)} |")
