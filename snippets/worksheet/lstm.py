"""Three steps of an LSTM with two units, forward and backward, by pencil."""

# %% weights
import math

DIGITS = 4  # decimals that the pencil keeps of every result
STEPS = (1, 2, 3)
RATE = 1
x = {1: 1, 2: -0.5, 3: 0.8}  # one number for each step
y = [-0.5, 0.5]  # (H), where the last state should be: units p and q
W = {  # per gate, to each unit: from x, from p, from q, bias
    "i": [[0.8, 0.9, -0.5, 0.2], [0.2, 1.3, 0.7, 0.4]],
    "f": [[-0.3, -0.4, 0.9, 1.1], [0.6, 1.0, -0.1, -0.5]],
    "g": [[1.2, 0.6, 0.8, 0.3], [-1.1, 0.7, 0.9, -0.1]],
    "o": [[-1.1, 1.3, -0.9, 0.8], [0.9, -0.4, 0.7, 0.8]],
}

# %% forward


def keep(number):
    """What is written down of a number."""
    return round(number, DIGITS) + 0.0


def sigma(number):
    return 1 / (1 + math.exp(-number))


def seen(t, h):
    """What every row of W is multiplied by at step t."""
    return [x[t], *h[t - 1], 1]


def weigh(row, met):
    """The sum of each weight times what it meets."""
    return sum(w * number for w, number in zip(row, met, strict=True))


def forward(W):
    """Per step and unit the sums a, gates v, cell c, s = tanh(c), state h."""
    a, v, s, c, h = {}, {}, {}, {0: [0, 0]}, {0: [0, 0]}
    for t in STEPS:
        for gate in "ifgo":
            bend = math.tanh if gate == "g" else sigma
            a[gate, t] = [keep(weigh(row, seen(t, h))) for row in W[gate]]
            v[gate, t] = [keep(bend(number)) for number in a[gate, t]]
        i, f, g, o = (v[gate, t] for gate in "ifgo")
        # c_t = f_t c_{t-1} + i_t g_t, h_t = o_t tanh(c_t)
        c[t] = [keep(f[j] * c[t - 1][j] + i[j] * g[j]) for j in (0, 1)]
        s[t] = [keep(math.tanh(number)) for number in c[t]]
        h[t] = [keep(o[j] * s[t][j]) for j in (0, 1)]
    e = [keep(h[3][j] - y[j]) for j in (0, 1)]
    return a, v, s, c, h, e, keep((e[0] ** 2 + e[1] ** 2) / 2)


a, v, s, c, h, e, loss = forward(W)
for t in STEPS:
    print(f"h_{t} = {h[t][0]:7.4f} {h[t][1]:7.4f}")
print(f"loss {loss:.4f}")

# %% backward


def backward(W, v, s, c, e):
    """The loss's gradients by the states h and c, and by the sums a."""
    dh, dc, da = {3: e}, {}, {}
    for t in (3, 2, 1):
        i, f, g, o = (v[gate, t] for gate in "ifgo")
        on = [dc[t + 1][j] * v["f", t + 1][j] if t < 3 else 0 for j in (0, 1)]
        slope = [o[j] * (1 - s[t][j] ** 2) for j in (0, 1)]  # of h by c
        dc[t] = [keep(dh[t][j] * slope[j] + on[j]) for j in (0, 1)]
        for j in (0, 1):
            da["i", t, j] = keep(dc[t][j] * g[j] * i[j] * (1 - i[j]))
            da["f", t, j] = keep(dc[t][j] * c[t - 1][j] * f[j] * (1 - f[j]))
            da["g", t, j] = keep(dc[t][j] * i[j] * (1 - g[j] ** 2))
            da["o", t, j] = keep(dh[t][j] * s[t][j] * o[j] * (1 - o[j]))
        if t > 1:  # through all four gates of both units
            ways = [(gate, j) for gate in "ifgo" for j in (0, 1)]
            dh[t - 1] = [
                keep(sum(W[gate][j][k] * da[gate, t, j] for gate, j in ways))
                for k in (1, 2)
            ]
    return dh, dc, da


def by_weights(da, h):
    """The gradients by the weights, laid out as W: summed over time."""

    def total(gate, j, k):
        return keep(sum(da[gate, t, j] * seen(t, h)[k] for t in STEPS))

    return {
        gate: [[total(gate, j, k) for k in range(4)] for j in (0, 1)]
        for gate in "ifgo"
    }


dh, dc, da = backward(W, v, s, c, e)
dW = by_weights(da, h)
W_new = {
    gate: [[keep(W[gate][j][k] - RATE * dW[gate][j][k]) for k in range(4)]
           for j in (0, 1)]
    for gate in "ifgo"
}  # fmt: skip
loss_new = forward(W_new)[-1]
print(f"loss {loss:.4f}, after one step of descent {loss_new:.4f}")

# %% layout tags=["hidden"]
import re

GIVEN = re.compile(r"[wb](\^\w)?_|[xy]_|[hc]_0|η")
parts = {}  # name -> rows; a row is a heading, or finds with their rules


def text(name):
    """A number as it stands on paper."""
    plain = f"{value[name]:g}" if GIVEN.match(name) else f"{value[name]:.4f}"
    return plain.replace("-", "−")


def tex(name):
    """h_1p -> h_{1\\mathrm{p}}: quantities in italics, labels upright."""
    name = re.sub(r"\^(\w)", r"^{\\mathrm{\1}}", name)
    name = re.sub(r"_(\d?)([a-z]+)", r"_{\1\\mathrm{\2}}", name)
    return name.replace("δ", r"\delta ").replace("η", r"\eta")


def flip(match):
    """+ (−2) -> − 2"""
    return f"{'−' if match[1] == '+' else '+'} {match[2]}"


def fill(rule, answers):
    """A rule with numbers put in; what is to be found stays a symbol."""

    def put(match):
        name = match[1]
        if not answers and not GIVEN.match(name):
            return f"${tex(name)}$"
        follows = rule[: match.start()].endswith(" ")
        squared = rule[match.end() :].startswith("²")
        negative = text(name).startswith("−") and (follows or squared)
        return f"({text(name)})" if negative else text(name)

    filled = re.sub(r"\[([^]]+)\]", put, rule)
    return re.sub(r"([+−]) \(−([\d.]+)\)(?!²)", flip, filled)


def both(find, rule):
    """A row for unit p and unit q, whose letter takes the place of ?"""
    units = "pq" if "?" in find else "p"
    return [(find.replace("?", u), rule.replace("?", u)) for u in units]


def weighted(t, key="", new=""):
    """The rule of a weighted sum at step t; primes mark new weights."""
    prime = new if t > 1 else ""  # the first state is given
    terms = [f"[w{new}{key}_?x] · [x_{t}]"]
    terms += [f"[w{new}{key}_?{k}] · [h{prime}_{t - 1}{k}]" for k in "pq"]
    return " + ".join([*terms, f"[b{new}{key}_?]"])


def over_time(a, key="", sources="xpq"):
    """Rows for the gradients by a sum's weights; h_0 is 0 and adds none."""
    rows = []
    for k in sources:
        met = {t: f"[x_{t}]" if k == "x" else f"[h_{t - 1}{k}]" for t in STEPS}
        terms = [f"[δ{a}_{t}?] · {met[t]}" for t in STEPS if k == "x" or t > 1]
        rows.append(both(f"δw{key}_?{k}", " + ".join(terms)))
    terms = [f"[δ{a}_{t}?]" for t in STEPS]
    return [*rows, both(f"δb{key}_?", " + ".join(terms))]


def table(part, answers):
    """Print a part with blanks or with its answers; rows count through."""
    print("| row | find | unit p | value | find | unit q | value |")
    print("|---|---|---|---|---|---|---|")
    count = 0
    for name, rows in parts.items():
        for row in rows:
            count += not isinstance(row, str)
            cells = [f"**{row}**" if isinstance(row, str) else f"{ROW}{count}"]
            for find, rule in row if cells[0][0] != "*" else []:
                found = f"**{text(find)}**" if answers else ""
                cells += [f"${tex(find)}$", fill(rule, answers), found]
            if name == part:
                print("|", " | ".join((cells + [""] * 6)[:7]), "|")


def given(to, names):
    """A row of the table of weights."""
    cells = [f"${tex(n)} = {value[n]:g}$" if n else "–" for n in names]
    print("|", " | ".join([to, *cells]), "|")

# %% rows tags=["hidden"]
ROW = "L"


def everything():
    """Every number of the worksheet, by name."""
    a, v, s, c, h, e, loss = forward(W)
    dh, dc, da = backward(W, v, s, c, e)
    dW = by_weights(da, h)
    out = {"L": loss} | {f"x_{t}": x[t] for t in STEPS}
    for j, u in enumerate("pq"):
        out |= {f"y_{u}": y[j], f"e_{u}": e[j]}
        out |= {f"h_0{u}": h[0][j], f"c_0{u}": c[0][j]}
        for t in STEPS:
            out |= {f"c_{t}{u}": c[t][j], f"s_{t}{u}": s[t][j]}
            out |= {f"δc_{t}{u}": dc[t][j], f"δh_{t}{u}": dh[t][j]}
            out[f"h_{t}{u}"] = h[t][j]
        for gate in "ifgo":
            for t in STEPS:
                out[f"a^{gate}_{t}{u}"] = a[gate, t][j]
                out[f"δa^{gate}_{t}{u}"] = da[gate, t, j]
                out[f"{gate}_{t}{u}"] = v[gate, t][j]
            for mark, matrix in (("", W), ("δ", dW)):
                for k, source in enumerate("xpq"):
                    out[f"{mark}w^{gate}_{u}{source}"] = matrix[gate][j][k]
                out[f"{mark}b^{gate}_{u}"] = matrix[gate][j][3]
    return out


value = everything()
rows = parts["forward"] = []
for t in STEPS:
    rows.append(f"Step {t}")
    for gate in "ifgo":
        bend = "tanh" if gate == "g" else "σ"
        rows.append(both(f"a^{gate}_{t}?", weighted(t, f"^{gate}")))
        rows.append(both(f"{gate}_{t}?", f"{bend}([a^{gate}_{t}?])"))
    kept = f"[f_{t}?] · [c_{t - 1}?] + [i_{t}?] · [g_{t}?]"
    rows.append(both(f"c_{t}?", kept))
    rows.append(both(f"s_{t}?", f"tanh([c_{t}?])"))
    rows.append(both(f"h_{t}?", f"[o_{t}?] · [s_{t}?]"))
rows += ["Loss", both("e_?", "[h_3?] − [y_?]")]
rows.append(both("L", "½ · ([e_p]² + [e_q]²)"))
rows = parts["backward"] = ["Step 3", both("δh_3?", "[e_?]")]
for t in (3, 2, 1):
    n, on = t + 1, ""
    if t < 3:
        ways = [(gate, to) for gate in "ifgo" for to in "pq"]
        terms = [f"[w^{g}_{to}?] · [δa^{g}_{n}{to}]" for g, to in ways]
        rows += [f"Step {t}", both(f"δh_{t}?", " + ".join(terms))]
        on = f" + [δc_{n}?] · [f_{n}?]"
    slope = f"[δh_{t}?] · [o_{t}?] · (1 − [s_{t}?]²)"
    rows.append(both(f"δc_{t}?", slope + on))
    for gate, seen_by in (("i", f"g_{t}"), ("f", f"c_{t - 1}")):
        slope = f"[{gate}_{t}?] · (1 − [{gate}_{t}?])"
        rule = f"[δc_{t}?] · [{seen_by}?] · {slope}"
        rows.append(both(f"δa^{gate}_{t}?", rule))
    rule = f"[δc_{t}?] · [i_{t}?] · (1 − [g_{t}?]²)"
    rows.append(both(f"δa^g_{t}?", rule))
    rule = f"[δh_{t}?] · [s_{t}?] · [o_{t}?] · (1 − [o_{t}?])"
    rows.append(both(f"δa^o_{t}?", rule))
rows = parts["sums"] = ["Sums"]
for gate in "ifgo":
    rows += over_time(f"a^{gate}", f"^{gate}")

# %% rounding tags=["hidden"]
count = len([name for name in value if not GIVEN.match(name)])
DIGITS = 15
exact = everything()
DIGITS = 4
rounding = max(abs(value[name] - exact[name]) for name in value)
rounding = math.ceil(rounding * 1e5) / 1e5  # "no more than" stays true
assert rounding < 5e-4

# %% weights_given tags=["hidden"]
KINDS = {"i": "input gate", "f": "forget gate", "g": "candidate"}
print("| to | from the input | from unit p | from unit q | bias |")
print("|---|---|---|---|---|")
for gate in "ifgo":
    for u in "pq":
        names = [f"w^{gate}_{u}{k}" for k in "xpq"]
        kind = KINDS.get(gate, "output gate")
        given(f"{kind}, unit {u}", [*names, f"b^{gate}_{u}"])

# %% blank_forward tags=["hidden"]
table("forward", answers=False)

# %% blank_backward tags=["hidden"]
table("backward", answers=False)

# %% blank_sums tags=["hidden"]
table("sums", answers=False)

# %% answer_forward tags=["hidden"]
table("forward", answers=True)

# %% answer_backward tags=["hidden"]
table("backward", answers=True)

# %% answer_sums tags=["hidden"]
table("sums", answers=True)
