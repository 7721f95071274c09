"""Three steps of a GRU with two units, forward and backward, by pencil."""

# %% weights
import math

DIGITS = 4  # decimals that the pencil keeps of every result
STEPS = (1, 2, 3)
RATE = 1
x = {1: 1, 2: -0.5, 3: 0.8}  # one number for each step
y = [-0.5, 0.5]  # (H), where the last state should be: units p and q
W = {  # to each unit: from x, from p, from q, bias
    "r": [[0.9, -0.6, 1.2, 0.3], [-0.5, 0.3, 0.4, 0.6]],
    "z": [[-0.8, 1.3, 0.6, -0.5], [-0.9, 0.7, -1.0, -0.6]],
    "m": [[0, 1.1, -0.7, 0.2], [0, -0.5, 0.8, -0.3]],  # W_hn, b_hn: no x
    "n": [[0.9, 0, 0, 0.4], [-1.2, 0, 0, 0.5]],  # W_in, b_in: no h
}

# %% forward


def keep(number):
    """What is written down of a number."""
    return round(number, DIGITS) + 0.0


def sigma(number):
    return 1 / (1 + math.exp(-number))


def seen(key, t, h):
    """What the rows of W are multiplied by: m has no x, n has no h."""
    p, q = h[t - 1] if key != "n" else [0, 0]
    return [x[t] if key != "m" else 0, p, q, 1]


def weigh(row, met):
    """The sum of each weight times what it meets."""
    return sum(w * number for w, number in zip(row, met, strict=True))


def forward(W):
    """Per step and unit the sums a, what comes of them v, and the state h."""
    a, v, h = {}, {}, {0: [0, 0]}
    for t in STEPS:
        total = {
            key: [weigh(row, seen(key, t, h)) for row in W[key]]
            for key in "rzmn"
        }
        for gate in "rz":
            a[gate, t] = [keep(number) for number in total[gate]]
            v[gate, t] = [keep(sigma(number)) for number in a[gate, t]]
        r, z = v["r", t], v["z", t]
        # m_t = W_hn h_{t-1} + b_hn, n_t = tanh(W_in x_t + b_in + r_t m_t)
        v["m", t] = m = [keep(number) for number in total["m"]]
        a["n", t] = [keep(total["n"][j] + r[j] * m[j]) for j in (0, 1)]
        v["n", t] = n = [keep(math.tanh(number)) for number in a["n", t]]
        # h_t = (1 - z_t) n_t + z_t h_{t-1}
        h[t] = [keep((1 - z[j]) * n[j] + z[j] * h[t - 1][j]) for j in (0, 1)]
    e = [keep(h[3][j] - y[j]) for j in (0, 1)]
    return a, v, h, e, keep((e[0] ** 2 + e[1] ** 2) / 2)


a, v, h, e, loss = forward(W)
for t in STEPS:
    print(f"h_{t} = {h[t][0]:7.4f} {h[t][1]:7.4f}")
print(f"loss {loss:.4f}")

# %% backward


def backward(W, v, h, e):
    """The loss's gradients by the state h and by the sums ar, az, m, an."""
    dh, da = {3: e}, {}
    for t in (3, 2, 1):
        r, z, m, n = (v[key, t] for key in "rzmn")
        for j in (0, 1):
            d, old = dh[t][j], h[t - 1][j]
            da["n", t, j] = keep(d * (1 - z[j]) * (1 - n[j] ** 2))
            da["m", t, j] = keep(da["n", t, j] * r[j])
            da["r", t, j] = keep(da["n", t, j] * m[j] * r[j] * (1 - r[j]))
            da["z", t, j] = keep(d * (old - n[j]) * z[j] * (1 - z[j]))
        if t > 1:  # straight on through z, and through r, z and m
            ways = [(key, j) for key in "rzm" for j in (0, 1)]
            dh[t - 1] = [
                keep(
                    dh[t][k] * z[k]
                    + sum(W[key][j][1 + k] * da[key, t, j] for key, j in ways)
                )
                for k in (0, 1)
            ]
    return dh, da


def by_weights(da, h):
    """The gradients by the weights, laid out as W: summed over time."""

    def total(key, j, k):
        return keep(sum(da[key, t, j] * seen(key, t, h)[k] for t in STEPS))

    return {
        key: [[total(key, j, k) for k in range(4)] for j in (0, 1)]
        for key in "rzmn"
    }


dh, da = backward(W, v, h, e)
dW = by_weights(da, h)
W_new = {
    key: [[keep(W[key][j][k] - RATE * dW[key][j][k]) for k in range(4)]
          for j in (0, 1)]
    for key in "rzmn"
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
ROW = "G"


def everything():
    """Every number of the worksheet, by name."""
    a, v, h, e, loss = forward(W)
    dh, da = backward(W, v, h, e)
    dW = by_weights(da, h)
    out = {"L": loss} | {f"x_{t}": x[t] for t in STEPS}
    for j, u in enumerate("pq"):
        out |= {f"y_{u}": y[j], f"e_{u}": e[j], f"h_0{u}": h[0][j]}
        for t in STEPS:
            out |= {f"h_{t}{u}": h[t][j], f"δh_{t}{u}": dh[t][j]}
            out[f"δm_{t}{u}"] = da["m", t, j]
            for key in "rzn":
                out[f"a^{key}_{t}{u}"] = a[key, t][j]
                out[f"δa^{key}_{t}{u}"] = da[key, t, j]
            for key in "rzmn":
                out[f"{key}_{t}{u}"] = v[key, t][j]
        for key in "rzmn":
            for mark, matrix in (("", W), ("δ", dW)):
                for k, source in enumerate("xpq"):
                    if source in USES[key]:
                        out[f"{mark}w^{key}_{u}{source}"] = matrix[key][j][k]
                out[f"{mark}b^{key}_{u}"] = matrix[key][j][3]
    return out


USES = {"r": "xpq", "z": "xpq", "m": "pq", "n": "x"}
value = everything()
rows = parts["forward"] = []
for t in STEPS:
    rows.append(f"Step {t}")
    for gate in "rz":
        rows.append(both(f"a^{gate}_{t}?", weighted(t, f"^{gate}")))
        rows.append(both(f"{gate}_{t}?", f"σ([a^{gate}_{t}?])"))
    rule = f"[w^m_?p] · [h_{t - 1}p] + [w^m_?q] · [h_{t - 1}q] + [b^m_?]"
    rows.append(both(f"m_{t}?", rule))
    rule = f"[w^n_?x] · [x_{t}] + [b^n_?] + [r_{t}?] · [m_{t}?]"
    rows.append(both(f"a^n_{t}?", rule))
    rows.append(both(f"n_{t}?", f"tanh([a^n_{t}?])"))
    rule = f"(1 − [z_{t}?]) · [n_{t}?] + [z_{t}?] · [h_{t - 1}?]"
    rows.append(both(f"h_{t}?", rule))
rows += ["Loss", both("e_?", "[h_3?] − [y_?]")]
rows.append(both("L", "½ · ([e_p]² + [e_q]²)"))
rows = parts["backward"] = ["Step 3", both("δh_3?", "[e_?]")]
for t in (3, 2, 1):
    n = t + 1
    if t < 3:
        terms = [f"[δh_{n}?] · [z_{n}?]"]
        for key, a_name in (("r", "a^r"), ("z", "a^z"), ("m", "m")):
            ways = [f"[w^{key}_{to}?] · [δ{a_name}_{n}{to}]" for to in "pq"]
            terms += ways
        rows += [f"Step {t}", both(f"δh_{t}?", " + ".join(terms))]
    rule = f"[δh_{t}?] · (1 − [z_{t}?]) · (1 − [n_{t}?]²)"
    rows.append(both(f"δa^n_{t}?", rule))
    rows.append(both(f"δm_{t}?", f"[δa^n_{t}?] · [r_{t}?]"))
    rule = f"[δa^n_{t}?] · [m_{t}?] · [r_{t}?] · (1 − [r_{t}?])"
    rows.append(both(f"δa^r_{t}?", rule))
    rule = f"([h_{t - 1}?] − [n_{t}?]) · [z_{t}?] · (1 − [z_{t}?])"
    rows.append(both(f"δa^z_{t}?", f"[δh_{t}?] · {rule}"))
rows = parts["sums"] = ["Sums"]
for key, a_name in (("r", "a^r"), ("z", "a^z"), ("m", "m"), ("n", "a^n")):
    rows += over_time(a_name, f"^{key}", USES[key])

# %% rounding tags=["hidden"]
count = len([name for name in value if not GIVEN.match(name)])
DIGITS = 15
exact = everything()
DIGITS = 4
rounding = max(abs(value[name] - exact[name]) for name in value)
rounding = math.ceil(rounding * 1e5) / 1e5  # "no more than" stays true
assert rounding < 5e-4

# %% weights_given tags=["hidden"]
KINDS = {"r": "reset gate", "z": "update gate", "n": "candidate (input)"}
print("| to | from the input | from unit p | from unit q | bias |")
print("|---|---|---|---|---|")
for key in "rzmn":
    for u in "pq":
        names = [f"w^{key}_{u}{k}" * (k in USES[key]) for k in "xpq"]
        kind = KINDS.get(key, "candidate (state)")
        given(f"{kind}, unit {u}", [*names, f"b^{key}_{u}"])

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
