"""The net of 1997 at its own size: 93 weights, one sequence at a time."""

# %% net
import numpy as np

BLOCKS, SIZE, RATE = 2, 2, 0.5  # G, S and learning rate of experiment 4


def forward(W, V, x, G, S):
    """R nets side by side, each over its own sequence: x (T, R, inputs).

    G blocks of S cells, H = G * S. W (R, 2G + H, inputs + 2G + H + 1) holds
    rows for input gates, output gates and cells; columns for the input, the
    gates and cells of the last step, and the bias. V (R, outputs, H + 1).
    """
    (T, R, inputs), H = x.shape, G * S
    U = np.zeros((T + 1, R, W.shape[2]))  # all that the units see
    U[:T, :, :inputs], U[..., -1] = x, 1
    A, c = np.empty((T, R, 2 * G + H)), np.zeros((R, G, S))
    for t in range(T):
        # tanh(a / 2) is the logistic function, stretched to -1 to 1
        A[t] = np.tanh(np.matmul(W, U[t, ..., None])[..., 0] / 2)
        i_o = (1 + A[t, :, :2 * G]) / 2  # (R, 2G): gates, from 0 to 1
        g = 2 * A[t, :, 2 * G:].reshape(R, G, S)  # from -2 to 2
        c += i_o[:, :G, None] * g  # a block shares its gates
        h = i_o[:, G:, None] * np.tanh(c / 2)  # (R, G, S)
        U[t + 1, :, inputs:inputs + 2 * G] = i_o
        U[t + 1, :, inputs + 2 * G:-1] = h.reshape(R, H)
    p = np.matmul(V, U[T, :, -1 - H:, None])[..., 0]  # (R, outputs)
    return (1 + np.tanh(p / 2)) / 2, U, A, c


# %% learn
def learn(V, y, p, U, A, c):
    """The truncated gradient, downhill, for targets y: shapes of W and V."""
    (T, R, _), (_, G, S) = A.shape, c.shape
    d = (y - p) * p * (1 - p)  # (R, outputs)
    dV = d[..., None] * U[T, :, None, -1 - G * S:]
    e = np.einsum("ro,roh->rh", d, V[..., :-1]).reshape(R, G, S)
    i = (1 + A[..., :G]) / 2  # (T, R, G)
    o = (1 + A[-1, :, G:2 * G]) / 2  # (R, G)
    a = A[..., 2 * G:].reshape(T, R, G, S)
    squashed = np.tanh(c / 2)
    # the carousel, c' = c + i * g: one error for every step
    d_c = e * o[..., None] * (1 - squashed**2) / 2  # (R, G, S)
    D = np.zeros_like(A)
    D[..., :G] = (d_c * 2 * a).sum(axis=3) * i * (1 - i)
    D[-1, :, G:2 * G] = (e * squashed).sum(axis=2) * o * (1 - o)
    D[..., 2 * G:] = (d_c * i[..., None] * (1 - a**2)).reshape(T, R, G * S)
    dW = np.matmul(D.transpose(1, 2, 0), U[:T].transpose(1, 0, 2))
    return dW, dV


# %% start
def start(rng, R, inputs, outputs, G, S, input_bias):
    """R nets with weights from -0.1 to 0.1 and given input gate biases."""
    H = G * S
    W = rng.uniform(-0.1, 0.1, (R, 2 * G + H, inputs + 2 * G + H + 1))
    V = rng.uniform(-0.1, 0.1, (R, outputs, H + 1))
    W[:, :G, -1] = input_bias
    return W, V


BIASES = (-3, -6)  # of the two input gates
rng = np.random.default_rng(0)
W, V = start(rng, 1, 2, 1, BLOCKS, SIZE, BIASES)
weights = W.size + V.size
print("weights:", W.size, "+", V.size, "=", weights)
x, y = rng.uniform(-1, 1, (100, 1, 2)), np.array([[0.9]])
before, *seen = forward(W, V, x, BLOCKS, SIZE)
dW, dV = learn(V, y, before, *seen)
W, V = W + RATE * dW, V + RATE * dV
after, *_ = forward(W, V, x, BLOCKS, SIZE)
print(f"target 0.9, output {before.item():.2f}, then {after.item():.2f}")

# %% study tags=["hidden"]
TEST, WINDOW, BIN = 2560, 2000, 1000
TASKS = {  # budget, limits, inputs, outputs, input gate biases
    "adding": (200_000, (0.04, 0.01), 2, 1, BIASES),
    "order": (100_000, (0.3, 0.1), 8, 4, (-2, -4))}
TRIALS, T_MIN = 10, 100


def adding(R, rng):
    """R sequences of experiment 4, all of one random length: x, y."""
    n, r = rng.integers(T_MIN, T_MIN + T_MIN // 10 + 1), np.arange(R)
    x = np.zeros((n, R, 2))
    x[..., 0] = rng.uniform(-1, 1, (n, R))
    x[0, :, 1] = x[-1, :, 1] = -1
    one, two = rng.integers(0, 10, R), rng.integers(0, T_MIN // 2 - 1, R)
    two += two >= one
    x[one, r, 1] = x[two, r, 1] = 1
    x[0, :, 0] *= x[0, :, 1] < 0  # the first pair counts 0 if marked
    return x, 0.5 + (x[one, r, 0] + x[two, r, 0])[:, None] / 4


def order(R, rng):
    """R sequences of experiment 6a, all of one random length: x, y."""
    n, r = rng.integers(100, 111), np.arange(R)
    symbol = rng.integers(0, 4, (n, R))
    first, second = rng.integers(0, 2, (2, R))
    symbol[rng.integers(10, 21, R) - 1, r] = 4 + first
    symbol[rng.integers(50, 61, R) - 1, r] = 4 + second
    symbol[0], symbol[-1] = 6, 7
    return np.eye(8)[symbol], np.eye(4)[2 * first + second]


def solved(worst, average, limit, mean_limit):
    """Which nets have solved it? The last errors: (up to WINDOW, R) each."""
    fine = average.mean(axis=0) < mean_limit
    return (len(worst) == WINDOW) & (worst < limit).all(axis=0) & fine


def run(task, seed):
    """TRIALS nets side by side: online until solved, then TEST new ones."""
    budget, limits, inputs, outputs, bias = TASKS[task]
    rng, n = np.random.default_rng(seed), 0
    W, V = start(rng, TRIALS, inputs, outputs, BLOCKS, SIZE, bias)
    worst, average = np.ones((2, budget + TEST, TRIALS))
    until = np.full(TRIALS, budget)  # how many each learns from
    while n < until.max() + TEST:
        x, y = {"adding": adding, "order": order}[task](TRIALS, rng)
        p, *seen = forward(W, V, x, BLOCKS, SIZE)
        worst[n] = np.abs(y - p).max(axis=1)  # before it learns from them
        average[n] = np.abs(y - p).mean(axis=1)
        n += 1
        last = slice(max(0, n - WINDOW), n)
        done = solved(worst[last], average[last], *limits)
        until = np.where(done, np.minimum(until, n), until)
        dW, dV = learn(V, y, p, *seen)
        on = (n < until)[:, None, None]
        W, V = W + RATE * on * dW, V + RATE * on * dV
    return report(worst, average, until.tolist(), budget, limits[0])


def report(worst, average, until, budget, limit):
    """What the record keeps of each net."""
    new = [(k, slice(n, n + TEST)) for k, n in enumerate(until)]
    old = [(k, slice(n)) for k, n in enumerate(until)]
    return {"solved": [n if n < budget else 0 for n in until],
            "right": [all_right(worst[i, k] < limit) for k, i in old],
            "wrong": [int((worst[i, k] >= limit).sum()) for k, i in new],
            "test_error": [average[i, k].mean() for k, i in new],
            "curve": [[average[n:n + BIN, k].mean().round(5) for n in
                       range(0, i.stop - BIN + 1, BIN)] for k, i in old]}


def all_right(right):
    """After how many were the last WINDOW right for the first time? Or 0."""
    edges = np.array([-1, *np.flatnonzero(~right), len(right)])
    long = np.flatnonzero(np.diff(edges) > WINDOW)
    return int(edges[long[0]]) + 1 + WINDOW if len(long) else 0


plan = {task: {"task": task, "seed": seed}
        for seed, task in enumerate(TASKS, 10)}

# %% sweep tags=["recorded"]
runs = {key: run(**settings) for key, settings in plan.items()}

# %% summary tags=["hidden"]
import statistics

PUBLISHED = {  # Tables 7 and 9 of the paper: means of 10 and of 20 trials
    "adding": {"sequences": 74_000, "wrong": 1, "weights": 93},
    "order": {"sequences": 31_390, "wrong": 1, "weights": 156}}


def spread(values):
    low, *_, high = sorted(values)
    return {"low": low, "median": statistics.median(values), "high": high,
            "mean": statistics.mean(values)}


def summed_up(result, mean_limit):
    """One row of the table, from its ten trials."""
    times = [n for n in result["solved"] if n]
    fine = [next(BIN * (k + 1) for k, e in enumerate(curve) if e < mean_limit)
            for curve in result["curve"]]  # by the mean alone, to BIN
    return {"solved": len(times), "fine": spread(fine),
            "wrong": spread(result["wrong"]),
            "test_error": spread(result["test_error"]),
            **({"sequences": spread(times)} if times else {})}


trials = TRIALS
rows = {key: summed_up(r, TASKS[key][1][1]) for key, r in runs.items()}
budget = {key: TASKS[key][0] for key in runs}
_W, _V = start(rng, 1, *TASKS["order"][2:4], BLOCKS, SIZE, TASKS["order"][4])
order_weights = _W.size + _V.size

# %% figure tags=["hidden"]
import matplotlib.pyplot as plt

LSTM, MUTED = "#1e1b6b", "#5c6370"
fig, ax = plt.subplots(figsize=(4.8, 3.2), layout="constrained")
ax.axhline(0.01, color=MUTED, linestyle="--", linewidth=1)
ax.axvline(74_000, color=MUTED, linestyle=":", linewidth=1)
ax.text(78_000, 0.19, "1997: 74,000", color=MUTED, va="top")
ax.text(198_000, 0.0104, "asked for", color=MUTED, ha="right", va="bottom")
_run = runs["adding"]
for _net, _end in enumerate(_run["solved"]):
    _line = _run["curve"][_net]
    _at = [BIN * (k + 1) for k in range(len(_line))]
    ax.plot(_at, _line, color=LSTM, linewidth=1)
    ax.plot(_at[-1], _line[-1], "s" if _end else "x", color=LSTM)
ax.set(yscale="log", ylim=(0.004, 0.22), xlabel="sequences seen",
       ylabel="mean absolute error")
ax.set_xticks([0, 100_000, 200_000], ["0", "100,000", "200,000"])
ax.set_yticks([0.01, 0.03, 0.1], ["0.01", "0.03", "0.1"])
ax.minorticks_off()
plt.show()
