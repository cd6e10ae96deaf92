"""The policy document: what a merchant publishes, as data, and the bounds that keep every document cheap to decide."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.policy.values import (
    AMOUNT_MAX_MINOR,
    VALUES_IN_WORDS,
    AmountMinor,
    BasisPoints,
    Calendar,
    Code,
    Days,
    LongText,
    Number,
    Scalar,
    Text,
    TimeText,
    Zone,
)
from domain.vocabularies import Anchor, Disposition, Grade, Method, Reason, RefundDue, Wish

RULES_MAX: Final = 500
DEPTH_MAX: Final = 16
"""How deep ``all``, ``any`` and ``not`` may nest inside one rule."""
CONDITIONS_MAX: Final = 100
"""How many comparisons and connectives one rule may hold."""
VALUES_MAX: Final = 1_000
CONDITIONS_TOTAL_MAX: Final = 5_000
VALUES_TOTAL_MAX: Final = 20_000
"""How many conditions, and values in their lists, all rules may hold together."""
CODE_WINDOW_EXPIRED: Final = "window_expired"
CODE_WISH_NOT_OFFERED: Final = "wish_not_offered"
CODE_REPAIR_FIRST: Final = "repair_or_replacement_first"

TEXT_FACTS: Final = "channel seller_id country customer_tier category sku reason wish".split()
NUMBER_FACTS: Final = "quantity line_paid_minor unit_paid_minor days_since_ordered days_since_delivered".split()
TRUTH_FACTS: Final = "final_sale gift in_warranty".split()
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


def _few_enough(rules: object) -> object:
    # without looking into them: ten thousand faulty rules are one fault, not ten thousand
    if isinstance(rules, list | tuple) and len(rules) > RULES_MAX:
        raise PydanticCustomError("too_many", "more than {most} rules", {"most": RULES_MAX})
    return rules


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


# Lists come from JSON as lists and are kept as tuples; only the container is read leniently, never its items.
Reasons = Annotated[tuple[Reason, ...], Field(strict=False, max_length=64)]
Offers = Annotated[tuple[Wish, ...], Field(strict=False, min_length=1, max_length=16)]
Grades = Annotated[tuple[Grade, ...], Field(strict=False, max_length=16)]
Outcome = Literal["approve", "deny", "review"]
Count = Literal["calendar", "business"]
Roll = Literal["none", "next_business_day"]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # a fault's text stays small, however deep or long the input is
        populate_by_name=True,
    )


class Window(_Part):
    """How long a return may be asked for: ``days`` whole days after the anchor's day, in ``zone``."""

    days: Days
    anchor: Anchor = "delivered"
    count: Count = "calendar"
    roll: Roll = "none"
    calendar: Calendar | None = None
    zone: Zone = "UTC"


class WindowChange(_Part):
    """The keys of the window that a rule speaks of; each is an effect of its own."""

    days: Days | None = None
    anchor: Anchor | None = None
    count: Count | None = None
    roll: Roll | None = None
    calendar: Calendar | None = None
    zone: Zone | None = None


class Fees(_Part):
    """What a return costs the customer: basis points of the goods, and minor units once per RMA."""

    restocking_bps: BasisPoints = 0
    return_shipping_minor: AmountMinor = 0
    waived_for: Reasons = ()


class FeesChange(_Part):
    """The keys of the fees that a rule speaks of; each is an effect of its own."""

    restocking_bps: BasisPoints | None = None
    return_shipping_minor: AmountMinor | None = None
    waived_for: Reasons | None = None


class Remedy(_Part):
    """An offer that avoids the return; which field it needs depends on its kind.

    ``troubleshooting`` carries ``instructions``; ``partial_refund`` the share of the units' price, in basis points,
    that the customer gets for keeping them; ``exchange_bonus`` the credit in minor units on top of an exchange.
    """

    kind: Literal["troubleshooting", "partial_refund", "exchange_bonus"]
    instructions: LongText | None = None
    share_bps: Annotated[int, Field(ge=1, le=10_000)] | None = None
    bonus_minor: Annotated[int, Field(ge=1, le=AMOUNT_MAX_MINOR)] | None = None
    answer_within_days: Annotated[int, Field(ge=1, le=365)] = 7

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needed = {"troubleshooting": "instructions", "partial_refund": "share_bps", "exchange_bonus": "bonus_minor"}
        for kind, name in needed.items():
            if (getattr(self, name) is not None) != (kind == self.kind):
                raise PydanticCustomError(
                    "remedy", "{name} belongs to {kind} and only to it", {"name": name, "kind": kind}
                )
        return self


class Condition(_Part):
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

    def comparisons(self) -> list[tuple[str, Any]]:
        """Return the operators this comparison names, each with what it expects; empty for a connective."""
        expected = (self.equals, self.one_of, self.at_least, self.at_most, self.before, self.after)
        return [(name, value) for name, value in zip(OPERATORS, expected, strict=True) if value is not None]


class Effects(_Part):
    """What a rule says where it matches; for each effect the first rule that matches and speaks of it wins."""

    decide: Outcome | None = None
    code: Code | None = None
    window: WindowChange | None = None
    offers: Offers | None = None
    method: Method | None = None
    return_to: Text | None = None
    fees: FeesChange | None = None
    refund_due: RefundDue | None = None
    accept_grades: Grades | None = None
    ship_back_days: Days | None = None
    remedy: Remedy | None = None

    @model_validator(mode="after")
    def _code_fits_decision(self) -> Self:
        if self.decide in {"deny", "review"} and self.code is None:
            raise PydanticCustomError("code", "a code is required to deny or to send to review")
        if self.code is not None and self.decide is None:
            raise PydanticCustomError("code", "a code belongs to a decision")
        return self

    def spoken(self) -> tuple[tuple[str, Any], ...]:
        """Return each effect this rule speaks of with its value, window and fees key by key."""
        found: list[tuple[str, Any]] = []
        if self.decide is not None:
            found.append(("decide", (self.decide, self.code)))
        for name in ("window", "fees"):
            change = getattr(self, name)
            keys = type(change).model_fields if change is not None else ()
            found.extend((f"{name}.{key}", getattr(change, key)) for key in keys if getattr(change, key) is not None)
        plain = ("offers", "method", "return_to", "refund_due", "accept_grades", "ship_back_days", "remedy")
        found.extend((name, getattr(self, name)) for name in plain if getattr(self, name) is not None)
        return tuple(found)


def _size(condition: Condition) -> tuple[int, int]:
    """Return how many conditions there are, and how many values in their lists."""
    conditions, values, waiting = 0, 0, [condition]
    while waiting:  # bounded: what was read in is no larger than CONDITIONS_MAX
        one = waiting.pop()
        conditions, values = conditions + 1, values + len(one.one_of or ())
        waiting.extend(one.parts())
    return conditions, values


class Rule(_Part):
    """One named rule: when its condition holds, its effects are up for winning."""

    name: Text
    when: Annotated[Condition, BeforeValidator(_bounded)]
    then: Effects


DEFAULT_DISPOSITIONS: Final[dict[Grade, Disposition]] = {
    "A": "restock",
    "B": "open_box",
    "C": "liquidate",
    "D": "recycle",
    "E": "scrap",
    "X": "hold",
}


class PolicyDocument(_Part):
    """A merchant's return policy as data. Only ``window.days`` is required."""

    window: Window
    offers: Offers = ("refund",)
    method: Method = "own_carrier"
    return_to: Text = "default"
    ship_back_days: Days = 14
    inspect_within_days: Days = 5
    fees: Fees = Fees()
    refund_due: RefundDue = "inspection"
    refunds_outward_shipping: bool = False
    accept_grades: Grades = ("A", "B")
    dispositions: dict[Grade, Disposition] = Field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Field(strict=False, max_length=RULES_MAX), BeforeValidator(_few_enough)] = ()

    @model_validator(mode="after")
    def _fill_and_compare(self) -> Self:
        # a grade that the merchant leaves out still has somewhere to go
        object.__setattr__(self, "dispositions", {**DEFAULT_DISPOSITIONS, **self.dispositions})
        sizes = [_size(rule.when) for rule in self.rules]
        if sum(conditions for conditions, _ in sizes) > CONDITIONS_TOTAL_MAX:
            raise PydanticCustomError("too_many", "more than {most} conditions in all", {"most": CONDITIONS_TOTAL_MAX})
        if sum(values for _, values in sizes) > VALUES_TOTAL_MAX:
            raise PydanticCustomError("too_many", "more than {most} values in lists", {"most": VALUES_TOTAL_MAX})
        names = [rule.name for rule in self.rules]
        for index, name in enumerate(names):
            if name in names[:index]:
                message = "rules[{index}].name is the name of an earlier rule"
                raise PydanticCustomError("rule_name", message, {"index": index})
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Return the document itself: it is immutable, and its identity is what compiled rules are kept by."""
        return self

    def calendars(self) -> tuple[str, ...]:
        """Return the names of all holiday calendars that deciding by this document may need, sorted."""
        changes = [rule.then.window for rule in self.rules if rule.then.window is not None]
        windows: list[Window | WindowChange] = [self.window, *changes]
        return tuple(sorted({window.calendar for window in windows if window.calendar is not None}))


def canonical_json(document: PolicyDocument) -> str:
    """Return the full document, defaults filled in, as JSON that is the same for equal documents."""
    content = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(document: PolicyDocument) -> str:
    """Return the SHA-256 of the document's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()
