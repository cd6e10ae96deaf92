"""An order as the shop tells of it, checked and allocated before it is recorded."""

from __future__ import annotations

from collections.abc import Iterable

from domain import ledger
from domain.errors import DuplicateLineError, DuplicateTenderError, TendersDoNotSumError
from domain.ledger import Posting
from domain.order.allocation import Charges, allocate
from domain.order.parts import Circumstances, ExchangeOf, OrderLine, Tender
from domain.order.promotions import GivenPromotion, Promotion, shared
from domain.order.serials import check_counted, check_distinct
from domain.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """What was sold to whom, and paid with what; the lines have their own figures, and no shares of the charges yet."""

    order_id: str
    customer_id: str
    country: str
    channel: str
    currency: str
    lines: tuple[OrderLine, ...]
    tenders: tuple[Tender, ...]
    charges: Charges
    policy_id: str
    seller_id: str | None
    customer_tier: str | None
    exchange_of: ExchangeOf | None
    content_hash: str
    carried: tuple[Tender, ...] = ()
    """What the exchange's tender was paid with in the end; what no tender is left for is store credit."""
    gift_code_hash: str | None = None
    contact: str | None = None
    """How the customer is reached, as JSON."""
    circumstances: Circumstances | None = None
    promotions: tuple[GivenPromotion, ...] = ()

    def allocated(self) -> tuple[OrderLine, ...]:
        """Return the lines with every cent allocated to them.

        Raises:
            DuplicateLineError, DuplicateTenderError, DuplicateSerialError: Two have one id, or number.
            QuantityExceededError: A line has more serial numbers than units.
            DiscountExceedsAmountError, DuplicateTaxError, TaxesDoNotSumError: As ``allocate`` does.
            TendersDoNotSumError: What was paid is not what was charged.
        """
        if line_id := _twice(line.line_id for line in self.lines):
            raise DuplicateLineError(f"line {line_id} is there twice", line_id=line_id)
        if tender_id := _twice(tender.tender_id for tender in self.tenders):
            raise DuplicateTenderError(f"tender {tender_id} is there twice", tender_id=tender_id)
        check_distinct(serial for line in self.lines for serial in line.serials)
        for line in self.lines:
            check_counted(line.serials, line.quantity, line_id=line.line_id)
        lines = allocate(self.lines, self.charges)
        charged = sum(line.paid_minor + line.shipping_minor for line in lines) + self.charges.rounding_minor
        tendered = sum(tender.amount_minor for tender in self.tenders)
        if charged != tendered:
            raise TendersDoNotSumError(
                f"{tendered} tendered for {charged} charged (minor units)",
                charged=charged,
                tendered=tendered,
                expected_minor=charged,
                given_minor=tendered,
            )
        return lines

    def promoted(self) -> tuple[Promotion, ...]:
        """Return the promotions with their shares of the lines; raises what ``promotions.shared`` does."""
        return shared(self.promotions, self.lines, self.charges.discount_minor)

    @property
    def bundle_ids(self) -> list[str]:
        """The kits that its lines were sold as, each once."""
        return [name for name in dict.fromkeys(line.bundle_id for line in self.lines) if name]

    @property
    def tenders_in_the_end(self) -> tuple[Tender, ...]:
        """The tenders that money goes back to, those of the exchange's own order in the place of its tender."""
        return tuple(
            paid for tender in self.tenders for paid in (self.carried if tender.kind == "exchange" else (tender,))
        )

    @property
    def paid_directly_minor(self) -> int:
        """What was paid for it at once, and not by an exchange, minor units."""
        return sum(tender.amount_minor for tender in self.tenders if tender.kind not in {"exchange", "on_account"})

    @property
    def postings(self) -> tuple[Posting, ...]:
        """What the books say of the sale: only what is still owed for it."""
        owed = sum(tender.amount_minor for tender in self.tenders if tender.kind == "on_account")
        return ledger.entry((ledger.ACCOUNTS_RECEIVABLE, owed), (ledger.SALES, -owed))


def _twice(ids: Iterable[str]) -> str | None:
    """Return the first id that is there a second time."""
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    return None
