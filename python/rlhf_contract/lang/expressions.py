"""Expressions of the syntax tree → typed nodes. A mistake is recorded and the expression given up."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import pairwise

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast
from rlhf_contract.lang.ir import Builder, Node, NodeType, Reduction
from rlhf_contract.lang.names import ListSignal, Scope

__all__ = ["MAX_POINTS", "MAX_QUANTIFIERS", "Expressions", "Mistake"]

MAX_POINTS = 64
MAX_QUANTIFIERS = 8
_COMPARISONS = {"<": ("lt", False), "<=": ("le", False), ">": ("lt", True), ">=": ("le", True)}
_ARITHMETIC = {"+": "add", "-": "sub", "*": "mul"}
_REDUCTIONS: dict[str, tuple[Reduction, NodeType]] = {
    "FORALL": ("all", "bool"),
    "EXISTS": ("any", "bool"),
    "count": ("count", "bool"),
    "sum": ("sum", "number"),
}
_NEEDED = {"number": "a number", "bool": "a condition", "choice": "a choice"}


class Mistake(Exception):
    """An expression that cannot be typed; its diagnostic is already recorded."""


class Expressions:
    """Types expressions against a scope. Recursion is bounded by the nesting limit of the parser."""

    def __init__(self, builder: Builder, scope: Scope) -> None:
        self.builder, self.scope = builder, scope
        self._variables: dict[str, tuple[ListSignal, int]] = {}
        self._functions: dict[str, Callable[[ast.Call], Node]] = {
            "min": self._extreme,
            "max": self._extreme,
            "abs": self._abs,
            "clip": self._clip,
            "floor": self._floor,
            "curve": self._curve,
        }

    def number(self, expression: ast.Expression) -> Node:
        """`expression` as a number. Raises Mistake."""
        return self._typed(self._expression(expression), "number", expression.span)

    def condition(self, expression: ast.Expression) -> Node:
        """`expression` as a condition. Raises Mistake."""
        return self._typed(self._expression(expression), "bool", expression.span)

    def any(self, expression: ast.Expression) -> Node:
        """`expression` as whatever it is. Raises Mistake."""
        return self._expression(expression)

    def _typed(self, node: Node, type_: NodeType, span: Span) -> Node:
        if node.type != type_:
            hints = {"bool": "compare it, for example … > 0", "number": "conditions and numbers do not mix"}
            message = f"this is {_NEEDED[node.type]} where {_NEEDED[type_]} is needed"
            self._refuse("type", message, span, hints.get(type_, ""))
        return node

    def _refuse(self, code: str, message: str, span: Span, hint: str = "") -> None:
        self.scope.problem(code, message, span, hint)
        raise Mistake

    def _expression(self, expression: ast.Expression) -> Node:
        """The left spine of a chain is walked in a loop, so that a long chain is no deep recursion."""
        spine: list[ast.Binary] = []
        while isinstance(expression, ast.Binary):
            spine.append(expression)
            expression = expression.left
        span = expression.span
        if spine and spine[-1].operator in ("=", "!=") and self._may_be_choice(expression):
            first = spine.pop()
            node, span = self._equality(first), first.span
        else:
            node = self._operand(expression)
        for binary in reversed(spine):
            node, span = self._binary(binary, node, span), binary.span
        return node

    def _operand(self, expression: ast.Expression) -> Node:
        match expression:
            case ast.Number(value, scale, span):
                return self.builder.const(value, scale, span)
            case ast.Name():
                return self._lookup(expression)
            case ast.Unary("NOT", operand, span):
                return self.builder.logic("not", (self.condition(operand),), span)
            case ast.Unary("-", operand, span):
                return self.builder.arithmetic("sub", self.builder.const(0, 0, span), self.number(operand), span)
            case ast.Conditional():
                return self._conditional(expression)
            case ast.Quantifier():
                return self._quantifier(expression)
            case ast.Call():
                return self._call(expression)
        raise AssertionError(f"no case for {type(expression).__name__}")

    # -- operators

    def _binary(self, binary: ast.Binary, left: Node, left_span: Span) -> Node:
        operator, span = binary.operator, binary.span
        if operator in ("=", "!="):
            return self._equal(binary, left, self._against(left, binary.right))
        right = self._expression(binary.right)
        if operator in ("AND", "OR", "IMPLIES"):
            self._typed(left, "bool", left_span)
            self._typed(right, "bool", binary.right.span)
            if operator == "IMPLIES":
                left = self.builder.logic("not", (left,), left_span)
            return self.builder.logic("and" if operator == "AND" else "or", (left, right), span)
        self._typed(left, "number", left_span)
        self._typed(right, "number", binary.right.span)
        if operator == "/":
            return self._divide(left, right, binary)
        if operator in _ARITHMETIC:
            return self.builder.arithmetic(_ARITHMETIC[operator], left, right, span)
        op, swap = _COMPARISONS[operator]
        return self.builder.compare(op, *((right, left) if swap else (left, right)), span)  # type: ignore[arg-type]

    def _divide(self, left: Node, right: Node, binary: ast.Binary) -> Node:
        if right.lowest <= 0 <= right.highest:
            hint = "make sure by its range that it cannot be 0, for example max(…, 0.000001)"
            self._refuse("division-by-zero", "this can be 0", binary.right.span, hint)
        return self.builder.div(left, right, binary.span)

    # -- equality, where a bare name may be a choice

    def _may_be_choice(self, expression: ast.Expression) -> bool:
        return isinstance(expression, ast.Name) and not self._known(expression.id)

    def _equality(self, binary: ast.Binary) -> Node:
        """`name = …` where the name is no signal: it must be a choice of the right side."""
        right = self._expression(binary.right)
        return self._equal(binary, self._against(right, binary.left), right)

    def _against(self, other: Node, expression: ast.Expression) -> Node:
        """`expression`, compared with `other`: a choice of it, if it is a bare name that nothing else has."""
        if other.type == "choice" and isinstance(expression, ast.Name) and not self._known(expression.id):
            if expression.id in other.choices:
                return self.builder.choice(other.choices, expression.id, expression.span)
            self.scope.unknown(expression.id, expression.span, list(other.choices), "choice here")
            raise Mistake
        return self._expression(expression)

    def _equal(self, binary: ast.Binary, left: Node, right: Node) -> Node:
        if left.type != right.type or left.choices != right.choices:
            if left.type == right.type:
                self._refuse("type", "these are choices of two different lists", binary.span, "compare like with like")
            message = f"{_NEEDED[left.type]} and {_NEEDED[right.type]} are never equal"
            self._refuse("type", message, binary.span, "compare like with like")
        node = self.builder.compare("eq", left, right, binary.span)
        return self.builder.logic("not", (node,), binary.span) if binary.operator == "!=" else node

    # -- IF, quantifiers, names

    def _conditional(self, conditional: ast.Conditional) -> Node:
        condition, span = self.condition(conditional.condition), conditional.span
        then, otherwise = self._expression(conditional.then), self._expression(conditional.otherwise)
        self._typed(otherwise, then.type, conditional.otherwise.span)
        if then.type == "choice":
            self._refuse("type", "IF gives a number or a condition, not a choice", span, "compare inside each branch")
        if then.type == "number":
            return self.builder.select(condition, then, otherwise, span)
        logic = self.builder.logic
        return logic(
            "or",
            (
                logic("and", (condition, then), span),
                logic("and", (logic("not", (condition,), span), otherwise), span),
            ),
            span,
        )

    def _quantifier(self, quantifier: ast.Quantifier) -> Node:
        name, span = quantifier.variable, quantifier.span
        over = self.scope.lists.get(quantifier.list)
        if quantifier.kind not in _REDUCTIONS:
            self.scope.unknown(quantifier.kind, span, list(_REDUCTIONS), "function over a list")
            raise Mistake
        if over is None:
            if quantifier.list not in self.scope.broken:
                self.scope.unknown(quantifier.list, quantifier.list_span, list(self.scope.lists), "list")
            raise Mistake
        if name in self._variables or name in self.scope.declared:
            self._refuse("duplicate-name", f"{name} already has a meaning here", span, "use another variable")
        if len(self._variables) == MAX_QUANTIFIERS:
            self._refuse("quantifiers", f"quantifiers stand more than {MAX_QUANTIFIERS} deep", span, "split the rule")
        op, type_ = _REDUCTIONS[quantifier.kind]
        variable = len(self._variables)
        self._variables[name] = over, variable
        try:
            body = self._typed(self._expression(quantifier.body), type_, quantifier.body.span)
        finally:
            del self._variables[name]
        return self.builder.reduce(op, over.index, over.spec.highest, variable, body, span)

    def _known(self, name: str) -> bool:
        head = name.partition(".")[0]
        return (
            name in self.scope.nodes
            or name in self.scope.lists
            or name in self.scope.broken
            or (head in self._variables)
        )

    def _lookup(self, name: ast.Name) -> Node:
        if name.id in self.scope.nodes:
            return self.scope.nodes[name.id]
        head, _, rest = name.id.partition(".")
        if head in self._variables:
            over, variable = self._variables[head]
            names = [f.name for f in over.spec.fields]
            if rest in names:
                index = names.index(rest)
                return self.builder.field(index, over.spec.fields[index], over.index, variable)
            if rest:
                self.scope.unknown(name.id, name.span, [f"{head}.{n}" for n in names], "field")
            else:
                hint = f"write one of {', '.join(f'{head}.{n}' for n in names)}"
                self.scope.problem("type", f"{head} is a whole record", name.span, hint)
        elif name.id in self.scope.lists:
            hint = f"for example FORALL x IN {name.id}: x.{self.scope.lists[name.id].spec.fields[0].name}"
            self.scope.problem("type", f"{name.id} is a list", name.span, hint)
        elif name.id == "reward":
            hint = "move this to an ENSURES"
            self.scope.problem("reward-here", "the reward is known only in ENSURES", name.span, hint)
        elif name.id not in self.scope.broken:
            self.scope.unknown(name.id, name.span, list(self.scope.nodes), "signal or LET")
        raise Mistake

    # -- functions

    def _call(self, call: ast.Call) -> Node:
        if call.function not in self._functions:
            self.scope.unknown(call.function, call.function_span, [*self._functions, "count", "sum"], "function")
            raise Mistake
        if call.function != "curve":
            for argument in call.arguments:
                if isinstance(argument, ast.Point):
                    self._refuse("arguments", f"{call.function} takes no points", argument.span, "only curve does")
        return self._functions[call.function](call)

    def _numbers(self, call: ast.Call, least: int, most: int | None, form: str) -> list[Node]:
        """The arguments as numbers, if there are as many as the function takes."""
        count = len(call.arguments)
        if count < least or (most is not None and count > most):
            self._refuse("arguments", f"{call.function} takes {form}, not {count}", call.span)
        return [self.number(a) for a in call.arguments if not isinstance(a, ast.Point)]

    def _extreme(self, call: ast.Call) -> Node:
        numbers = self._numbers(call, 2, None, "two or more numbers")
        return reduce(lambda a, b: self.builder.arithmetic(call.function, a, b, call.span), numbers)

    def _abs(self, call: ast.Call) -> Node:
        (a,) = self._numbers(call, 1, 1, "one number")
        zero = self.builder.const(0, 0, call.span)
        larger = self.builder.arithmetic("max", a, self.builder.arithmetic("sub", zero, a, call.span), call.span)
        return self.builder.arithmetic("max", larger, zero, call.span) if larger.lowest < 0 else larger

    def _clip(self, call: ast.Call) -> Node:
        x, low, high = self._numbers(call, 3, 3, "a number, a lowest and a highest value")
        if low.op == high.op == "const" and low.value * 10**high.scale > high.value * 10**low.scale:
            self._refuse("range", "the lowest value lies above the highest", call.span, "write clip(x, low, high)")
        return self.builder.arithmetic("min", self.builder.arithmetic("max", x, low, call.span), high, call.span)

    def _floor(self, call: ast.Call) -> Node:
        x, digits = self._numbers(call, 2, 2, "a number and how many decimals to keep")
        if digits.op != "const" or digits.scale or not 0 <= digits.value <= 18:
            self._refuse("arguments", "the decimals to keep are a whole number from 0 to 18", call.arguments[1].span)
        return self.builder.floor(x, digits.value, call.span)

    def _curve(self, call: ast.Call) -> Node:
        """Straight lines from point to point, flat beyond the ends; each line is rounded down to six decimals."""
        x_argument, *rest = call.arguments
        points = [p for p in rest if isinstance(p, ast.Point)]
        if isinstance(x_argument, ast.Point) or len(points) != len(rest) or not 2 <= len(points) <= MAX_POINTS:
            form = f"a number and 2 to {MAX_POINTS} points"
            self._refuse("arguments", f"curve takes {form}", call.span, "write curve(x, (0, 0), (1, 1))")
            raise Mistake
        x = self.number(x_argument)
        corners = [(self._constant(p.x), self._constant(p.y)) for p in points]
        build, span = self.builder, call.span
        for (x0, _), (x1, _), point in zip(corners, corners[1:], points[1:], strict=False):
            if x0.value * 10**x1.scale >= x1.value * 10**x0.scale:
                self._refuse("curve", "the points of a curve rise from left to right", point.span, "sort them by x")
        result = corners[-1][1]
        for (x0, y0), (x1, y1) in reversed(list(pairwise(corners))):
            inside = build.arithmetic("min", build.arithmetic("max", x, x0, span), x1, span)
            along = build.arithmetic("sub", inside, x0, span)
            width, rise = build.arithmetic("sub", x1, x0, span), build.arithmetic("sub", y1, y0, span)
            top = build.arithmetic(
                "add", build.arithmetic("mul", y0, width, span), build.arithmetic("mul", along, rise, span), span
            )
            result = build.select(build.compare("lt", x, x1, span), build.div(top, width, span), result, span)
        return result

    def _constant(self, expression: ast.Expression) -> Node:
        node = self.number(expression)
        if node.op != "const" or node.scale > 6:
            self._refuse("curve", "the points of a curve are constants of at most six decimals", expression.span)
        return node
