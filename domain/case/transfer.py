"""Goods that go from one site of the merchant's to another."""

from __future__ import annotations

from collections.abc import Collection

from domain.case import Case
from domain.errors import UnknownSiteError
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """So many units of a line that went to another site."""

    line: int
    quantity: int
    to_site: str
    transfer_id: str | None
    content_hash: str


def transfer(case: Case, moved: Transfer, sites: Collection[str]) -> None:
    """Record that goods of a line went to another site; the same transfer again is no second one.

    Args:
        case: The return.
        moved: What went where.
        sites: Those that the return's policy names; where it names none, any site will do.
    Raises:
        IdentifierReusedError: Another transfer came under this id.
        UnknownSiteError: The policy names sites, and not this one.
        QuantityExceededError: Fewer units are here, at another site than that.
    """
    if moved.transfer_id is not None and case.rma.is_repeat("transfer_id", moved.transfer_id, moved.content_hash):
        return
    if sites and moved.to_site not in sites:
        raise UnknownSiteError(moved.to_site, sites)
    runs = case.rma.pick(
        moved.line,
        moved.quantity,
        lambda state: state.is_at_dock and not state.went_out and state.site != moved.to_site,
    )
    case.rma.trigger_event(
        case.rma.GoodsTransferred,
        transfer_id=moved.transfer_id,
        runs=runs,
        to_site=moved.to_site,
        content_hash=moved.content_hash,
        timestamp=case.at,
    )
