"""Goods that go from one site of the merchant's to another."""

from __future__ import annotations

from domain.case import Case


def transfer(
    case: Case, number: int, quantity: int, *, to_site: str, transfer_id: str | None, content_hash: str
) -> None:
    """Record that goods of a line went to another site; the same transfer again is no second one.

    Raises:
        IdentifierReusedError: Another transfer came under this id.
        QuantityExceededError: Fewer units are here, at another site than that.
    """
    if transfer_id is not None and case.rma.is_repeat("transfer_id", transfer_id, content_hash):
        return
    runs = case.rma.pick(
        number, quantity, lambda state: state.is_at_dock and not state.went_out and state.site != to_site
    )
    case.rma.trigger_event(
        case.rma.GoodsTransferred,
        transfer_id=transfer_id,
        runs=runs,
        to_site=to_site,
        content_hash=content_hash,
        timestamp=case.at,
    )
