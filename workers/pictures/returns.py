"""`rma show`: one return as people look at it: the state of each line, what happened when, and the money."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.panel import Panel
from rich.tree import Tree

from domain.rma.run_state import LIVE
from domain.vocabularies import PAID_OUT, SET_OFF
from projections.tracking.case_file import CaseFile
from workers.pictures.catalogues import catalogue
from workers.pictures.terminal import Row, money, shown, stacked, table
from workers.pictures.text import Text, lines

STATUS_COLOURS: Final = {
    "requested": "yellow",
    "needs_review": "yellow",
    "denied": "red",
    "expired": "red",
    "withdrawn": "red",
    "resolved": "green",
    "closed": "green",
}
STATE_COLOURS: Final = {
    "needs_review": "yellow",
    "denied": "red",
    "withdrawn": "red",
    "expired": "red",
    "lost": "red",
    "short": "red",
    "wrong_item": "red",
    "held": "yellow",
    "failed": "red",
    "unknown": "yellow",
    "pending": "yellow",
    "settled": "green",
    "authorized": "green",
    "received": "green",
    "inspected": "green",
}
STEPS: Final = ("requested", "authorized", "in_transit", "received", "inspected", "resolved", "closed")
STEP_NAMES: Final = ("request", "authorization", "shipment", "receipt", "inspection", "resolution", "closed")
OUTCOMES: Final = {"approve": "approved", "deny": "denied", "review": "to be looked at again"}
DIMENSIONS: Final = ("authorization_state", "logistics_state", "inspection_state", "resolution", "settlement_state")


def picture(case: CaseFile) -> RenderableType:
    """Return a return drawn: heading, lines, timeline, money."""
    return stacked(
        _heading(case),
        _states(case),
        _findings(case),
        *_words(case),
        *_persons(case),
        _terms(case),
        _timeline(case),
        *_money(case),
    )


def _heading(case: CaseFile) -> RenderableType:
    summary = case.summary
    status = str(summary["status"])
    name = Text(f"{summary['rma_number']}  ", "bold")
    about = Text().append_text(name).append(status.replace("_", " "), f"bold {STATUS_COLOURS.get(status, 'cyan')}")
    about.append(f"   order {summary['order_id']} · customer {summary['customer_id']}")
    if summary["case_id"]:
        about.append(f" · case {summary['case_id']}")
    coming = Text().append(f"next: {summary['next_step']}", "bold")
    if summary["next_deadline_at"]:
        coming.append(f" · due by {shown(summary['next_deadline_at'])}")
    if summary["tracking_number"]:
        coming.append(f" · {summary['carrier'] or 'parcel'} {summary['tracking_number']}")
    return Panel(
        lines(about, _progress(status), *_denial(summary), coming),
        title=f"return {summary['rma_id']}",
        title_align="left",
        border_style="dim",
    )


def _denial(summary: Row) -> Iterator[Text]:
    """Yield why units were denied that still are: the code in words, and as it is."""
    if code := summary["denial_code"]:
        said = catalogue("en").name("codes", code)
        yield Text(f"denied: {said}" if said == code else f"denied: {said} [{code}]", "red")


def _progress(status: str) -> Text:
    """Return the steps as a chain, those behind the return filled; of an ended one nothing is."""
    reached = STEPS.index(status) if status in STEPS else -1
    drawn = Text()
    for number, name in enumerate(STEP_NAMES):
        is_done = number <= reached
        drawn.append(" ── " if number else "", "green" if is_done else "dim")
        drawn.append(f"{'●' if is_done else '○'} {name}", "green" if is_done else "dim")
    return drawn


def _states(case: CaseFile) -> RenderableType:
    currency = case.summary["currency"]
    columns = (
        "#line", "article", "#units", "authorization", "logistics", "inspection", "resolution", "settlement", "#paid",
        "#refund (net)",
    )  # fmt: skip
    rows = (
        [
            row["line"],
            f"{row['sku']} ({row['line_id']})",
            row["quantity"],
            *(_state(row[name]) for name in DIMENSIONS),
            money(row["paid_minor"], currency),
            money(row["refund_minor"], currency),
        ]
        for row in case.lines
    )
    return table("State of each line", columns, rows)


def _findings(case: CaseFile) -> RenderableType:
    columns = ("#line", "claimed", "wished for", "#units", "grade", "confirmed cause", "liable", "goods go to")
    names = ("reason", "wish", "quantity", "grade", "cause", "liable_party", "disposition")
    rows = ([row["line"], *(shown(row[name]).replace("_", " ") for name in names)] for row in case.lines)
    return table("What was claimed, and what was found", columns, rows)


def _words(case: CaseFile) -> Iterator[RenderableType]:
    """Yield what the customer says beside the reasons, and what was put forward."""
    said = [row for claim in case.claims for row in _said(claim)]
    said += [["", f"{row['score']} of 5", row["comment"]] for row in case.feedback if row["comment"]]
    if said:
        yield table("What the customer says", ("#line", "about", "said"), said)
    if case.evidence:
        rows = ([row["line"], row["kind"], row["evidence_id"], row["uri"], row["occurred_at"]] for row in case.evidence)
        yield table("Evidence", ("#line", "kind", "id", "where", "since"), rows)


def _said(claim: Row) -> Iterator[list[object]]:
    if claim["comment"]:
        yield [claim["line"], "comment", claim["comment"]]
    for question, answer in (claim["answers"] or {}).items():
        yield [claim["line"], question, answer]


def _persons(case: CaseFile) -> Iterator[RenderableType]:
    """Yield what persons decided, and why; an override with who approved it."""
    if case.persons:
        columns = ("when", "#line", "what", "#units", "outcome", "code", "by", "approved by", "why")
        rows = (
            [
                row["occurred_at"],
                row["line"],
                row["stage"],
                row["units"],
                OUTCOMES[row["outcome"]],
                row["codes"],
                row["actor"],
                row["approved_by"],
                "; ".join(filter(None, (row["grounds"], row["reason"], row["note"]))),
            ]
            for row in case.persons
        )
        yield table("What persons decided", columns, rows)


def _terms(case: CaseFile) -> RenderableType:
    currency = case.summary["currency"]
    columns = ["#line", "goes back", "to", "until", "#restocking", "#return shipping, once", "money is due at"]
    shared = any(row["grade_share_bps"] for row in case.terms)
    columns += ["of it by grade"] if shared else []
    bearing = _lines_that_bear_shipping(case)
    free = {row["line"] for row in case.lines} - _lines_that_pay_fees(case)
    rows = (
        [
            row["line"],
            row["method"].replace("_", " "),
            None if row["method"] == "keep" else row["return_to"],
            None if row["method"] == "keep" else row["ship_back_due_at"],
            f"{0 if row['line'] in free else row['restocking_bps'] / 100:g} %",
            money(row["return_shipping_minor"] if row["line"] in bearing else 0, currency),
            row["refund_due"].replace("_", " "),
            *([_shares(row["grade_share_bps"])] if shared else []),
        ]
        for row in case.terms
    )
    return table("Terms of each line (fees by what is known so far)", columns, rows)


def _shares(grade_share_bps: dict[str, int]) -> str:
    return ", ".join(f"{grade} {share_bps / 100:g} %" for grade, share_bps in sorted(grade_share_bps.items()))


def _lines_that_pay_fees(case: CaseFile) -> set[int]:
    """Return the lines for which fees are not waived; an exchange bears none unless the terms say so."""
    on_exchange = {row["line"] for row in case.terms if row["on_exchange"]}
    return {
        row["line"]
        for row in case.lines
        if not row["fees_waived"] and (_what_it_gets(row) != "exchange" or row["line"] in on_exchange)
    }


def _lines_that_bear_shipping(case: CaseFile) -> set[int]:
    """Return the lines whose refund bears return shipping, if people get what they wish and nothing more is found."""
    live = [row for row in case.lines if row["authorization_state"] in LIVE]
    if any(row["fees_waived"] and _what_it_gets(row) in SET_OFF for row in live):
        return set()  # waived on one line, it is for the whole return
    labelled = {row["line"] for row in case.terms if row["method"] == "label"}
    on_exchange = {row["line"] for row in case.terms if row["on_exchange"]}
    return labelled & {
        row["line"]
        for row in live
        if _what_it_gets(row) in PAID_OUT or (_what_it_gets(row) == "exchange" and row["line"] in on_exchange)
    }


def _what_it_gets(row: Row) -> str:
    return str(row["wish"] if row["resolution"] == "undecided" else row["resolution"])


def _state(value: object) -> Text:
    text = shown(value)
    return Text(text.replace("_", " "), STATE_COLOURS.get(text, ""))


def _timeline(case: CaseFile) -> RenderableType:
    tree = Tree(Text("Timeline", "bold"), guide_style="dim")
    day, branch = None, tree
    for event in case.timeline:
        if event["occurred_at"].date() != day:
            day = event["occurred_at"].date()
            branch = tree.add(Text(f"{event['occurred_at']:%a %d %b %Y}", "bold cyan"))
        branch.add(_event(event))
    return tree


def _event(event: Row) -> Text:
    text = Text(f"{event['occurred_at']:%H:%M} ", "dim")
    text.append(f"{_fact_name(event['type']):<20} ", "green")
    text.append(event["summary"] or "")
    text.append(f"  {event['actor']}", "dim")
    return text


def _fact_name(type_name: str) -> str:
    """Return the fact in an event's type: ``Requested`` of ``rma.Rma.Requested.v1``."""
    return type_name.split(".")[2] if type_name.count(".") > 1 else type_name


def _promotions(refund: Row) -> str:
    """Return what a refund took off for promotions that no longer hold, or gave back of it."""
    return ", ".join(
        f"{change['promotion_id']} {money(-change['amount_minor'], refund['currency'])}"
        for change in refund["promotions"]
    )


def _money(case: CaseFile) -> Iterator[RenderableType]:
    if case.refunds:
        columns = ["refund", "#amount", "status", "requested", "settled"]
        promoted = any(r["promotions"] for r in case.refunds)
        columns += ["promotions"] if promoted else []
        rows = (
            [
                r["refund_id"],
                money(r["amount_minor"], r["currency"]),
                _state(r["status"]),
                r["requested_at"],
                r["settled_at"],
                *([_promotions(r)] if promoted else []),
            ]
            for r in case.refunds
        )
        yield table("Refunds (net of fees)", columns, rows)
    if case.payouts:
        currency = case.summary["currency"]
        rows = (
            [
                p["payout_id"],
                f"{p['tender_kind']} {p['tender_id'] or ''}".strip(),
                money(p["amount_minor"], currency),
                _state(p["status"]),
                p["reference"],
            ]
            for p in case.payouts
        )
        yield table("Payouts", ("payout", "to", "#amount", "status", "reference"), rows)
    if case.deadlines:
        ends = ([d["kind"].replace("_", " "), d["due_at"], _state(d["status"])] for d in case.deadlines)
        yield table("Deadlines", ("deadline", "due", "status"), ends)
