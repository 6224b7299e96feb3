"""How the stakeholders' utilities become one number. Each rule is defined, sourced, and says which axioms it keeps.

Axioms named below, for utilities u = (u₁ … uₙ) and a rule F:
  Pareto        if no uᵢ falls and one rises, F does not fall (weak) / rises (strong)
  symmetry      equal weights: exchanging two stakeholders changes nothing
  scale-free    multiplying one stakeholder's utility by a constant does not change which of two outcomes is better
  strategy      nobody gains by overstating his utility in one dimension of single-peaked preferences
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from rlhf_contract.errors import Span
from rlhf_contract.lang import ast
from rlhf_contract.lang.contract import Utility
from rlhf_contract.lang.ir import Builder, Node
from rlhf_contract.lang.names import Scope

__all__ = ["RULES", "aggregate"]

MAX_TIERS = 1_000_000


def aggregate(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """The node that combines `utilities` as `block` says. Problems go to `scope`."""
    rule = RULES.get(block.rule)
    zero = builder.const(0, 0, block.span)
    if rule is None:
        scope.unknown(block.rule, block.span, list(RULES), "aggregation")
        return zero
    if (block.levels is None) == (block.rule == "lexicographic"):
        hint = "write lexicographic(10)" if block.levels is None else f"write {block.rule}"
        what = "needs the number of tiers" if block.levels is None else "takes no number"
        scope.problem("arguments", f"{block.rule} {what}", block.span, hint)
        return zero
    return rule(builder, scope, block, utilities) if utilities else zero


def weighted_mean(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """Σ wᵢ·uᵢ; exact. Harsanyi, Journal of Political Economy 63 (1955).

    Keeps strong Pareto and symmetry. Breaks scale-freedom and strategy: one stakeholder's gain can pay for another's
    loss, and overstating pays.
    Example: weights .5, .3, .2 and utilities 1, 0, .5 give .5 + 0 + .1 = .6.
    """
    parts = [builder.arithmetic("mul", builder.const(u.weight, 6, u.node.span), u.node, u.node.span) for u in utilities]
    return reduce(lambda a, b: builder.arithmetic("add", a, b, block.span), parts)


def maximin(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """min uᵢ; exact. Rawls, A Theory of Justice (1971): the worst-off decides.

    Keeps weak Pareto and symmetry. Breaks strong Pareto and scale-freedom; weights have no effect on the reward.
    Example: utilities 1, 0.2, .5 give .2.
    """
    return reduce(lambda a, b: builder.arithmetic("min", a, b, block.span), [u.node for u in utilities])


def weighted_median(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """The smallest uᵢ at which the weights of all uⱼ ≤ uᵢ reach one half; exact.

    Black, Journal of Political Economy 56 (1948); strategy-proof: Moulin, Public Choice 35 (1980). Keeps weak Pareto,
    symmetry and strategy. Breaks strong Pareto: who is not in the middle moves nothing.
    Example: weights .5, .3, .2 and utilities 1, 0, .5: at 0 the weight is .3, at .5 it is .5, so the median is .5.
    """
    span = block.span
    half, zero = builder.const(5, 1, span), builder.const(0, 0, span)
    median = maximum = reduce(lambda a, b: builder.arithmetic("max", a, b, span), [u.node for u in utilities])
    for candidate in utilities:
        reached = zero
        for other in utilities:
            weight = builder.const(other.weight, 6, span)
            if other is not candidate:
                weight = builder.select(builder.compare("le", other.node, candidate.node, span), weight, zero, span)
            reached = builder.arithmetic("add", reached, weight, span)
        enough = builder.compare("le", half, reached, span)
        median = builder.arithmetic("min", median, builder.select(enough, candidate.node, maximum, span), span)
    return median


def lexicographic(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """The first stakeholder's tier decides, the second's breaks ties, and so on; from 0 to 1, rounded down.

    Each utility's range, as the compiler finds it, is cut into `levels` equal tiers 0 … levels − 1, and the reward is
    Σ tierᵢ·levelsⁿ⁻ⁱ ÷ (levelsⁿ − 1). After Fishburn, Management Science 20 (1974), with thresholds. Keeps weak Pareto.
    Breaks symmetry by design; weights have no effect on the reward.
    Example: lexicographic(2), utilities .6 and .4 of [0, 1]: tiers 1 and 0, so 2 ÷ 3 = .666666.
    """
    levels, span = block.levels or 0, block.span
    total = levels ** len(utilities) - 1
    if levels < 2 or total >= MAX_TIERS:
        text = f"{levels} tiers for each of {len(utilities)} stakeholders are {total + 1:,} ranks"
        scope.problem("levels", text, span, f"at least 2 tiers, at most {MAX_TIERS:,} ranks in all")
        return builder.const(0, 0, span)
    rank = builder.const(0, 0, span)
    for utility in utilities:
        rank = builder.arithmetic("mul", rank, builder.const(levels, 0, span), span)
        rank = builder.arithmetic("add", rank, _tier(builder, utility.node, levels, span), span)
    return builder.div(rank, builder.const(total, 0, span), span)


def _tier(builder: Builder, node: Node, levels: int, span: Span) -> Node:
    """Which of `levels` equal parts of its range `node` lies in; the upper end belongs to the last one."""
    low, high = builder.const(node.lowest, node.scale, span), builder.const(node.highest, node.scale, span)
    width = builder.arithmetic("sub", high, low, span)
    if width.value == 0:
        return builder.const(0, 0, span)
    above = builder.arithmetic("mul", builder.arithmetic("sub", node, low, span), builder.const(levels, 0, span), span)
    tier = builder.floor(builder.div(above, width, span), 0, span)
    return builder.arithmetic("min", tier, builder.const(levels - 1, 0, span), span)


def nash_product(builder: Builder, scope: Scope, block: ast.Aggregate, utilities: Sequence[Utility]) -> Node:
    """Π (uᵢ − floorᵢ)^wᵢ, and 0 when somebody does not get more than his FLOOR (0 if he names none).

    Nash, Econometrica 18 (1950); weights: Kalai, International Journal of Game Theory 6 (1977). Each gain is rounded
    down to six decimals; logarithm and power are fixed-point and never too high, so the result is at most the exact
    one, and does not fall when a utility rises. Keeps weak Pareto, symmetry and scale-freedom (of gains). Breaks
    strategy.
    Example: weights .5 and .5, gains .25 and 1: √.25 = .5, computed as 0.499999.
    """
    span = block.span
    zero, one = builder.const(0, 0, span), builder.const(1, 0, span)
    power, gains = zero, []
    for utility in utilities:
        gain = builder.arithmetic("sub", utility.node, builder.const(utility.floor, 6, span), span)
        units = builder.units(gain, 6, span)
        gains.append(builder.compare("le", one, units, span))
        weighted = builder.arithmetic("mul", builder.log2(units, span), builder.const(utility.weight, 0, span), span)
        power = builder.arithmetic("add", power, weighted, span)
    mean = builder.floor(builder.decimal(power, 6, span), 0, span)
    product = builder.decimal(builder.exp2(mean, span), 6, span)
    everybody = reduce(lambda a, b: builder.logic("and", (a, b), span), gains)
    return builder.select(everybody, product, zero, span)


Rule = Callable[[Builder, Scope, ast.Aggregate, Sequence[Utility]], Node]

RULES: dict[str, Rule] = {
    "weighted_mean": weighted_mean,
    "maximin": maximin,
    "weighted_median": weighted_median,
    "lexicographic": lexicographic,
    "nash_product": nash_product,
}
