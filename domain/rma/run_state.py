"""Where a unit of a return stands, in four dimensions, and what rules ask about it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from domain.vocabularies import (
    OPEN_SETTLEMENTS,
    PAID_OUT,
    SET_OFF,
    AppealState,
    Authorization,
    Cause,
    Disposition,
    Grade,
    InspectionState,
    LiableParty,
    Logistics,
    Resolution,
    Settlement,
)

LIVE: Final = frozenset({"requested", "needs_review", "authorized"})
EXPECTED: Final = frozenset({"with_customer", "in_transit", "delivered", "lost"})
GOODS_GO_OUT: Final = frozenset({"exchange", "replacement", "repair", "send_back"})


class RunState(NamedTuple):
    """The four dimensions in which each unit of a return stands, each on its own; settlement belongs to resolution."""

    authorization: Authorization = "requested"
    logistics: Logistics = "with_customer"
    inspection: InspectionState = "awaiting"
    resolution: Resolution = "undecided"
    settlement: Settlement = "none"
    inspection_id: str | None = None
    grade: Grade | None = None
    cause: Cause | None = None
    liable_party: LiableParty | None = None
    accepted: bool = False
    disposition: Disposition | None = None
    goods_sent: bool = False
    """The goods of the resolution are through: replacement shipped, repaired, or sent back."""
    site: str | None = None
    """Where the goods are."""
    wrong_serial: bool = False
    """The serial number that was read off the goods cannot be this unit's: money waits for a person."""
    found_sku: str | None = None
    """The article that came in the unit's place."""
    disposed_by: Literal["policy", "person"] | None = None
    instructed: Disposition | None = None
    """What the merchant's stock was last told to do with the goods."""
    goods_begun: bool = False
    """Some of the articles in the unit's place have left, others have not."""
    deducted: bool = False
    """A person named what is paid for the unit."""
    agent_id: str | None = None
    """The agent who last decided on the unit; None: policy did, or another kind of actor."""
    appeal: AppealState = "none"
    """What the customer appeals against, or that the answer to an appeal stands."""

    # authorization

    @property
    def is_live(self) -> bool:
        """Tell whether the unit may come back, or may yet be allowed to."""
        return self.authorization in LIVE

    @property
    def is_authorized(self) -> bool:
        return self.authorization == "authorized"

    @property
    def needs_review(self) -> bool:
        return self.authorization == "needs_review"

    @property
    def has_expired(self) -> bool:
        return self.authorization == "expired"

    @property
    def is_denied(self) -> bool:
        return self.authorization == "denied"

    def may_be_taken_up(self, authorization: Authorization) -> bool:
        """Tell whether the unit was given up, and may be again what it is to be: an appeal is against a denial only."""
        given_up = self.is_appealable_denial if authorization == "needs_review" else not self.is_live
        return given_up and not (self.resolution == "send_back" and self.goods_sent)

    @property
    def is_appealable_denial(self) -> bool:
        """Tell whether the unit was denied, by a decision that is not yet the answer to an appeal."""
        return self.is_denied and self.appeal != "answered"

    @property
    def is_appealed(self) -> bool:
        """Tell whether an appeal waits for its answer."""
        return self.needs_review and self.appeal in {"request", "inspection"}

    @property
    def went_against_customer(self) -> bool:
        """Tell whether an inspection did, and what was decided since: nothing, no money, or less than all of it."""
        if not (self.is_authorized and self.is_here and self.is_inspected) or self.accepted or self.goods_sent:
            return False
        refused = self.resolution in {"undecided", "none", "send_back"}
        return (refused or (self.is_paid_out and self.deducted)) and self.appeal != "answered"

    # logistics

    @property
    def is_with_customer(self) -> bool:
        return self.logistics == "with_customer"

    @property
    def has_left(self) -> bool:
        """Tell whether the customer sent the unit, or it was found missing; one to be kept never leaves."""
        return self.logistics not in {"with_customer", "kept"}

    @property
    def is_on_its_way(self) -> bool:
        return self.logistics in {"in_transit", "delivered"}

    @property
    def is_here(self) -> bool:
        return self.logistics == "received"

    @property
    def is_another_article(self) -> bool:
        """Tell whether another article came in the unit's place."""
        return self.logistics == "wrong_item"

    @property
    def is_at_dock(self) -> bool:
        """Tell whether goods are here for the unit: it itself, or another article in its place."""
        return self.is_here or self.is_another_article

    @property
    def went_out(self) -> bool:
        """Tell whether goods that were here are on their way to the customer."""
        return self.goods_sent and self.resolution in {"repair", "send_back"}

    def is_here_as(self, sku: str | None) -> bool:
        """Tell whether goods are here as another article of this name; None: as the unit itself."""
        return self.is_here if sku is None else self.is_another_article and self.found_sku == sku

    @property
    def is_kept(self) -> bool:
        """Tell whether the unit need not come back."""
        return self.logistics == "kept"

    @property
    def is_lost(self) -> bool:
        return self.logistics == "lost"

    @property
    def is_missing(self) -> bool:
        """Tell whether the unit did not come, or turned out to be another article."""
        return self.logistics in {"short", "wrong_item"}

    @property
    def is_expected(self) -> bool:
        """Tell whether the unit has yet to arrive; a lost one may still."""
        return self.logistics in EXPECTED

    @property
    def may_arrive(self) -> bool:
        """Tell whether an arrival may be this unit: a short one, too, turns up after all."""
        return self.is_expected or self.logistics == "short"

    # inspection

    @property
    def is_inspected(self) -> bool:
        return self.inspection == "inspected"

    @property
    def awaits_inspection(self) -> bool:
        return self.is_here and self.inspection == "awaiting"

    def awaits_inspection_as(self, sku: str | None) -> bool:
        """Tell whether goods that are here under this name wait for the bench."""
        return self.is_here_as(sku) and self.inspection == "awaiting"

    @property
    def awaits_bench(self) -> bool:
        """Tell whether the unit may come back, did, and has yet to be looked at; a held one too."""
        return self.is_authorized and self.is_here and not self.is_inspected

    @property
    def is_on_hold(self) -> bool:
        return self.is_here and self.inspection == "held"

    @property
    def has_goods_out(self) -> bool:
        """Tell whether anything of what the resolution sends out has left."""
        return self.goods_sent or self.goods_begun

    # resolution and settlement

    @property
    def is_undecided(self) -> bool:
        return self.resolution == "undecided"

    @property
    def is_paid_out(self) -> bool:
        """Tell whether money goes out for the unit, or went."""
        return self.resolution in PAID_OUT and not self.awaits_its_moment

    @property
    def is_refunded(self) -> bool:
        """Tell whether the worth of the unit goes back, or went: in money, or set off against another article."""
        return self.resolution in SET_OFF and not self.awaits_its_moment

    @property
    def awaits_its_moment(self) -> bool:
        """Tell whether a person decided on money that goes out only once policy's moment has come."""
        return self.settlement == "due"

    @property
    def is_exchanged(self) -> bool:
        return self.resolution == "exchange"

    @property
    def awaits_money(self) -> bool:
        """Tell whether money that is due for the unit has yet to arrive."""
        return self.settlement in OPEN_SETTLEMENTS

    @property
    def is_settled(self) -> bool:
        return self.settlement == "settled"

    @property
    def is_through(self) -> bool:
        """Tell whether the money and the goods that a resolution promises have arrived where they should."""
        if self.is_undecided or self.awaits_money:
            return False
        return self.goods_sent or self.resolution not in GOODS_GO_OUT
