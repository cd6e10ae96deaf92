"""The policy document: what a merchant publishes, as data, and the bounds that keep every document cheap to decide."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from domain.policy.question import QUESTIONS_MAX, Question
from domain.policy.values import (
    AMOUNT_MAX_MINOR,
    AmountMinor,
    BasisPoints,
    Calendar,
    Code,
    Country,
    Days,
    LongText,
    Part,
    ShareBasisPoints,
    Text,
    Zone,
)
from domain.policy.when import When, size_of
from domain.vocabularies import Anchor, Disposition, Grade, GradeOfWear, Method, Promotions, Reason, RefundDue, Wish

RULES_MAX: Final = 500
SITES_MAX: Final = 100
CONDITIONS_TOTAL_MAX: Final = 5_000
VALUES_TOTAL_MAX: Final = 20_000
"""How many conditions, and values in their lists, all rules may hold together."""
CODE_WINDOW_EXPIRED: Final = "window_expired"
CODE_WISH_NOT_OFFERED: Final = "wish_not_offered"
CODE_GIFT_UNPROVED: Final = "gift_unproved"
CODE_REPAIR_FIRST: Final = "repair_or_replacement_first"
CODE_LAW_ASKS_PERSON: Final = "law_asks_person"
FEEDBACK_AFTER_DAYS: Final = 3
"""Days after the end of a return on which the customer is asked what it was like, where a policy does not say."""


def _few_enough(rules: object) -> object:
    # without looking into them: ten thousand faulty rules are one fault, not ten thousand
    if isinstance(rules, list | tuple) and len(rules) > RULES_MAX:
        raise PydanticCustomError("too_many", "more than {most} rules", {"most": RULES_MAX})
    return rules


# Lists come from JSON as lists and are kept as tuples; only the container is read leniently, never its items.
Reasons = Annotated[tuple[Reason, ...], Field(strict=False, max_length=64)]
Offers = Annotated[tuple[Wish, ...], Field(strict=False, min_length=1, max_length=16)]
Grades = Annotated[tuple[Grade, ...], Field(strict=False, max_length=16)]
Outcome = Literal["approve", "deny", "review"]
Count = Literal["calendar", "business"]
Roll = Literal["none", "next_business_day"]


class Window(Part):
    """How long a return may be asked for: ``days`` whole days after the anchor's day, in ``zone``."""

    days: Days
    anchor: Anchor = "delivered"
    count: Count = "calendar"
    roll: Roll = "none"
    calendar: Calendar | None = None
    zone: Zone = "UTC"


class WindowChange(Part):
    """The keys of the window that a rule speaks of; each is an effect of its own."""

    days: Days | None = None
    anchor: Anchor | None = None
    count: Count | None = None
    roll: Roll | None = None
    calendar: Calendar | None = None
    zone: Zone | None = None


class Fees(Part):
    """What a return costs the customer: basis points of the goods, and minor units once per RMA.

    ``on_exchange``: whether they are taken, too, where units are exchanged.
    """

    restocking_bps: BasisPoints = 0
    return_shipping_minor: AmountMinor = 0
    waived_for: Reasons = ()
    on_exchange: bool = False


class FeesChange(Part):
    """The keys of the fees that a rule speaks of; each is an effect of its own."""

    restocking_bps: BasisPoints | None = None
    return_shipping_minor: AmountMinor | None = None
    waived_for: Reasons | None = None
    on_exchange: bool | None = None


class Remedy(Part):
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


class Effects(Part):
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

    def spoken(self) -> tuple[tuple[str, object], ...]:
        """Return each effect this rule speaks of with its value, window and fees key by key."""
        found: list[tuple[str, object]] = []
        if self.decide is not None:
            found.append(("decide", (self.decide, self.code)))
        for name in ("window", "fees"):
            change = getattr(self, name)
            keys = type(change).model_fields if change is not None else ()
            found.extend((f"{name}.{key}", getattr(change, key)) for key in keys if getattr(change, key) is not None)
        plain = ("offers", "method", "return_to", "refund_due", "accept_grades", "ship_back_days", "remedy")
        found.extend((name, getattr(self, name)) for name in plain if getattr(self, name) is not None)
        return tuple(found)


class Rule(Part):
    """One named rule: when its condition holds, its effects are up for winning."""

    name: Text
    when: When
    then: Effects


class Limits(Part):
    """How much money one person may give by one command, minor units; more needs a second person."""

    agent_minor: AmountMinor | None = None


class Site(Part):
    """A place at which goods are received."""

    name: Text
    address: LongText
    country: Country


DEFAULT_DISPOSITIONS: Final[dict[Grade, Disposition]] = {
    "A": "restock",
    "B": "open_box",
    "C": "liquidate",
    "D": "recycle",
    "E": "scrap",
    "X": "hold",
}


class PolicyDocument(Part):
    """A merchant's return policy as data. Only ``window.days`` is required.

    Goods of a grade in ``grade_share_bps`` are accepted, and that share of goods and tax goes back. ``promotions``:
    whether a promotion that the units kept no longer meet comes off the refund. ``sites`` are where goods are received;
    where any is given, ``return_to`` names one of them.
    """

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
    questions: Annotated[tuple[Question, ...], Field(strict=False, max_length=QUESTIONS_MAX)] = ()
    limits: Limits = Limits()
    sites: Annotated[dict[Text, Site], Field(max_length=SITES_MAX)] = Field(default_factory=dict)
    promotions: Promotions = "keep"
    grade_share_bps: dict[GradeOfWear, ShareBasisPoints] = Field(default_factory=dict)
    feedback_after_days: Days = FEEDBACK_AFTER_DAYS

    @model_validator(mode="after")
    def _fill_and_compare(self) -> Self:
        # a grade that the merchant leaves out still has somewhere to go
        object.__setattr__(self, "dispositions", {**DEFAULT_DISPOSITIONS, **self.dispositions})
        conditions = [rule.when for rule in self.rules]
        conditions += [question.when for question in self.questions if question.when is not None]
        sizes = [size_of(condition) for condition in conditions]
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

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Self:
        faults = [*_asked_twice(self.questions), *self._sites_unknown()]
        if faults:
            raise ValidationError.from_exception_data(type(self).__name__, faults, hide_input=True)
        return self

    def _sites_unknown(self) -> Iterator[InitErrorDetails]:
        rules = [(("rules", index, "then", "return_to"), rule.then.return_to) for index, rule in enumerate(self.rules)]
        for place, site in [(("return_to",), self.return_to), *rules]:
            if self.sites and site is not None and site not in self.sites:
                # a value that is not there is told by the place where it is missing
                kind = "missing" if place == ("return_to",) and "return_to" not in self.model_fields_set else "site"
                yield _fault(place, kind, f"must be one of the sites {', '.join(self.sites)}")

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        """Return the document itself: it is immutable, and its identity is what compiled rules are kept by."""
        return self

    def calendars(self) -> tuple[str, ...]:
        """Return the names of all holiday calendars that deciding by this document may need, sorted."""
        changes = [rule.then.window for rule in self.rules if rule.then.window is not None]
        windows: list[Window | WindowChange] = [self.window, *changes]
        return tuple(sorted({window.calendar for window in windows if window.calendar is not None}))


def longest_business_days(document: PolicyDocument) -> int:
    """Return how many business days the longest window may have that counts in them; 0: none does."""
    changes = [rule.then.window for rule in document.rules if rule.then.window is not None]
    counts = {document.window.count, *(change.count for change in changes)}
    if "business" not in counts:
        return 0
    return max(document.window.days, *(change.days or 0 for change in changes), 0)


def _asked_twice(questions: Sequence[Question]) -> Iterator[InitErrorDetails]:
    names = [question.name for question in questions]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield _fault(("questions", index, "name"), "question_name", "is the name of an earlier question")


def _fault(place: tuple[int | str, ...], kind: str, message: str) -> InitErrorDetails:
    # braces in a name would be read as placeholders of the message
    escaped = message.replace("{", "{{").replace("}", "}}")
    return InitErrorDetails(type=PydanticCustomError(kind, escaped), loc=place, input=None)


def content_of(document: PolicyDocument) -> dict[str, Any]:
    """Return the full document as JSON values, every default filled in."""
    content: dict[str, Any] = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return content


_LATER: Final[Mapping[str, object]] = {
    "questions": [],
    "limits": {},
    "sites": {},
    "promotions": "keep",
    "grade_share_bps": {},
    "feedback_after_days": FEEDBACK_AFTER_DAYS,
}
"""Keys that documents got after the first were published, with their defaults."""


def canonical_json(document: PolicyDocument) -> str:
    """Return the document as JSON that is the same for equal documents, and that no later version writes otherwise.

    Defaults are filled in, but for those of keys that came later: a document that does not speak of them has its hash
    for ever.
    """
    content = content_of(document)
    for key, default in _LATER.items():
        if content[key] == default:
            del content[key]
    if not content["fees"]["on_exchange"]:
        del content["fees"]["on_exchange"]
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(document: PolicyDocument) -> str:
    """Return the SHA-256 of the document's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()
