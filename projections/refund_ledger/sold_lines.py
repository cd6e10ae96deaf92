"""Order lines with delivered units that may still be returned: what ``rma match`` chooses from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from psycopg import Connection

from domain.order.matching import Goods, ReturnableLine

SOLD_LINES_MAX: Final = 200_000
"""Most lines looked at, the newest."""

# `in_return + returned` may count units that were never delivered: then fewer are named than are free, never more
SOLD: Final = """
SELECT u.customer_id, u.sku, u.order_id, u.line_id, u.place, u.ordered_at, u.last_delivered_at,
       u.delivered - u.in_return - u.returned AS free, u.paid_minor / u.sold AS unit_paid_minor, u.currency
FROM (SELECT DISTINCT * FROM unnest(%s::text[], %s::text[])) AS wanted (customer_id, sku)
JOIN rma_read.order_units AS u USING (customer_id, sku)
WHERE u.delivered > u.in_return + u.returned
ORDER BY u.ordered_at DESC LIMIT %s
"""


def read_sold_lines(connection: Connection, goods: Iterable[Goods]) -> list[ReturnableLine]:
    """Return the lines that goods of these customers may have come from."""
    wanted = list({(one.customer_id, one.sku) for one in goods})
    customers, skus = [customer for customer, _ in wanted], [sku for _, sku in wanted]
    return [ReturnableLine(*row) for row in connection.execute(SOLD, (customers, skus, SOLD_LINES_MAX))]
