"""`rma quote`: what each request would give back, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Group, RenderableType

from workers.pictures.terminal import Row, money, shown, table
from workers.pictures.text import Text

OUTCOME_COLOURS: Final = {"approve": "green", "deny": "red", "review": "yellow"}
COLUMNS: Final = (
    "#line", "article", "#units", "decision", "then", "#goods and tax", "#shipping", "#fees", "#back", "to",
)  # fmt: skip


def quotes(quoted: Iterable[Row]) -> RenderableType:
    """Return every quote drawn, one below the other, and what all of them assume."""
    drawn = [part for quote in quoted for part in _quote(quote)]
    if not drawn:
        return Text("no request was given", "dim")
    assumed = "assumed: the goods come back complete, as new (grade A), no fault found, nobody liable; nothing was sent"
    return Group(*drawn, Text(assumed, "dim"))


def _quote(quote: Row) -> Iterator[RenderableType]:
    if quote["status"] == "malformed":
        yield Text(f"row {quote['row']}: malformed: {'; '.join(quote['faults'])}", "red")
        return
    if quote["status"] == "refused":
        yield Text(f"row {quote['row']}: refused: {quote['code']}: {quote['message']}", "yellow")
        return
    title = f"Row {quote['row']}: order {quote['order_id']}, {_policy(quote['policy'])}"
    promoted = any(line["promotion_minor"] for line in quote["lines"])
    columns = (*COLUMNS, "#promotions lost") if promoted else COLUMNS
    yield table(title, columns, (_line(line, quote["currency"], promoted=promoted) for line in quote["lines"]))
    yield Text(f"back in all: {money(quote['net_minor'], quote['currency'])}", "bold")
    yield Text()


def _policy(policy: Row) -> str:
    return f"policy {policy['policy_id']} version {policy['version']}"


def _line(line: Row, currency: str, *, promoted: bool) -> list[object]:
    decision = " ".join((line["outcome"], *line["codes"]))
    return [
        line["line"],
        f"{line['sku']} ({line['line_id']})",
        line["quantity"],
        Text(decision, OUTCOME_COLOURS[line["outcome"]]),
        _then(line, currency),
        money(line["goods_minor"] + line["tax_minor"], currency),
        money(line["shipping_minor"], currency),
        money(line["rounding_minor"] - line["restocking_minor"] - line["return_shipping_minor"], currency),
        money(line["net_minor"], currency),
        ", ".join(_tender(tender, currency) for tender in line["tenders"]),
        *([money(-line["promotion_minor"], currency)] if promoted else []),
    ]


def _then(line: Row, currency: str) -> str:
    if line["outcome"] != "approve":
        return ""
    said: str = shown(line["resolution"]).replace("_", " ")
    keeps = ", goods are kept" if line["method"] == "keep" else ""
    pays = f", {money(line['to_pay_minor'], currency)} to pay" if line["to_pay_minor"] else ""
    return f"{said}{keeps}{pays}"


def _tender(tender: Row, currency: str) -> str:
    name = f"{tender['kind']} {tender['tender_id'] or ''}".strip()
    return f"{name} {money(tender['amount_minor'], currency)}"
