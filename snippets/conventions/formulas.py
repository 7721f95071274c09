"""The GRU as papers, books and libraries print it, and which of two it is."""

# %% before
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# x (I), h (H); in w: W_r, W_z, W_n (H, I), U_r, U_z, U_n (H, H), biases (H)
# on the input's side b_r, b_z, b_n, on the state's c_r, c_z, c_n
def cho_v3(x, h, w):
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h)
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ h)
    n = np.tanh(w["W_n"] @ x + w["U_n"] @ (r * h))
    return z * h + (1 - z) * n


def chung(x, h, w):
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h)
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ h)
    n = np.tanh(w["W_n"] @ x + w["U_n"] @ (r * h))
    return (1 - z) * h + z * n


def colah(x, h, w):
    W_r, W_z, W = (np.hstack([w["U_" + k], w["W_" + k]]) for k in "rzn")
    z = sigmoid(W_z @ np.concatenate([h, x]))  # W (H, H+I)
    r = sigmoid(W_r @ np.concatenate([h, x]))
    n = np.tanh(W @ np.concatenate([r * h, x]))
    return (1 - z) * h + z * n


def d2l(x, h, w):
    w = {k: v.T for k, v in w.items()}  # W (I, H): rows times matrix
    r = sigmoid(x @ w["W_r"] + h @ w["U_r"] + w["b_r"])
    z = sigmoid(x @ w["W_z"] + h @ w["U_z"] + w["b_z"])
    n = np.tanh(x @ w["W_n"] + (r * h) @ w["U_n"] + w["b_n"])
    return z * h + (1 - z) * n


# %% after
def cho_v1(x, h, w):
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h)
    z = sigmoid(w["W_z"] @ x + w["U_z"] @ h)
    n = np.tanh(w["W_n"] @ x + r * (w["U_n"] @ h))
    return z * h + (1 - z) * n


def flax(x, h, w):
    w = {k: v.T for k, v in w.items()}  # kernel (I, H)
    r = sigmoid(x @ w["W_r"] + w["b_r"] + h @ w["U_r"])
    z = sigmoid(x @ w["W_z"] + w["b_z"] + h @ w["U_z"])
    n = np.tanh(x @ w["W_n"] + w["b_n"] + r * (h @ w["U_n"] + w["c_n"]))
    return (1 - z) * n + z * h


def cudnn(x, h, w):
    i = sigmoid(w["W_z"] @ x + w["U_z"] @ h + w["b_z"] + w["c_z"])
    r = sigmoid(w["W_r"] @ x + w["U_r"] @ h + w["b_r"] + w["c_r"])
    n = np.tanh(w["W_n"] @ x + r * (w["U_n"] @ h + w["c_n"]) + w["b_n"])
    return (1 - i) * n + i * h


# %% which
import onnxruntime
from onnx import TensorProto, helper

I, H, TOLERANCE = 3, 5, 1e-6  # noqa: E741  (ONNX Runtime has float32)


def onnx_gru(x, h, w, after):
    """One step of ONNX's GRU: its z keeps, its reset is before or after."""
    W, R, b, c = (np.concatenate([w[f"{a}_{k}"] for k in "zrn"])
                  for a in "WUbc")
    arrays = x[None], W, R, np.concatenate([b, c]), h[None]
    feed = {k: a[None].astype("float32")
            for k, a in zip("XWRBh", arrays, strict=True)}
    node = helper.make_node("GRU", [*"XWRB", "", "h"], ["", "Y_h"],
                            hidden_size=H, linear_before_reset=int(after))
    describe, float32 = helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [describe(k, float32, v.shape) for k, v in feed.items()]
    outputs = [describe("Y_h", float32, None)]
    graph = helper.make_graph([node], "step", inputs, outputs)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    run = onnxruntime.InferenceSession(model.SerializeToString(), options).run
    return run(["Y_h"], feed)[0][0, 0]


def read(formula, seed=0):
    """Which biases a formula has, what its z does, where its reset is."""
    rng = np.random.default_rng(seed)
    size = {"W": (H, I), "U": (H, H), "b": H, "c": H}
    w = {f"{a}_{k}": rng.normal(size=size[a]) for a in size for k in "rzn"}
    x, h = rng.normal(size=I), rng.normal(size=H)
    has = [k for k in w if k[0] in "bc" and
           (formula(x, h, w) != formula(x, h, w | {k: w[k] + 1})).any()]
    w = {k: v * (k[0] in "WU" or k in has) for k, v in w.items()}
    turned = {k: -v if k[-1] == "z" else v for k, v in w.items()}  # 1 - z
    cases = {(z, place): np.abs(
        formula(x, h, w) - onnx_gru(x, h, v, place == "after")).max()
        for z, v in (("keeps", w), ("writes", turned))
        for place in ("before", "after")}
    (best, off), (_, second) = sorted(cases.items(), key=lambda c: c[1])[:2]
    return best, off.item(), second.item(), has


# %% table
FORMULAS = {
    "Cho et al. 2014, v1": cho_v1, "Cho et al. 2014, v3": cho_v3,
    "Chung et al. 2014": chung, "colah 2015": colah, "D2L": d2l,
    "Flax": flax, "cuDNN": cudnn,
}
COUNTS = {0: "none", 3: "one", 4: "one, but two in n", 6: "two"}
off, runner_up = {}, {}
print("| as printed by | z near 1 | reset | biases per gate |",
      "|---|---|---|---|", sep="\n")
for name, formula in FORMULAS.items():
    (z, place), off[name], runner_up[name], has = read(formula)
    print(f"| {name} | {z} | {place} | {COUNTS[len(has)]} |")
worst, nearest = max(off.values()), min(runner_up.values())
assert worst < TOLERANCE < nearest
