"""The slips that one makes in such code, made on purpose: every mutant of a snippet's shown cells.

A mutant is the snippet with one place changed: an operator, a constant, a gate
taken for its neighbour, a term or a factor lost, a transpose lost or added, a sign,
an activation, an index off by one, a condition turned round, a statement left out.
Nothing else of the text moves, so a mutant is named by its line and its change.

Left alone is what cannot be wrong: seeds, the sizes and numbers of an example,
tolerances, words, imports, numbers of threads; and `assert`, the snippet's own check of itself.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

OPERATORS = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.MatMult: "*",
    ast.Pow: "*", ast.FloorDiv: "*", ast.Mod: "*",
}  # fmt: skip
COMPARISONS = {
    ast.Lt: [">=", "<="], ast.LtE: [">", "<"], ast.Gt: ["<=", ">="], ast.GtE: ["<", ">"], ast.Eq: ["!="],
    ast.NotEq: ["=="], ast.Is: ["is not"], ast.IsNot: ["is"], ast.In: ["not in"], ast.NotIn: ["in"],
}  # fmt: skip
ACTIVATIONS = {"tanh": ["sigmoid", "sin"], "sigmoid": ["tanh", "sin"], "relu": ["tanh"], "exp": ["sin"]}
FUNCTIONS = {
    "zeros": "ones", "ones": "zeros", "zeros_like": "ones_like", "ones_like": "zeros_like", "sum": "mean",
    "mean": "sum", "max": "min", "min": "max", "amax": "amin", "amin": "amax", "argmax": "argmin", "prod": "sum",
    "log": "exp", "sqrt": "square", "any": "all", "all": "any", "cumprod": "cumsum", "outer": "add",
}  # fmt: skip
DROPPED = {"abs", "flip", "roll", "square", "sqrt", "log", "exp", "t", "transpose", "cumsum", "cumprod", "sin", "cos"}
MODULES = {"torch", "np", "numpy", "math", "nn", "F", "plt", "statistics"}
BUILTINS = {"max", "min", "any", "all"}
SYMMETRIC = {"zip", "print", "max", "min", "isinstance", "allclose", "equal", "array_equal", "set", "sorted"}
JOINS = {"cat", "stack", "concatenate", "concat", "vstack"}
SEEDS = {"manual_seed", "default_rng", "RandomState", "seed", "set_random_seed"}
DATA = {"randn", "rand", "randint", "normal", "uniform", "standard_normal", "linspace", "RNN", "LSTM", "GRU", "Linear",
        "RNNCell", "LSTMCell", "GRUCell", "round"}  # fmt: skip
GATES = re.compile(r"(?!.*(.).*\1)[ifgocrznh]{3,4}")  # "ifgo", "zrn": an order of gates
SIMPLE = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.Call | ast.Tuple | ast.List


@dataclass(frozen=True)
class Mutant:
    line: int
    text: str  # of that line
    change: str  # "f → i"
    source: str  # of the whole file


class Source:
    """A file's text and syntax tree; nodes name bytes of the text."""

    def __init__(self, text: str):
        self.data, self.tree = text.encode(), ast.parse(text)
        self.starts = [0]
        for line in self.data.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.parent = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node) -> tuple[int, int]:
        start, end = self.starts[node.lineno - 1], self.starts[node.end_lineno - 1]
        return start + node.col_offset, end + node.end_col_offset

    def text(self, node) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def __call__(self, node) -> str:
        """The node's text, in parentheses where it must hold together."""
        text = self.text(node)
        return text if isinstance(node, SIMPLE) or not isinstance(node, ast.expr) else f"({text})"

    def replaced(self, *changes) -> str:
        """The text with each (node, new text) put in place."""
        data = self.data
        for node, new in sorted(changes, key=lambda change: self.span(change[0]), reverse=True):
            start, end = self.span(node)
            data = data[:start] + new.encode() + data[end:]
        return data.decode()

    def above(self, node) -> Iterator[ast.AST]:
        while node := self.parent.get(node):
            yield node

    def scope(self, node) -> ast.AST:
        return next((n for n in self.above(node) if isinstance(n, ast.FunctionDef | ast.Lambda)), self.tree)


def called(node) -> str:
    """The last part of the name of what is called."""
    func = node.func if isinstance(node, ast.Call) else None
    return getattr(func, "attr", getattr(func, "id", ""))


def names(targets) -> list[str]:
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def mutants(text: str, lines: set[int]) -> list[Mutant]:
    """Every mutant of the statements on these lines, in the order of the text."""
    source, found, seen = Source(text), [], {ast.dump(ast.parse(text))}
    nodes = [node for node in ast.walk(source.tree) if getattr(node, "lineno", 0) in lines]
    for node in sorted(nodes, key=lambda node: (source.span(node)[0], -source.span(node)[1])):
        if exempt(source, node):
            continue
        for new in changes(source, node):
            broken = source.replaced((node, new))
            tree = ast.dump(ast.parse(broken))
            if tree not in seen:
                seen.add(tree)
                line = text.splitlines()[node.lineno - 1].strip()
                change = f"{bare(source(node))} → {bare(new)}"
                found.append(Mutant(node.lineno, line, change, broken))
    return found


def bare(text: str) -> str:
    text = " ".join(re.sub(r"#.*", "", text).split())
    inner = text[1:-1]
    whole = text.startswith("(") and all(inner[:n].count("(") >= inner[:n].count(")") for n in range(len(text)))
    return inner if whole and not re.match(r"[^()]*,", inner) else text


def exempt(source: Source, node) -> bool:
    for above in [node, *source.above(node)]:
        if isinstance(above, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr) or called(above) in SEEDS:
            return True
        if isinstance(above, ast.keyword) and above.arg in ("seed", "atol", "rtol", "eps", "dtype", "ir_version"):
            return True
        if isinstance(above, ast.Assign) and "num_threads" in getattr(above.targets[0], "attr", ""):
            return True
    return False


def changes(source: Source, node) -> Iterator[str]:
    """The texts that a slip would put in the node's place."""
    rule = globals().get(f"of_{type(node).__name__.lower()}")
    if rule:
        yield from rule(source, node)
    if isinstance(node, ast.stmt) and can_go(source, node):
        yield "pass"
    holder = source.parent.get(node)
    result = isinstance(holder, ast.Assign | ast.Return) and source.scope(node) is not source.tree
    if result and (isinstance(node, ast.BinOp) or called(node) in ACTIVATIONS):
        yield f"-{source(node)}"


def can_go(source: Source, node) -> bool:
    """Whether the program still has all its names without the statement."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call) and called(node.value) not in {"print", "show", *SEEDS}
    if isinstance(node, ast.AugAssign):
        return True
    if not isinstance(node, ast.Assign) or not source.scope(node):
        return False
    scope = source.scope(node)
    known = {arg.arg for arg in ast.walk(getattr(scope, "args", ast.Tuple([]))) if isinstance(arg, ast.arg)}
    for other in ast.walk(scope):
        if isinstance(other, ast.Assign) and other.lineno < node.lineno and source.scope(other) is scope:
            known |= set(names(other.targets))
    return set(names(node.targets)) <= known


def of_binop(source, node):
    left, right = source(node.left), source(node.right)
    if any(isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", 0), str)
           for side in (node.left, node.right)):  # fmt: skip
        return
    yield f"({left} {OPERATORS.get(type(node.op), '+')} {right})"
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.MatMult | ast.Pow):
        yield left
    if isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
        yield right
    if isinstance(node.op, ast.MatMult) and isinstance(node.right, ast.Name | ast.Subscript):
        yield f"({left} @ {right}.T)"


def of_constant(source, node):
    holder, value = source.parent[node], node.value
    if isinstance(holder, ast.UnaryOp) or called(holder) in DATA or is_setting(source, node):
        return
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int) and value < 10:
        yield from {0: ["1"], 1: ["0", "2"]}.get(value, [str(value + 1)])
    elif isinstance(value, float) and (value == 0 or value > 1e-3):
        yield from {0.0: ["1.0"], 1.0: ["0.0", "2.0"]}.get(value, [str(2 * value)])
    elif isinstance(value, str) and GATES.fullmatch(value):
        for k in range(len(value) - 1):
            yield repr(value[:k] + value[k + 1] + value[k] + value[k + 2 :]).replace("'", '"')


def is_setting(source, node) -> bool:
    """A number of the example: given a name at top level, or a default of a seed."""
    holder = source.parent[node]
    if isinstance(holder, ast.arguments):
        last = zip(reversed(holder.args), reversed(holder.defaults), strict=False)
        return any(default is node and arg.arg == "seed" for arg, default in last)
    while isinstance(holder, ast.Tuple) or is_list_of_tuples(holder):
        holder = source.parent[holder]
    return isinstance(holder, ast.Assign) and holder in source.tree.body and isinstance(node.value, int | float)


def is_list_of_tuples(node) -> bool:
    return isinstance(node, ast.List | ast.Tuple) and all(isinstance(part, ast.Tuple) for part in node.elts)


def of_unaryop(source, node):
    operand = source(node.operand)
    if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        yield from [f"-{node.operand.value + 1}", "0" if node.operand.value == 1 else operand]
    elif isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        yield operand


def of_call(source, node):
    name, arguments = called(node), [source.text(argument) for argument in node.args]
    owner = getattr(node.func, "value", None)
    module = isinstance(owner, ast.Name) and owner.id in MODULES
    rest = f"({', '.join([*arguments, *map(source.text, node.keywords)])})"
    if owner:
        for other in [*ACTIVATIONS.get(name, []), *filter(None, [FUNCTIONS.get(name)])]:
            if other != "sigmoid" or getattr(owner, "id", "torch") == "torch":
                yield f"{source(owner)}.{other}{rest}"
        if name in DROPPED or (name in ACTIVATIONS and not module):
            yield f"({arguments[0]})" if module else source(owner)
    elif name in BUILTINS:
        yield FUNCTIONS[name] + rest
    elif name == "reversed":
        yield arguments[0]
    elif name == "range" and len(arguments) == 1 and not isinstance(node.args[0], ast.Constant):
        yield from [f"range({arguments[0]} - 1)", f"range(1, {arguments[0]})"]
    if name not in SYMMETRIC and not isinstance(source.parent[node], ast.withitem):
        for one, two in zip(node.args, node.args[1:], strict=False):
            if isinstance(one, ast.Name) and isinstance(two, ast.Name):
                new = source.replaced((one, two.id), (two, one.id)).encode()
                yield new[source.span(node)[0] : source.span(node)[1]].decode()


def of_attribute(source, node):
    if node.attr in ("T", "mT", "H"):
        yield source(node.value)


def of_subscript(source, node):
    index, value = node.slice, source(node.value)
    for above in source.above(node):
        counters = isinstance(above, ast.For) and re.search(r"\b(range|enumerate)\(", source(above.iter))
        if counters and isinstance(index, ast.Name) and index.id in names([above.target])[:1]:
            yield from [f"{value}[{index.id} - 1]", f"{value}[{index.id} + 1]"]
    if isinstance(index, ast.Slice) and index.step:
        yield f"{value}[:]"
    elif isinstance(index, ast.Slice) and bool(index.lower) != bool(index.upper):
        yield f"{value}[:{source(index.lower)}]" if index.lower else f"{value}[{source(index.upper)}:]"


def of_name(source, node):
    """One of several that were unpacked together, taken for the next: the wrong gate; the other bias."""
    scope = source.scope(node)
    if isinstance(node.ctx, ast.Load) and node.id in ("b_ih", "b_hh"):
        yield {"b_ih": "b_hh", "b_hh": "b_ih"}[node.id]
    for other in ast.walk(scope) if isinstance(node.ctx, ast.Load) else []:
        if isinstance(other, ast.Assign) and source.scope(other) is scope:
            target, value = other.targets[0], other.value
            parts = target.elts if isinstance(target, ast.Tuple) else []
            group = [part.id for part in parts if isinstance(part, ast.Name)]
            like = not isinstance(value, ast.Tuple) or all(isinstance(part, ast.Call) for part in value.elts)
            if node.id in group and len(group) > 1 and like and other.lineno < node.lineno:
                yield group[(group.index(node.id) + 1) % len(group)]


def of_tuple(source, node):
    """Neighbours swapped, where their order matters."""
    holder, values = source.parent[node], node.elts
    if isinstance(holder, ast.Assign):
        if isinstance(node, ast.Tuple) and node is holder.value:
            return  # its targets are swapped instead
        values = getattr(holder.value, "elts", values)
    unjoined = isinstance(holder, ast.Call) and called(holder) not in JOINS
    looped = isinstance(holder, ast.For) and node is holder.iter
    paired = ast.Tuple | ast.List | ast.comprehension | ast.ListComp | ast.GeneratorExp | ast.Subscript
    if unjoined or looped or isinstance(holder, paired) or called(getattr(holder, "value", None)) in DATA:
        return
    settings = isinstance(node.ctx, ast.Store) and all(isinstance(value, ast.Constant) for value in values)
    if settings or is_list_of_tuples(node) or len({ast.dump(value) for value in values}) == 1:
        return
    start, end = source.span(node)
    for one, two in zip(node.elts, node.elts[1:], strict=False):
        order = all(isinstance(part, ast.Constant) and isinstance(part.value, int) for part in (one, two))
        if order or not any(isinstance(part, ast.Constant | ast.Starred) for part in (one, two)):
            new = source.replaced((one, source(two)), (two, source(one))).encode()
            yield new[start : end + len(new) - len(source.data)].decode()


of_list = of_tuple


def of_compare(source, node):
    if len(node.ops) == 1:
        tolerance = isinstance(getattr(node.comparators[0], "value", None), float)
        for other in COMPARISONS[type(node.ops[0])][: 1 if tolerance else None]:
            yield f"{source(node.left)} {other} {source(node.comparators[0])}"


def of_boolop(source, node):
    word = "or" if isinstance(node.op, ast.And) else "and"
    yield f"({f' {word} '.join(map(source, node.values))})"
    yield from map(source, node.values)


def of_ifexp(source, node):
    yield f"({source(node.orelse)} if {source(node.test)} else {source(node.body)})"


def of_if(source, node):
    if not isinstance(node.test, ast.Compare):
        start = source.span(node)[0]
        new = source.replaced((node.test, f"not {source(node.test)}")).encode()
        yield new[start : source.span(node)[1] + len(new) - len(source.data)].decode()


def of_augassign(source, node):
    target, value = source(node.target), source(node.value)
    yield f"{target} = {value}"
    yield f"{target} {OPERATORS.get(type(node.op), '+')}= {value}"


def without_asserts(text: str) -> str:
    """The snippet without its own check, so that only the tests can notice."""
    source = Source(text)
    return source.replaced(*((node, "pass") for node in ast.walk(source.tree) if isinstance(node, ast.Assert)))
