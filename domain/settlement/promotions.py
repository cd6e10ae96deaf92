"""What a refund takes off for promotions that no longer hold, and what it gives back of that.

After every refund what was taken off in sum is what the promotion was, less what the units that are gone carried of it,
as long as what it hung on is not met: so who returns everything in several goes gets what all at once would give, and
never less than was paid for everything less what the kept units alone would have cost without the promotion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.order import Order
from domain.order.parts import Credit, LineRun
from domain.order.promotions import PromotionChange


def changes(
    order: Order, going: Iterable[LineRun | Credit], *, bearable_minor: int = 0, returned: bool = True
) -> tuple[PromotionChange, ...]:
    """Return what changes with a refund for these units: given back whatever it bears, taken off as far as it can bear.

    Args:
        order: The order.
        going: The units whose worth goes back; those that went before count once.
        bearable_minor: What the refund comes to without it, minor units; 0: nothing is taken off.
        returned: Whether they come back; cancelled units break nothing.
    """
    newly = order.newly_gone(going)
    moves = [
        (account.fact.promotion_id, account.lost_after(newly, returned=returned) - account.taken_minor)
        for account in order.promotions
    ]
    bearable = bearable_minor - sum(min(amount, 0) for _, amount in moves) if bearable_minor else 0
    found = []
    for promotion_id, amount in moves:
        change = min(amount, bearable)
        bearable -= max(change, 0)
        if change:
            found.append(PromotionChange(promotion_id, change))
    return tuple(found)


def total_minor(changed: Sequence[PromotionChange]) -> int:
    """Return what is taken off in all; below zero: given back (minor units)."""
    return sum(change.amount_minor for change in changed)
