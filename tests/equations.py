"""Evaluates the formulas of a page: TeX as published, over arrays of NumPy or torch.

A vector is a column (H, 1), so that two things side by side are a matrix
product, δ x^⊤ an outer one. Nothing is broadcast but a plain number: what does
not fit in shape is an error, as on paper. In a product over steps the later
factor stands to the left.

A name is a letter with all that hangs on it. Digits and t, T, k and s below it
count steps, `h_{t-1}` is h at t - 1; all other signs belong to the name, as in
`W_{\\mathrm{hf}}`. An environment holds the step counters ("t": 3), values
("W_hf": array) and values of a step (("h", 2): array).
"""

import re
from functools import partial

import numpy as np
import torch

TOKEN = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
BLANK = re.compile(r"\\(?:,|;|!|:|left|right|begin\{\w+\}|end\{\w+\})$|&$")
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.M | re.S)
ROMAN = re.compile(r"\\(?:mathrm|operatorname)\s*\{([\w ,]+)\}")
COUNT = re.compile(r"[+-]?[\dtTks]+(?:[+-][\dtTks]+)*")


def call(name, a):
    return getattr(torch if isinstance(a, torch.Tensor) else np, name)(a)


def sigmoid(a):
    return 1 / (1 + call("exp", -a))


def diagonal(a):
    return call("diag", a[:, 0])


def norm(a):
    """Of a column its length, of a matrix the most by which it lengthens a vector."""
    return np.linalg.norm(a, 2) if np.ndim(a) else abs(a)


FUNCTIONS = {name: partial(call, name[1:]) for name in ("\\tanh", "\\exp", "\\log")}
FUNCTIONS |= {"\\sigma": sigmoid, "diag": diagonal, "artanh": np.arctanh}
ELEMENTWISE = ("\\odot", "\\cdot", "\\times", "\\ast", "*", "/")
PREFIXES = {"\\delta": "δ", "\\Delta": "Δ", "\\tilde": "~", "\\hat": "^", "\\bar": "¯"}


class Unreadable(Exception):
    """TeX that this module does not understand."""


def displayed(markdown: str) -> list[str]:
    """The formulas of a page: those on lines of their own, then, as $...$, equations in its text."""
    text = DISPLAY.sub("", re.sub(r"^```.*?^```$", "", markdown, flags=re.M | re.S))
    inline = [tex for tex in re.findall(r"\$[^$\n]+\$", text) if len(sides(tex)) > 1]
    return DISPLAY.findall(markdown) + list(dict.fromkeys(inline))


def rows(tex: str) -> list[str]:
    """The equations of a formula, one for each line that it is set in, without words beside them."""
    parts = re.split(r"\\\\|\\qquad|\\quad", re.sub(r"\\(?:begin|end)\{\w+\}", "", tex.strip("$")))
    parts = [part.strip().strip(",.").strip() for part in parts]
    return [part for part in parts if part and not part.startswith("\\text")]


def ndim(a) -> int:
    return getattr(a, "ndim", 0)


def same(a, b):
    if ndim(a) and ndim(b) and a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape} do not fit")
    return a, b


def add(a, b):
    a, b = same(a, b)
    return a + b


def multiply(a, b):
    a, b = same(a, b)
    return a * b


def divide(a, b):
    a, b = same(a, b)
    return a / b


def beside(a, b):
    """What two things next to each other mean: a product of matrices, or of a number and something."""
    return a @ b if ndim(a) and ndim(b) else a * b


def power(a, n):
    """Of a square matrix a product with itself, else element by element."""
    n = int(n) if float(n).is_integer() else n
    square = ndim(a) == 2 and a.shape[0] == a.shape[1] > 1
    return np.linalg.matrix_power(a, n) if square else a**n


def both(does, a, b):
    return lambda env: does(a(env), b(env))


class Reader:
    """Reads an expression into a function of an environment."""

    def __init__(self, tex: str | list[str]):
        self.at, self.tokens = 0, tex
        if isinstance(tex, list):
            return
        tex = tex.replace("\\dfrac", "\\frac")
        roman = ROMAN.sub(lambda match: "\\mathrm{" + " ".join(match[1]) + "}", tex)  # one token a letter
        self.tokens = [token for token in TOKEN.findall(roman) if not BLANK.match(token)]

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        token = self.next
        if not token or (wanted and token not in wanted):
            raise Unreadable(f"{' '.join(wanted) or 'something'} wanted, found {token or 'the end'}")
        self.at += 1
        return token

    def whole(self):
        value = self.sum()
        if self.next:
            raise Unreadable(f"{self.next} is left over")
        return value

    def sum(self):
        sign = self.take() if self.next in ("+", "-") else "+"
        value = self.signed(sign, self.term())
        while self.next in ("+", "-"):
            sign = self.take()
            value = both(add, value, self.signed(sign, self.term()))
        return value

    def signed(self, sign, value):
        return value if sign == "+" else lambda env: -value(env)

    def term(self):
        value = self.product()
        while self.next in ELEMENTWISE:
            does = divide if self.take() == "/" else multiply
            value = both(does, value, self.product())
        return value

    def product(self):
        value = self.factor()
        while self.next and self.next not in (*ELEMENTWISE, "+", "-", ")", "]", "}", "=", ",", "\\rVert", "\\rvert"):
            value = both(beside, value, self.factor())
        return value

    def factor(self):
        token = self.next
        if token in ("(", "["):
            self.take()
            value = self.sum()
            self.take(")", "]")
            return self.raised(value)
        if token == "\\frac":
            return self.raised(self.fraction())
        if token in ("\\sum", "\\prod"):
            return self.series()
        if token in ("\\lVert", "\\lvert"):
            return self.raised(self.norm())
        if token in ("\\min", "\\max"):
            return self.extreme()
        if token in FUNCTIONS or (token in ("\\mathrm", "\\operatorname") and self.roman() in FUNCTIONS):
            return self.function()
        if token[:1].isdigit():
            number = float(self.take())
            return self.raised(lambda env: number)
        return self.name()

    def norm(self):
        """Between double bars the length of a vector, between single ones the size of a number."""
        double = self.take() == "\\lVert"
        inside = self.sum()
        self.take("\\rVert" if double else "\\rvert")
        return lambda env: norm(inside(env)) if double else abs(inside(env))

    def extreme(self):
        choose = min if self.take() == "\\min" else max
        self.take("(")
        one, _, two, _ = self.sum(), self.take(","), self.sum(), self.take(")")
        return lambda env: choose(one(env), two(env))

    def roman(self) -> str:
        """The word of the \\mathrm{...} that comes next."""
        end = self.tokens.index("}", self.at)
        return "".join(self.tokens[self.at + 2 : end])

    def group(self) -> list[str]:
        """The tokens of a sub- or superscript."""
        if self.next != "{":
            return [self.take(), *(self.group_of("{", "}") if self.tokens[self.at - 1] == "\\mathrm" else [])]
        return self.group_of("{", "}")[1:-1]

    def group_of(self, opening: str, closing: str) -> list[str]:
        found, depth = [self.take(opening)], 1
        while depth:
            found.append(self.take())
            depth += (found[-1] == opening) - (found[-1] == closing)
        return found

    def raised(self, value):
        """A value with what may stand above it: a transpose, a power."""
        while self.next == "^":
            self.take()
            above = self.group()
            if "".join(above) in ("\\top", "\\mathsf{T}", "\\mathrm{T}"):
                value = (lambda a: lambda env: getattr(value := a(env), "T", value))(value)  # a number is its own
            else:
                exponent = Reader([token for token in above if token not in "{}"]).whole()
                value = both(power, value, exponent)
        return value

    def function(self):
        name, exponent = self.take(), 1
        if name in ("\\mathrm", "\\operatorname"):
            self.at -= 1
            name = self.roman()
            self.at = self.tokens.index("}", self.at) + 1
        if self.next == "^":  # tanh²(a)
            self.take()
            exponent = int("".join(self.group()))
        if self.next == "(":
            self.take()
            argument = self.sum()
            self.take(")")
        else:
            argument = self.factor()
        return self.raised(lambda env: FUNCTIONS[name](argument(env)) ** exponent)

    def fraction(self):
        self.take()
        above, below = self.group(), self.group()
        if above[0] == below[0] == "\\partial":
            keys = [key_of(part[1:]) for part in (above, below)]
            return lambda env: env[("∂", *(key(env) for key in keys))]
        top, bottom = (Reader(" ".join(part)).whole() for part in (above, below))
        return lambda env: top(env) / bottom(env)

    def series(self):
        kind = self.take()
        self.take("_")
        counter, _, *first = self.group()
        last = ["T"]
        if self.next == "^":
            self.take()
            last = self.group()
        body = self.term()
        first, last = (Reader(" ".join(part or ["1"])).whole() for part in (first, last))

        def value(env):
            steps = range(int(first(env)), int(last(env)) + 1)
            values = [body(env | {counter: step}) for step in steps]
            total = values[0]
            for other in values[1:]:
                columns = ndim(total) == 2 and total.shape[1] == 1 and total.shape == other.shape
                times = multiply if columns else beside
                total = add(total, other) if kind == "\\sum" else times(other, total)
            return total

        return value

    def name(self):
        start = self.at
        if self.next in PREFIXES and self.tokens[self.at + 1 : self.at + 2] not in (["_"], ["^"]):
            self.take()
        if self.next == "{":
            self.group_of("{", "}")
        else:
            self.take()
        while self.next in ("_", "^", "'"):
            mark, back = self.take(), self.at - 1
            above = "".join(self.group()) if mark != "'" else ""
            if mark == "^" and not re.fullmatch(r"\\ast|\\mathrm\{\w+\}|[a-jl-rv-z]", above):
                self.at = back
                break
        key = key_of(self.tokens[start : self.at])
        return self.raised(lambda env: env[key(env)])


def key_of(tokens: list[str]):
    """A function that says under which key of an environment a name stands."""
    word, count, reader = "", "", Reader(tokens)
    while reader.next:
        token = reader.take()
        if token in ("_", "^"):
            group = "".join(reader.group())
            roman = "".join(re.findall(r"\\mathrm\{(\w+)\}", group))
            rest = re.sub(r"\\mathrm\{\w+\}", "", group).strip(",")
            if token == "_" and COUNT.fullmatch(rest):
                count, rest = rest, ""
            word += (token + roman + rest) if roman or rest else ""
        elif token not in ("{", "}", "\\mathrm"):
            word += PREFIXES.get(token, token.lstrip("\\"))
    if not re.fullmatch(r"[~^¯δΔ]*(\w|δ|[a-z]+)((_|\^)[\w\\]+)*'?", word):
        raise Unreadable(" ".join(tokens))
    if not count:
        return lambda env: word
    terms = re.findall(r"[+-]?(?:\d+|\w)", count)

    def key(env):
        total = 0
        for term in terms:
            size = term.lstrip("+-")
            total += (-1 if term[0] == "-" else 1) * (int(size) if size.isdigit() else env[size])
        return word, total

    return key


def evaluate(tex: str, env: dict):
    return Reader(tex).whole()(env)


def define(equation: str, env: dict):
    """Put into the environment what an equation says of its left side; return the key."""
    left, *right = sides(equation)
    if not right:
        raise Unreadable(f"no equation: {equation}")
    values = [evaluate(side, env) for side in right]
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=0, atol=1e-12)
    reader = Reader(left)
    if reader.next == "\\frac":
        reader.take()
        above, below = reader.group(), reader.group()
        key = ("∂", *(key_of(Reader(part[1:]).tokens)(env) for part in (above, below)))
    else:
        key = key_of(reader.tokens)(env)
    env[key] = values[0]
    return key


def solve(equations: list[str], env: dict) -> list:
    """Define by all equations, each as soon as it can be; return the keys."""
    waiting, keys = list(equations), []
    while waiting:
        for equation in waiting:
            try:
                keys.append(define(equation, env))
            except KeyError as error:
                missing = error
                continue
            waiting.remove(equation)
            break
        else:
            raise missing
    return keys


def sides(equation: str) -> list[str]:
    """The sides of an equation; the = below a sum parts nothing."""
    found, depth = [""], 0
    for letter in equation:
        depth += (letter == "{") - (letter == "}")
        if letter == "=" and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found
