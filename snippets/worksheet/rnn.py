"""Three steps of an RNN with two units, forward and backward, by pencil."""

# %% weights
import math

DIGITS = 4  # decimals that the pencil keeps of every result
STEPS = (1, 2, 3)
RATE = 1  # of the one step of gradient descent
x = {1: 1, 2: -0.5, 3: 0.8}  # one number for each step
y = [-0.5, 0.5]  # (H), where the last state should be: units p and q
W = [  # to each unit: from x, from p, from q, bias
    [0.8, 0.9, -0.7, 0.1],
    [-0.4, 0.8, 0.5, -0.2],
]

# %% forward


def keep(number):
    """What is written down of a number."""
    return round(number, DIGITS) + 0.0


def seen(t, h):
    """What every row of W is multiplied by at step t."""
    return [x[t], *h[t - 1], 1]


def weigh(row, met):
    """The sum of each weight times what it meets."""
    return sum(w * number for w, number in zip(row, met, strict=True))


def forward(W):
    """The sums a[t] (H), states h[t] (H), errors e (H) and the loss."""
    a, h = {}, {0: [0, 0]}
    for t in STEPS:
        # a_t = W_ih x_t + W_hh h_{t-1} + b
        a[t] = [keep(weigh(row, seen(t, h))) for row in W]
        # h_t = tanh(a_t)
        h[t] = [keep(math.tanh(number)) for number in a[t]]
    # e = h_3 - y, L = (e_p² + e_q²) / 2
    e = [keep(h[3][unit] - y[unit]) for unit in (0, 1)]
    return a, h, e, keep((e[0] ** 2 + e[1] ** 2) / 2)


a, h, e, loss = forward(W)
for t in STEPS:
    print(f"h_{t} = {h[t][0]:7.4f} {h[t][1]:7.4f}")
print(f"loss {loss:.4f}")

# %% backward


def backward(W, h, e):
    """The loss's gradients dh[t] (H) by states and da[t] (H) by sums."""
    dh, da = {3: e}, {}
    for t in (3, 2, 1):
        # δa_t = (1 - h_t²) δh_t
        da[t] = [keep((1 - h[t][j] ** 2) * dh[t][j]) for j in (0, 1)]
        if t > 1:
            # δh_{t-1} = W_hhᵀ δa_t
            p_to_both, q_to_both = [row[1] for row in W], [row[2] for row in W]
            dh[t - 1] = [
                keep(to[0] * da[t][0] + to[1] * da[t][1])
                for to in (p_to_both, q_to_both)
            ]
    return dh, da


def by_weights(da, h):
    """The gradients by the weights, laid out as W: summed over time."""
    return [
        [keep(sum(da[t][j] * seen(t, h)[k] for t in STEPS)) for k in range(4)]
        for j in (0, 1)
    ]


def descend(W, dW):
    """The weights after one step of gradient descent."""
    return [
        [keep(w - RATE * d) for w, d in zip(row, slope, strict=True)]
        for row, slope in zip(W, dW, strict=True)
    ]


dh, da = backward(W, h, e)
dW = by_weights(da, h)
W_new = descend(W, dW)
a_new, h_new, e_new, loss_new = forward(W_new)
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
ROW = "R"


def everything():
    """Every number of the worksheet, by name."""
    a, h, e, loss = forward(W)
    dh, da = backward(W, h, e)
    dW = by_weights(da, h)
    W_new = descend(W, dW)
    a_new, h_new, e_new, loss_new = forward(W_new)
    out = {"η": RATE, "L": loss, "L'": loss_new}
    out |= {f"x_{t}": x[t] for t in STEPS}
    for j, u in enumerate("pq"):
        out |= {f"y_{u}": y[j], f"e_{u}": e[j], f"e'_{u}": e_new[j]}
        out[f"h_0{u}"] = h[0][j]
        for t in STEPS:
            out |= {f"a_{t}{u}": a[t][j], f"h_{t}{u}": h[t][j]}
            out |= {f"δa_{t}{u}": da[t][j], f"δh_{t}{u}": dh[t][j]}
            out |= {f"a'_{t}{u}": a_new[t][j], f"h'_{t}{u}": h_new[t][j]}
        for mark, matrix in (("w", W), ("δw", dW), ("w'", W_new)):
            for k, source in enumerate("xpq"):
                out[f"{mark}_{u}{source}"] = matrix[j][k]
            out[f"{mark.replace('w', 'b')}_{u}"] = matrix[j][3]
    return out


def run_through(new=""):
    """The rows of a forward pass."""
    rows = []
    for t in STEPS:
        rows += [f"Step {t}", both(f"a{new}_{t}?", weighted(t, new=new))]
        rows += [both(f"h{new}_{t}?", f"tanh([a{new}_{t}?])")]
    rows += ["Loss", both(f"e{new}_?", f"[h{new}_3?] − [y_?]")]
    half = f"½ · ([e{new}_p]² + [e{new}_q]²)"
    return [*rows, both(f"L{new}", half)]


value = everything()
parts["forward"] = run_through()
rows = parts["backward"] = ["Step 3", both("δh_3?", "[e_?]")]
for t in (3, 2, 1):
    if t < 3:
        ways = [f"[w_{to}?] · [δa_{t + 1}{to}]" for to in "pq"]
        rows += [f"Step {t}", both(f"δh_{t}?", " + ".join(ways))]
    rows.append(both(f"δa_{t}?", f"(1 − [h_{t}?]²) · [δh_{t}?]"))
parts["sums"] = ["Sums", *over_time("a")]
rows = parts["update"] = ["Weights"]
for k in "xpq":
    rows.append(both(f"w'_?{k}", f"[w_?{k}] − [η] · [δw_?{k}]"))
rows += [both("b'_?", "[b_?] − [η] · [δb_?]"), *run_through("'")]

# %% rounding tags=["hidden"]
count = len([name for name in value if not GIVEN.match(name)])
DIGITS = 15
exact = everything()
DIGITS = 4
rounding = max(abs(value[name] - exact[name]) for name in value)
rounding = math.ceil(rounding * 1e5) / 1e5  # "no more than" stays true
assert rounding < 5e-4

# %% weights_given tags=["hidden"]
print("| to | from the input | from unit p | from unit q | bias |")
print("|---|---|---|---|---|")
for u in "pq":
    given(f"unit {u}", [*(f"w_{u}{k}" for k in "xpq"), f"b_{u}"])

# %% inputs tags=["hidden"]
print("| | step 1 | step 2 | step 3 |")
print("|---|---|---|---|")
given("input", [f"x_{t}" for t in STEPS])
for u in "pq":
    given(f"target for unit {u}", ["", "", f"y_{u}"])

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

# %% blank_update tags=["hidden"]
table("update", answers=False)

# %% answer_update tags=["hidden"]
table("update", answers=True)
