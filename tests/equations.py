"""Evaluates the formulas of a page: TeX as published, over NumPy arrays.

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

import numpy as np

TOKEN = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
BLANK = re.compile(r"\\(?:,|;|!|:|quad|left|right|begin\{\w+\}|end\{\w+\}|displaystyle)$|&$")
DISPLAY = re.compile(r"^\$\$\n(.*?)\n\$\$$", re.M | re.S)
ROMAN = re.compile(r"\\(?:mathrm|text|operatorname)\s*\{([\w ,]+)\}")
STEPS = "tTks"


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def diagonal(a):
    return np.diag(a[:, 0])


FUNCTIONS = {"\\sigma": sigmoid, "\\tanh": np.tanh, "\\exp": np.exp, "diag": diagonal}
SLOPES = {"\\sigma": lambda a: sigmoid(a) * (1 - sigmoid(a)), "\\tanh": lambda a: 1 - np.tanh(a) ** 2}
ELEMENTWISE = ("\\odot", "\\cdot", "\\times", "\\ast", "*")
ACCENTS = ("\\tilde", "\\hat", "\\bar")


class Unreadable(Exception):
    """TeX that this module does not understand."""


def displayed(markdown: str) -> list[str]:
    """The display formulas of a page."""
    return DISPLAY.findall(markdown)


def rows(tex: str) -> list[str]:
    """The equations of a formula, one for each line that it is set in."""
    inside = re.sub(r"\\(?:begin|end)\{\w+\}", "", tex)
    parts = re.split(r"\\\\|\\qquad|\\quad", inside)
    return [part.strip().strip(",.").strip() for part in parts if part.strip()]


def same(a, b):
    if np.ndim(a) and np.ndim(b) and a.shape != b.shape:
        raise ValueError(f"shapes {a.shape} and {b.shape} do not fit")
    return a, b


def add(a, b):
    return np.add(*same(a, b))


def multiply(a, b):
    return np.multiply(*same(a, b))


def beside(a, b):
    """What two things next to each other mean: a product of matrices, or of a number and something."""
    return a @ b if np.ndim(a) and np.ndim(b) else a * b


class Reader:
    """Reads an expression into a function of an environment."""

    def __init__(self, tex: str):
        roman = ROMAN.sub(lambda match: "\\mathrm{" + " ".join(match[1]) + "}", tex)  # one token a letter
        self.tokens = [token for token in TOKEN.findall(roman) if not BLANK.match(token)]
        self.at = 0

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
            value = (lambda a, b: lambda env: add(a(env), b(env)))(value, self.signed(sign, self.term()))
        return value

    def signed(self, sign, value):
        return value if sign == "+" else lambda env: -value(env)

    def term(self):
        value = self.product()
        while self.next in ELEMENTWISE:
            self.take()
            value = (lambda a, b: lambda env: multiply(a(env), b(env)))(value, self.product())
        return value

    def product(self):
        value = self.factor()
        while self.next and self.next not in (*ELEMENTWISE, "+", "-", ")", "]", "}", "=", ","):
            value = (lambda a, b: lambda env: beside(a(env), b(env)))(value, self.factor())
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
        if token in FUNCTIONS or (token == "\\mathrm" and self.roman() in FUNCTIONS):
            return self.function()
        if token[:1].isdigit():
            number = float(self.take())
            return self.raised(lambda env: number)
        return self.name()

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
            power = "".join(self.group())
            if power in ("\\top", "\\mathsf{T}", "\\mathrm{T}"):
                value = (lambda a: lambda env: a(env).T)(value)
            elif power.isdigit():
                value = (lambda a, n: lambda env: a(env) ** n)(value, int(power))
            else:
                raise Unreadable(f"^{power}")
        return value

    def function(self):
        name = self.take()
        if name == "\\mathrm":
            self.at -= 1
            name = self.roman()
            self.at = self.tokens.index("}", self.at) + 1
        call, power = FUNCTIONS[name], 1
        if self.next == "'":
            self.take()
            call = SLOPES[name]
        if self.next == "^":
            self.take()
            power = int("".join(self.group()))
        argument = self.factor()
        return lambda env: call(argument(env)) ** power

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
                total = add(total, other) if kind == "\\sum" else beside(other, total)
            return total

        return value

    def name(self):
        start = self.at
        if self.next in ("\\delta", "\\Delta", *ACCENTS):
            self.take()
        if self.next == "{":
            self.group_of("{", "}")
        else:
            self.take()
        while self.next in ("_", "^", "'"):
            mark = self.take()
            if mark == "^" and "".join(self.tokens[self.at : self.at + 1]) in ("\\top", "2"):
                self.at -= 1
                break
            if mark == "^" and self.tokens[self.at] == "{" and self.tokens[self.at + 1] in ("\\top", "2"):
                self.at -= 1
                break
            if mark != "'":
                self.group()
        key = key_of(self.tokens[start : self.at])
        return self.raised(lambda env: env[key(env)])


def key_of(tokens: list[str]):
    """A function that says under which key of an environment a name stands."""
    flat = "".join(tokens)
    flat = flat.replace("\\mathrm", "").replace("\\tilde", "~").replace("\\hat", "^").replace("\\bar", "¯")
    flat = flat.replace("\\delta", "δ").replace("\\Delta", "Δ")
    counts = (a or b for a, b in re.findall(r"_\{([^{}]+)\}|_(\w)", flat))
    count = next((part for part in counts if re.fullmatch(rf"[\d{STEPS}+-]+", part)), None)
    if count:
        flat = flat.replace("_{" + count + "}", "").replace("_" + count, "")
    word = re.sub(r"[{}]", "", flat)
    if not re.fullmatch(r"[~^¯]?[δΔ]?[~^¯]?\w[\w^']*", word):
        raise Unreadable(flat)
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
    left, *right = split_equal(equation)
    values = [evaluate(side, env) for side in right]
    if not values:
        raise Unreadable(f"no equation: {equation}")
    for other in values[1:]:
        np.testing.assert_allclose(other, values[0], rtol=0, atol=1e-12)
    reader = Reader(left)
    if reader.next == "\\frac":
        reader.take()
        above, below = reader.group(), reader.group()
        key = ("∂", key_of(above[1:])(env), key_of(below[1:])(env))
    else:
        key = key_of(reader.tokens)(env)
    env[key] = values[0]
    return key


def split_equal(equation: str) -> list[str]:
    """The sides of an equation; the = below a sum parts nothing."""
    sides, depth = [""], 0
    for letter in equation:
        depth += (letter == "{") - (letter == "}")
        if letter == "=" and not depth:
            sides.append("")
        else:
            sides[-1] += letter
    return sides
