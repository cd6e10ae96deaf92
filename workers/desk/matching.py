"""`rma match`: goods without an order at hand, read from a file, matched to sold lines, and made into requests."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import NAMESPACE_URL, uuid5

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from commands.faults import faults_in
from commands.fields import Identifier, Name, Quantity
from domain.errors import UnusableInputError
from domain.order.matching import Goods, Match, ReturnableLine, Share, match
from domain.vocabularies import Reason, Wish
from infra.envelope.places import path_of
from infra.envelope.repeated_names import GIVEN_TWICE, repeated_names
from infra.kafka.command_client import OutgoingCommand
from infra.records import rfc3339
from workers.desk.checking import checked

ROWS_MAX: Final = 100_000
SOURCE: Final = "/rma/match"
CASE: Final = re.compile("[!-~]{1,56}")
"""Names that leave room for a number within an identifier."""
COLUMNS: Final = ("customer_id", "sku", "quantity")


class NoGoodsFileError(UnusableInputError):
    """A file as a whole cannot be read as goods."""

    code: ClassVar[str] = "no_goods_file"


class CaseNameError(UnusableInputError):
    """A name leaves no room for what is made of it."""

    code: ClassVar[str] = "case_name"


class Row(BaseModel):
    """One row of a file: so many units of an article of a customer, and what is said of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_id: Identifier
    sku: Name
    quantity: Quantity
    reason: Reason = "not_stated"
    wish: Wish = "refund"

    @property
    def goods(self) -> Goods:
        """The row as goods to find a sale for."""
        return Goods(self.customer_id, self.sku, self.quantity)


@dataclass(frozen=True, slots=True)
class ReadRow:
    """Row ``number`` of a file (a CSV's heading is row 1), or what is wrong with it."""

    number: int
    row: Row | None
    fault: str | None = None


def rows_in(lines: Iterable[bytes]) -> list[ReadRow]:
    """Return the rows of a CSV file with a heading, or of JSON lines; a faulty one does not stop the others.

    Raises:
        NoGoodsFileError: The file is not UTF-8, a CSV without the columns needed, or longer than ``ROWS_MAX``.
    """
    texts = _texts(lines)
    first = next((text for text in texts if text.strip()), "")
    read = list(_json_rows(texts) if first.lstrip().startswith("{") else _csv_rows(texts))
    if len(read) > ROWS_MAX:
        raise NoGoodsFileError(f"the file has more than {ROWS_MAX:,} rows")
    return read


def _texts(lines: Iterable[bytes]) -> list[str]:
    try:
        return [line.decode("utf-8-sig" if number == 0 else "utf-8") for number, line in enumerate(lines)]
    except UnicodeDecodeError as error:
        raise NoGoodsFileError(f"the file is not UTF-8: {error}") from error


def _json_rows(texts: Sequence[str]) -> Iterator[ReadRow]:
    for number, text in enumerate(texts, start=1):
        if text.strip():
            try:
                yield _json_row(number, text, orjson.loads(text))
            except orjson.JSONDecodeError as error:
                yield ReadRow(number, None, f"$: is not JSON: {error}")


def _json_row(number: int, text: str, cells: object) -> ReadRow:
    if twice := repeated_names(text.encode(), cells):
        return ReadRow(number, None, "; ".join(f"{path_of(place)}: {GIVEN_TWICE}" for place in twice))
    return _row(number, cells, strict=True)


def _csv_rows(texts: Sequence[str]) -> Iterator[ReadRow]:
    reader = csv.DictReader(texts, strict=False)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise NoGoodsFileError(f"the file's first row must name its columns; missing: {', '.join(missing)}")
    for cells in reader:
        surplus = cells.pop(None, None)  # csv's key for cells beyond the heading
        if surplus:
            yield ReadRow(reader.line_num, None, f"{len(surplus)} more cells than columns")
            continue
        yield _row(reader.line_num, {name: value for name, value in cells.items() if value}, strict=False)


def _row(number: int, cells: object, *, strict: bool) -> ReadRow:
    """Return a row; cells of CSV are text, values of JSON have types of their own (``strict``)."""
    try:
        return ReadRow(number, Row.model_validate(cells, strict=strict))
    except ValidationError as error:
        faults = (f"{fault.path}: {fault.message}" for fault in faults_in(error, cells))
        return ReadRow(number, None, "; ".join(faults))


@dataclass(frozen=True, slots=True)
class Matched:
    """A row of the file and where its goods came from."""

    read: ReadRow
    found: Match

    @property
    def row(self) -> Row:
        assert self.read.row is not None  # noqa: S101 - only rows that could be read are matched
        return self.read.row


def match_rows(read: Sequence[ReadRow], sold: Iterable[ReturnableLine]) -> list[Matched]:
    """Return where the goods of each readable row came from."""
    readable = [one for one in read if one.row is not None]
    found = match([one.row.goods for one in readable if one.row is not None], sold)
    return [Matched(one, its) for one, its in zip(readable, found, strict=True)]


def requests_of(matched: Sequence[Matched], *, case: str, at: datetime, actor: str) -> list[bytes]:
    """Return RequestReturn commands, one for each customer and order, as structured CloudEvents.

    Those of one customer share a case: ``case`` itself, or ``case-2`` and so on for further customers. Their ids follow
    from it, so that sending the file twice asks once.

    Raises:
        CaseNameError: The case's name cannot be part of an identifier.
        UnsendableError: A request could not be read, as one of too many lines.
    """
    if not CASE.fullmatch(case):
        raise CaseNameError(f"a case is named by 1 to 56 characters from ! to ~, not by {case!r}")
    lines: dict[tuple[str, str], list[dict[str, object]]] = {}
    for one in matched:
        for share in one.found.shares:
            lines.setdefault((one.row.customer_id, share.sold.order_id), []).append(_line(one.row, share))
    numbers = {customer: number for number, customer in enumerate(dict.fromkeys(c for c, _ in lines), start=1)}
    return [
        _request(case if numbers[customer] == 1 else f"{case}-{numbers[customer]}", order_id, wanted, (at, actor))
        for (customer, order_id), wanted in lines.items()
    ]


def _line(row: Row, share: Share) -> dict[str, object]:
    return {"line_id": share.sold.line_id, "quantity": share.quantity, "reason": row.reason, "wish": row.wish}


def _request(case_id: str, order_id: str, lines: list[dict[str, object]], told: tuple[datetime, str]) -> bytes:
    at, actor = told
    rma_id = str(uuid5(NAMESPACE_URL, f"{SOURCE}/{case_id}/{order_id}"))
    data = {"rma_id": rma_id, "order_id": order_id, "case_id": case_id, "lines": lines}
    made = OutgoingCommand("RequestReturn", rma_id, SOURCE, order_id, rfc3339(at), actor, data)
    return checked(made, f"the request for order {order_id}").to_bytes()


def as_data(read: Sequence[ReadRow], matched: Sequence[Matched]) -> dict[str, object]:
    """Return what was found as JSON values: proposals with their evidence, units left over, faulty rows."""
    return {
        "proposals": [_proposal(one, share) for one in matched for share in one.found.shares],
        "left_over": [
            {"row": one.read.number, "customer_id": one.row.customer_id, "sku": one.row.sku, "quantity": one.found.left}
            for one in matched
            if one.found.left
        ],
        "faulty": [{"row": one.number, "fault": one.fault} for one in read if one.row is None],
    }


def _proposal(one: Matched, share: Share) -> Mapping[str, object]:
    sold = share.sold
    return {
        "row": one.read.number,
        "customer_id": sold.customer_id,
        "sku": sold.sku,
        "quantity": share.quantity,
        "order_id": sold.order_id,
        "line_id": sold.line_id,
        "ordered_at": sold.ordered_at,
        "last_delivered_at": sold.last_delivered_at,
        "free": sold.free,
        "unit_paid_minor": sold.unit_paid_minor,
        "currency": sold.currency,
    }
