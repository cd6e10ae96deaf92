"""What stands on a credit note, in the words of who reads it: a customer is shown no codes and no ids of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import Response
from fastapi.concurrency import run_in_threadpool

from domain.identity import rma_number
from infra.sellers import Seller, seller_of
from workers.desk.returnable import sold_lines
from workers.http.door import Door
from workers.http.pages.look import words_of
from workers.http.pages.naming import N_
from workers.http.pages.words import Language, Words
from workers.pictures.credit_note_pdf import NoteSheet, drawn

Note = Mapping[str, Any]
TITLES: Final[dict[str, str]] = {"credit": N_("Credit note %(number)s"), "debit": N_("Debit note %(number)s")}
KEPT: Final[dict[str, str]] = {
    "restocking": N_("Restocking fee"),
    "promotion": N_("Promotion that no longer holds"),
    "return_shipping": N_("Return shipping"),
    "rounding": N_("Cash rounding"),
    "claim": N_("Asked back"),
}
COLUMNS: Final = (N_("Article"), N_("How many"), N_("Without tax"), N_("Tax"), N_("With tax"))
ABOUT: Final = ("refund_id", "claim_id", "external_id")
BASIS_POINTS: Final = 100
TITLE_MAX: Final = 200
"""More of what an article is called is not printed: a row has to fit on a page."""
UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
FILE_NAME_MAX: Final = 100


async def note_of(door: Door, note: Note, language: Language) -> Response:
    """Return a credit note as PDF."""
    said = words_of(door.brand, language)

    def draw() -> bytes:
        seller = seller_of(door.settings.sellers_file, note["series_id"])
        with door.logs.streams() as streams:
            sold = sold_lines(note["order_id"], streams)
        titles = {line_id: line["title"] for line_id, line in sold["lines"].items()} if sold else {}
        return drawn(sheet_of(note, seller, said, titles))

    name = UNSAFE.sub("_", note["number"]).strip(".")[:FILE_NAME_MAX] or "credit-note"
    return Response(await run_in_threadpool(draw), media_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "Content-Security-Policy": "sandbox",
    })  # fmt: skip


def sheet_of(note: Note, seller: Seller, said: Words, titles: Mapping[str, str]) -> NoteSheet:
    """Return what stands on a note; an article that ``titles`` does not name by its line stands by its SKU."""
    return NoteSheet(
        title=said.gettext(TITLES[note["kind"]]) % {"number": note["number"]},
        seller=(seller.name, *seller.address),
        about=list(_about(note, seller, said)),
        columns=[said.gettext(column) for column in COLUMNS],
        lines=[_line(line, note["currency"], said, titles) for line in note["lines"]],
        totals=list(_totals(note, said)),
    )


def _about(note: Note, seller: Seller, said: Words) -> Iterator[str]:
    yield said.day(note["issued_on"])
    if seller.tax_id:
        yield said.gettext("Tax number: %(number)s") % {"number": seller.tax_id}
    yield said.gettext("Customer %(customer)s") % {"customer": note["customer_id"]}
    yield said.gettext("Order %(order_id)s") % {"order_id": note["order_id"]}
    if note["rma_id"]:
        yield said.gettext("Return %(number)s") % {"number": rma_number(note["rma_id"])}
    yield said.gettext("Our reference: %(id)s") % {"id": next(note[name] for name in ABOUT if note[name])}


def _line(line: Mapping[str, Any], currency: str, said: Words, titles: Mapping[str, str]) -> tuple[str, ...]:
    tax_minor = sum(share["amount_minor"] for share in line["taxes"])
    amounts = (said.money(amount, currency) for amount in (line["net_minor"], tax_minor, line["gross_minor"]))
    return _what(line, said, titles), str(line["quantity"] or ""), *amounts


def _what(line: Mapping[str, Any], said: Words, titles: Mapping[str, str]) -> str:
    if line["kind"] != "goods":
        return said.gettext(KEPT[line["kind"]])
    title = titles.get(line["line_id"], line["sku"])
    title = title if len(title) <= TITLE_MAX else f"{title[: TITLE_MAX - 1]}…"
    return title if line["quantity"] else said.gettext("Outward shipping of %(title)s") % {"title": title}


def _totals(note: Note, said: Words) -> Iterator[tuple[str, str]]:
    """Yield what stands below the lines: net, tax by code, gross."""
    yield said.gettext("Without tax"), said.money(note["net_minor"], note["currency"])
    for share in note["taxes"]:
        rate = "" if share["rate_bps"] is None else f" {share['rate_bps'] / BASIS_POINTS:g} %"
        name = said.gettext("Tax %(which)s") % {"which": f"{share['code']}{rate}"}
        yield name, said.money(share["amount_minor"], note["currency"])
    yield said.gettext("Total"), said.money(note["gross_minor"], note["currency"])
