"""`rma ledger` and `rma reasons`: balances and reasons as tables and bars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType

from workers.pictures.terminal import Row, bar, money, shown, stacked, table
from workers.pictures.text import Text

BAR_CELLS: Final = 36
NOTHING_YET: Final = Text("no returns yet", "dim")


def trial_balance(balances: Sequence[Row], unbalanced: Sequence[Row]) -> RenderableType:
    """Return the trial balance: every account, the sum of each currency, and whether it is zero as it must be."""
    if not balances:
        return Text("the ledger is empty: no refund was requested yet", "dim")
    rows = [
        [
            row["account"],
            money(max(row["balance_minor"], 0) or None, row["currency"]),
            money(max(-row["balance_minor"], 0) or None, row["currency"]),
        ]
        for row in balances
    ]
    drawn = table("Trial balance", ("account", "#debit", "#credit"), rows)
    return Group(drawn, *(_sum_of(currency, balances, unbalanced) for currency in _currencies(balances)))


def month_balance(period: str, balances: Sequence[Row]) -> RenderableType:
    """Return the trial balance of a month: what each account held before, its movements, what it held in the end."""
    if not balances:
        return Text(f"nothing had been posted by the end of {period}", "dim")
    columns = ("opening_minor", "debit_minor", "credit_minor", "closing_minor")
    rows = [[row["account"], *(money(row[name] or None, row["currency"]) for name in columns)] for row in balances]
    return table(f"Trial balance of {period}", ("account", "#before", "#debit", "#credit", "#at its end"), rows)


def _currencies(rows: Sequence[Row]) -> list[str]:
    return sorted({row["currency"] for row in rows})


def _sum_of(currency: str, balances: Sequence[Row], unbalanced: Sequence[Row]) -> Text:
    debit = sum(max(row["balance_minor"], 0) for row in balances if row["currency"] == currency)
    off = next((row["off_minor"] for row in unbalanced if row["currency"] == currency), 0)
    if off:
        return Text(f"✗ {currency} does not sum to zero: off by {money(off, currency)}", "bold red")
    both_sides = money(debit, currency)
    return Text(f"✓ {currency} sums to zero ({both_sides} on either side)", "green")


def account_card(order_id: str, entries: Sequence[Row]) -> RenderableType:
    """Return an order's postings in log order with running balances."""
    rows = []
    position = None
    for entry in entries:
        is_same = entry["position"] == position
        position = entry["position"]
        amount, currency = entry["amount_minor"], entry["currency"]
        rows.append(
            [
                "" if is_same else position,
                "" if is_same else shown(entry["occurred_at"]),
                entry["account"],
                money(amount, currency) if amount >= 0 else "",
                money(-amount, currency) if amount < 0 else "",
                money(entry["account_balance_minor"], currency),
            ]
        )
    columns = ("#position", "when", "account", "#debit", "#credit", "#account's balance")
    return table(f"Account card of order {order_id}", columns, rows)


def reason_bars(tables: Mapping[str, Sequence[Row]]) -> RenderableType:
    """Return reasons and causes as bars, how often the most returned articles come back, and what remedies avoided."""
    if not tables["reasons"] and not tables["remedies"]:
        return NOTHING_YET
    return stacked(*_parts(tables))


def _parts(tables: Mapping[str, Sequence[Row]]) -> Iterator[RenderableType]:
    if tables["reasons"]:
        yield _bars("Reasons (claimed)", ("reason",), tables["reasons"], "red")
    if tables["causes"]:
        yield _bars("Causes (confirmed)", ("cause", "liable_party"), tables["causes"], "magenta")
    for row in tables["values"]:
        yield Text(f"{row['units']:,} units worth {money(row['value_minor'], row['currency'])}", "bold")
    if tables["rates"]:
        yield _rates(tables["rates"])
    if tables["months"]:
        yield _months(tables["months"])
    if tables["remedies"]:
        yield _remedies(tables["remedies"])


def _bars(title: str, names: tuple[str, ...], rows: Sequence[Row], colour: str) -> RenderableType:
    largest = max(row["units"] for row in rows)
    whole = sum(row["units"] for row in rows)
    cells = [
        [
            *(shown(row[name]).replace("_", " ") for name in names),
            Text(bar(row["units"], largest, width=BAR_CELLS), colour),
            row["units"],
            f"{100 * row['units'] / whole:.1f} %",
            row["returns"],
        ]
        for row in rows
    ]
    heads = [name.replace("_", " ") for name in names]
    return table(title, (*heads, "", "#units", "#share", "#returns"), cells)


def _rates(rows: Sequence[Row]) -> RenderableType:
    cells = [
        [
            row["sku"],
            row["category"],
            row["units_sold"],
            row["units_returned"],
            _rate(row["units_returned"], row["units_sold"]),
            row["units_defect_claimed"],
            row["units_defect_confirmed"],
        ]
        for row in rows
    ]
    columns = ("article", "category", "#sold", "#returned", "#rate", "#defect claimed", "#defect confirmed")
    return table("Articles that come back most", columns, cells)


def _months(rows: Sequence[Row]) -> RenderableType:
    largest = max((row["units_returned"] / row["units_sold"] for row in rows if row["units_sold"]), default=0.0)
    cells = [
        [
            f"{row['sale_month']:%Y-%m}",
            Text(
                bar(row["units_returned"] * 10_000 // max(row["units_sold"], 1), int(largest * 10_000), width=BAR_CELLS)
            ),
            _rate(row["units_returned"], row["units_sold"]),
            row["units_sold"],
            row["units_returned"],
        ]
        for row in rows
    ]
    return table("Return rate by month of sale", ("sold in", "", "#rate", "#units sold", "#units returned"), cells)


def _remedies(rows: Sequence[Row]) -> RenderableType:
    cells = [
        [
            f"{row['policy_id']} {row['policy_version']}: {row['rule']}",
            row["kind"].replace("_", " "),
            row["offered"],
            row["accepted"],
            row["declined"],
            row["lapsed"],
            row["returns_avoided"],
            row["units_saved"],
            money(row["saved_minor"], row["currency"]),
        ]
        for row in rows
    ]
    columns = (
        "policy: rule", "remedy", "#offered", "#accepted", "#declined", "#lapsed", "#returns avoided", "#units saved",
        "#money saved",
    )  # fmt: skip
    return table("What remedies avoided", columns, cells)


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""
