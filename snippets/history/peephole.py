"""Peepholes (Gers and Schmidhuber, 2000), and ONNX Runtime's own."""

# %% step
import torch


def peephole_step(x, h, c, W_ih, W_hh, b, p_i, p_f, p_o):
    """One step of an LSTM whose gates see the cell, one cell a block.

    x (B, I), h and c (B, H) -> h, c (B, H); rows in the order i, f, g, o:
    W_ih (4H, I), W_hh (4H, H), b (4H); p_i, p_f and p_o (H).
    """
    a = x @ W_ih.T + h @ W_hh.T + b  # (B, 4H)
    i, f, g, o = a.chunk(4, dim=1)  # (B, H) each
    # i = σ(a_i + p_i * c), f = σ(a_f + p_f * c): they see the old cell
    i, f = torch.sigmoid(i + p_i * c), torch.sigmoid(f + p_f * c)
    c = f * c + i * torch.tanh(g)
    # o = σ(a_o + p_o * c'): it acts last, and sees the new one
    o = torch.sigmoid(o + p_o * c)
    return o * torch.tanh(c), c  # (B, H) each


# %% onnx
import onnxruntime
from onnx import TensorProto, helper

torch.manual_seed(0)
T, B, H = 10, 3, 8
x = torch.randn(T, B, 4)  # (T, B, I)
W_ih, W_hh = torch.randn(4 * H, 4) / 2, torch.randn(4 * H, H) / 2
b, p_i, p_f, p_o = torch.randn(4 * H), *torch.randn(3, H)

order = torch.arange(4 * H).view(4, H)[[0, 3, 1, 2]].flatten()  # i o f g
feed = {
    "X": x, "W": W_ih[order][None], "R": W_hh[order][None],
    "B": torch.cat([b[order], torch.zeros(4 * H)])[None],
    "P": torch.cat([p_i, p_o, p_f])[None],
}  # fmt: skip
names = ["X", "W", "R", "B", "", "", "", "P"]
node = helper.make_node("LSTM", names, ["Y", "h", "c"], hidden_size=H)
inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape)
          for n, a in feed.items()]
outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None)
           for n in ("h", "c")]
graph = helper.make_graph([node], "peephole", inputs, outputs)
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(graph, opset_imports=opset, ir_version=9)
session = onnxruntime.InferenceSession(model.SerializeToString())
theirs = session.run(None, {n: a.numpy() for n, a in feed.items()})

# %% check
h = c = torch.zeros(B, H)
for x_t in x:  # (B, I)
    h, c = peephole_step(x_t, h, c, W_ih, W_hh, b, p_i, p_f, p_o)
pairs = zip((h, c), map(torch.tensor, theirs), strict=True)
difference = max((a - b[0]).abs().max().item() for a, b in pairs)
assert difference < 1e-5
print("equal to ONNX Runtime, in 32 bits:", difference < 1e-5)
