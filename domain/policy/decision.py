"""The decision on one line: what was decided, on which terms, from which facts, and why. Stored as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, NotRequired, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SerializeAsAny
from typing_extensions import TypedDict

from domain.policy.document import Outcome, Remedy
from domain.policy.facts import Facts
from domain.policy.statutes import LawPin
from domain.vocabularies import Disposition, Grade, GradeOfWear, Method, Promotions, Reason, RefundDue, RefundFrom, Wish


class ComparisonRecord(TypedDict):
    """One comparison: where it stands in the rule's condition, what it expected and found (null: missing)."""

    path: str
    fact: str
    operator: str
    expected: JsonValue
    found: JsonValue
    held: bool


class RuleRecord(TypedDict):
    """One rule: its comparisons, whether it matched, the effects it won, and those it lost, each to which rule."""

    kind: Literal["rule"]
    name: str
    path: str
    matched: bool
    comparisons: list[ComparisonRecord]
    won: list[str]
    lost: dict[str, str]


class WindowRecord(TypedDict):
    """The merchant's window: its keys, the rules that set any of them, when it ends (null: open), who was inside."""

    kind: Literal["window"]
    days: int
    anchor: str
    count: str
    roll: str
    calendar: str | None
    zone: str
    set_by: dict[str, str]
    anchor_at: str | None
    ends_at: str | None
    inside: bool


class StatuteRecord(TypedDict):
    """One statute: whether it held and why (``holds``, or what was missing), and the effects that it decided.

    From the second edition on with its ``article``; of a country without law one record says so (``no_law``).
    """

    kind: Literal["statute"]
    id: str
    holds: bool
    why: str
    ends_at: str | None
    decided: list[str]
    article: NotRequired[str]


class OutcomeRecord(TypedDict):
    """What the merchant's policy alone says, what came out, and which rule, window, statute or offers decided.

    ``changes_tried_max`` is there where a denial's flips may not be all: so many changes were tried, and no more.
    """

    kind: Literal["outcome"]
    merchant_outcome: str
    merchant_codes: list[str]
    outcome: str
    decided_by: str
    changes_tried_max: NotRequired[int]


TraceRecord = Annotated[
    RuleRecord | WindowRecord | StatuteRecord | OutcomeRecord,
    Field(discriminator="kind"),
]

# a single change of one fact that leads to approval; times as RFC 3339 text, ``days`` for changes in time (+ later)
OneFlip = TypedDict("OneFlip", {"fact": str, "from": JsonValue, "to": JsonValue, "days": int | None})


class Flip(OneFlip):
    """A change that leads to approval; with ``also`` only together with these others."""

    also: NotRequired[list[OneFlip]]


def _says_nothing(value: object) -> bool:
    return not value  # what came later leaves no trace in decisions that it does not change


def _keeps(promotions: object) -> bool:
    return promotions == "keep"


class DecidedFees(BaseModel):
    """The fees of a line.

    ``restocking_bps`` and ``return_shipping_minor`` hold after every limit that a statute sets whatever the inspection
    finds; ``merchant_…`` is what the merchant's policy alone says. Where ``fee_free`` is set a right for faulty goods
    holds: no fee of any kind, unless the inspection finds no fault or the customer liable; then the first two apply.
    ``on_exchange``: they are taken, too, where units are exchanged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    restocking_bps: int
    return_shipping_minor: int
    waived_for: tuple[Reason, ...]
    fee_free: bool
    merchant_restocking_bps: int
    merchant_return_shipping_minor: int
    on_exchange: Annotated[bool, Field(exclude_if=_says_nothing)] = False


class Terms(TypedDict):
    """The terms of a line while rights better them: fields of its decision, which says ``remedy`` last."""

    method: Method
    return_to: str
    fees: DecidedFees
    refund_due: RefundDue
    refund_within_days: int | None
    refund_from: RefundFrom | None
    refunds_outward_shipping: bool
    promotions: Promotions
    accept_grades: tuple[Grade, ...]
    grade_share_bps: Mapping[GradeOfWear, int]
    dispositions: Mapping[Grade, Disposition]
    ship_back_days: int
    inspect_within_days: int
    remedy: NotRequired[Remedy | None]


Decided = dict[str, list[str]]
"""The effects that each right decided, by its id."""


def _is_unsaid(value: object) -> bool:
    return value is None  # decisions from before there were editions say nothing of them


class Decision(BaseModel):
    """What was decided on one line, with every input and the reasons; equal inputs give equal bytes.

    ``window_ends_at`` is null while the window is open; ``refund_within_days`` is null where no statute holds;
    ``refund_from`` of ``request`` means that these days run from the request, left out: from when the refund is due;
    ``refund_due`` of ``first_scan`` means at receipt where nothing was scanned. ``remedy`` is offered before an
    authorization; everything else is decided as if it were not. ``law`` is the edition of the statutes that was asked;
    it is left out where that is the first. ``statutes`` are the ids of its rights that had a say. Goods of a grade in
    ``grade_share_bps`` are accepted, and that share of goods and tax goes back (basis points). ``promotions``: whether
    what is lost of a promotion comes off a refund.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    codes: tuple[str, ...]
    offers: tuple[Wish, ...]
    method: Method
    return_to: str
    fees: DecidedFees
    refund_due: RefundDue
    refund_within_days: int | None
    refund_from: Annotated[RefundFrom | None, Field(exclude_if=_is_unsaid)] = None
    refunds_outward_shipping: bool
    promotions: Annotated[Promotions, Field(exclude_if=_keeps)] = "keep"
    accept_grades: tuple[Grade, ...]
    grade_share_bps: Annotated[dict[Grade, int], Field(exclude_if=_says_nothing)] = Field(default_factory=dict)
    dispositions: dict[Grade, Disposition]
    ship_back_days: int
    inspect_within_days: int
    ship_back_due_at: datetime
    window_ends_at: datetime | None
    zone: str
    remedy: Remedy | None
    statutes: tuple[str, ...]
    law: Annotated[LawPin | None, Field(exclude_if=_is_unsaid)] = None
    facts: Facts
    trace: SerializeAsAny[tuple[TraceRecord, ...]]  # written out as it is, which is four times as fast
    flips: tuple[Flip, ...]

    @classmethod
    def of(cls, fields: dict[str, object]) -> Self:
        """Return a decision of exactly its fields, in their order, unchecked.

        What ``model_construct`` does, in a quarter of the time: a decision is made for every line there is.
        """
        made = cls.__new__(cls)
        _set(made, "__dict__", fields)
        _set(made, "__pydantic_fields_set__", _FIELDS)
        _set(made, "__pydantic_extra__", None)
        _set(made, "__pydantic_private__", None)
        return made


_FIELDS: Final = set(Decision.model_fields)
_set: Final = object.__setattr__
