"""What would be too little: of each effect that a right demands, the values a document must not give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from domain.policy.statutes import Statute

Values = dict[str, Any]
Said = Callable[[Values, str, str], bool]
ALL_BPS: Final = 10_000
_WAIT: Final = ("approval", "first_scan", "receipt", "inspection")
_WAYS: Final = ("fees.waived_for", "method", "fees.return_shipping_minor")


class TooLittle(NamedTuple):
    """One effect that a right demands: whose values bear on it, which are too little, and for whom."""

    effect: str
    keys: tuple[str, ...]
    may: Callable[[Values], bool]
    """Whether values of the first keys, and at last of all, may be too little; what is not known yet may be."""
    said: Said
    """Whether they are for a reason and a wish."""
    caps_price: bool = False
    """Whether it is only for lines that cost no more than return shipping does."""


def _always(_values: Values, _reason: str, _wish: str, /) -> bool:
    return True


def _not_waived(values: Values, reason: str, _wish: str, /) -> bool:
    return reason not in values["fees.waived_for"]


def _single(effect: str, is_too_little: Callable[[Any], bool]) -> TooLittle:
    """Return the demand on an effect that hangs on no other, and is for everyone."""
    return TooLittle(effect, (effect,), lambda won: is_too_little(won[effect]), _always)


def demands_on(right: Statute) -> Iterator[TooLittle]:
    """Yield what would be too little under a right, beside the outcome."""
    yield _single("offers", lambda offers: not set(right.grants) <= set(offers))
    if (most := right.restocking_bps_max) is not None:
        yield _single("fees.restocking_bps", lambda bps: bool(bps > most))
    if right.fee_free:
        yield TooLittle("fees", ("fees.waived_for", "fees.restocking_bps"), _is_restocked, _not_waived)
        yield TooLittle("fees", _WAYS, _is_charged, _not_waived)
        yield _single("grade_share_bps", lambda shares: any(share < ALL_BPS for share in shares.values()))
    yield from _on_the_way_back(right)
    if right.refunds_outward_shipping:
        yield _single("refunds_outward_shipping", lambda refunds: not refunds)
    if (due := right.refund_due) is not None:
        yield _single("refund_due", lambda offered: _WAIT.index(offered) > _WAIT.index(due))


def _is_restocked(won: Values) -> bool:
    return bool(won.get("fees.restocking_bps", 1))


def _is_charged(won: Values) -> bool:
    return won.get("method", "label") == "label" and bool(won.get("fees.return_shipping_minor", 1))


def _on_the_way_back(right: Statute) -> Iterator[TooLittle]:
    if (least := right.ship_back_days_min) is not None:
        yield _single("ship_back_days", lambda days: bool(days < least))
    if right.return_shipping == "free":
        yield _single("method", lambda method: method == "own_carrier")
        if "repair" in right.grants:
            yield TooLittle("method", ("method",), lambda won: won["method"] == "keep", _is_repair)
        if not right.fee_free:
            yield TooLittle("return_shipping", _WAYS, _is_charged, _not_waived)
    if right.return_shipping == "direct_cost":
        yield TooLittle("return_shipping", _WAYS, _is_charged, _not_waived, caps_price=True)


def _is_repair(_values: Values, _reason: str, wish: str, /) -> bool:
    return wish == "repair"
