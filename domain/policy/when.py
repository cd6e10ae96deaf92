"""Conditions as documents write them: what rules and questions ask of the facts, and how much of it."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.policy.values import VALUES_IN_WORDS, Expected, Number, Part, Scalar, TimeText

DEPTH_MAX: Final = 16
"""How deep ``all``, ``any`` and ``not`` may nest inside one rule."""
CONDITIONS_MAX: Final = 100
"""How many comparisons and connectives one rule may hold."""
VALUES_MAX: Final = 1_000
LAW_TRUTHS: Final = ("distance_sale", "business_buyer", "second_hand", "informed", "unsealed", "digital_consent")
LAW_FACTS: Final = frozenset([*LAW_TRUTHS, "repairs_tried"])
"""What the law asks about an order, a line or a request; rules may ask it, too."""
TEXT_FACTS: Final = "channel seller_id country customer_tier category sku reason wish withdrawal_exception".split()
NUMBER_FACTS: Final = (
    "quantity line_paid_minor unit_paid_minor days_since_ordered days_since_delivered repairs_tried".split()
)
TRUTH_FACTS: Final = ("final_sale", "gift", "in_warranty", "bundle_complete", *LAW_TRUTHS)
FACT_NAMES: Final = frozenset([*TEXT_FACTS, *NUMBER_FACTS, *TRUTH_FACTS, "tender_kinds", "ordered_at"])
ANSWER_PREFIX: Final = "answers."
OPERATORS: Final = ("is", "in", "at_least", "at_most", "before", "after")

_FACT_PATTERN: Final = "^(" + "|".join(sorted(FACT_NAMES)) + r"|answers\.[!-~]{1,64})$"
PATTERNS_IN_WORDS: Final = VALUES_IN_WORDS | {
    _FACT_PATTERN: f"must be one of the facts {', '.join(sorted(FACT_NAMES))}, or answers. and the name of an answer",
}
"""What is said of a value that does not fit a pattern, which itself says nothing to people."""


def _bounded(condition: object) -> object:
    """Refuse what is too deep or too large before anything recurses into it."""
    level, depth, count = [condition], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEPTH_MAX:
            raise PydanticCustomError("too_deep", "conditions nest deeper than {most}", {"most": DEPTH_MAX})
        if count > CONDITIONS_MAX:
            raise PydanticCustomError("too_many", "more than {most} conditions in one rule", {"most": CONDITIONS_MAX})
        level = [child for node in level for child in _children(node)]
    return condition


def _children(node: object) -> list[object]:
    if isinstance(node, Condition):
        return list(node.parts())
    if not isinstance(node, dict):
        return []
    found: list[object] = []
    for key in ("all", "any"):
        inner = node.get(key)
        found.extend(inner if isinstance(inner, list | tuple) else [])
    return [*found, node["not"]] if "not" in node else found


class Condition(Part):
    """One comparison of a fact, or ``all``, ``any``, ``not`` of further conditions.

    A comparison may name several operators; all of them must hold.
    """

    fact: Annotated[str, Field(pattern=_FACT_PATTERN)] | None = None
    equals: Annotated[Scalar | None, Field(alias="is")] = None
    one_of: Annotated[tuple[Scalar, ...] | None, Field(alias="in", strict=False, max_length=VALUES_MAX)] = None
    at_least: Number | None = None
    at_most: Number | None = None
    before: TimeText | None = None
    after: TimeText | None = None
    all_of: Annotated[tuple[Condition, ...] | None, Field(alias="all", strict=False)] = None
    any_of: Annotated[tuple[Condition, ...] | None, Field(alias="any", strict=False)] = None
    negated: Annotated[Condition | None, Field(alias="not")] = None

    @model_validator(mode="after")
    def _has_one_form(self) -> Self:
        forms = [form for form in (self.fact, self.all_of, self.any_of, self.negated) if form is not None]
        compared = self.comparisons()
        if len(forms) != 1 or bool(compared) != (self.fact is not None):
            message = "needs exactly one of fact (with is, in, at_least, at_most, before or after), all, any, not"
            raise PydanticCustomError("condition", message)
        return self

    def parts(self) -> tuple[Condition, ...]:
        """Return the conditions that ``all``, ``any`` or ``not`` joins; none for a comparison."""
        negated = () if self.negated is None else (self.negated,)
        return (*(self.all_of or ()), *(self.any_of or ()), *negated)

    def comparisons(self) -> list[tuple[str, Expected]]:
        """Return the operators this comparison names, each with what it expects; empty for a connective."""
        expected = (self.equals, self.one_of, self.at_least, self.at_most, self.before, self.after)
        return [(name, value) for name, value in zip(OPERATORS, expected, strict=True) if value is not None]


When = Annotated[Condition, BeforeValidator(_bounded)]


def size_of(condition: Condition) -> tuple[int, int]:
    """Return how many conditions there are, and how many values in their lists."""
    conditions, values, waiting = 0, 0, [condition]
    while waiting:  # bounded: what was read in is no larger than CONDITIONS_MAX
        one = waiting.pop()
        conditions, values = conditions + 1, values + len(one.one_of or ())
        waiting.extend(one.parts())
    return conditions, values
