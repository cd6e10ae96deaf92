"""What OpenAPI says of the reads: their rows are those of the stable views, column by column."""

from __future__ import annotations

from typing import Any, Final

from projections.read_models import PROJECTIONS
from projections.table import Column
from projections.view import View
from workers.http.declared import ALWAYS, RMA_POSITION, Responses, json_of, problems

TYPES: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "bigint": {"type": "integer"},
    "numeric": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "timestamptz": {"type": "string", "format": "date-time"},
    "text[]": {"type": "array", "items": {"type": "string"}},
    "json": {},
    "jsonb": {},
}
VIEWS: Final[dict[str, View]] = {view.name: view for model in PROJECTIONS.values() for view in model.views}
TEXT: Final = {"type": "string"}
MINOR: Final = {"type": "integer", "description": "Minor units."}
TENDERS: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"tender_id": {"type": ["string", "null"]}, "kind": TEXT, "amount_minor": MINOR},
    },
}
UNTOLD: Final = {
    "sealed": "nobody opens them now",
    "erased": "their customer was erased",
    "unreadable": "they were tampered with",
}
PDF_RESPONSES: Final[Responses] = {
    200: {
        "description": "The document",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    },
    **problems(*ALWAYS, 404),
}


def read_responses(name: str, *further: int) -> Responses:
    """Return the declarations of a read's answers; ``further`` are statuses beside those of every read."""
    return {200: json_of(name, "What is known", headers=RMA_POSITION), **problems(*ALWAYS, 404, *further)}


def read_components() -> dict[str, Any]:
    """Return the schemas of what reads answer, by name."""
    rows = {f"{name}_row": _object(VIEWS[name].columns) for name in (
        "returns", "return_lines", "refunds", "payouts", "deadlines", "return_timeline", "orders", "order_units",
        "credit_notes",
    )}  # fmt: skip
    return rows | {
        "Return": _told(
            _with("returns", lines="return_lines", refunds="refunds", payouts="payouts", deadlines="deadlines")
        ),
        "ReturnsPage": _page(
            {"allOf": [_row("returns"), {"type": "object", "properties": {"overdue": {"type": "boolean"}}}]}
        ),
        "TimelinePage": _told(_page(_row("return_timeline"))),
        "Order": _with("orders", order_units="order_units"),
        "CreditNote": _row("credit_notes"),
        "Explanations": _plain(items={"type": "array", "items": EXPLANATION}),
        "Quote": QUOTE,
        "Returnable": RETURNABLE,
    }


def _object(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _type(column) for column in columns},
        "required": [column.name for column in columns],
    }


def _type(column: Column) -> dict[str, Any]:
    known = TYPES[column.kind]
    nullable = {**known, "type": [known["type"], "null"]} if column.null and "type" in known else known
    return {**nullable, "description": column.says}


def _row(view: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{view}_row"}


def _with(view: str, **parts: str) -> dict[str, Any]:
    lists = {name: {"type": "array", "items": _row(part)} for name, part in parts.items()}
    return {"allOf": [_row(view), _plain(**lists)]}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return _plain(items={"type": "array", "items": item}, next_cursor={"type": ["string", "null"]})


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of rows with texts, to which paths are added that callers who see texts cannot be told."""
    lists = {
        name: {"type": "array", "items": TEXT, "description": f"Paths of texts that are null here: {why}."}
        for name, why in UNTOLD.items()
    }
    flat = schema.get("allOf", [schema])  # generators look one level deep
    return {"allOf": [*flat, {"type": "object", "properties": lists}]}


def _plain(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


EXPLANATION: Final = _plain(
    line={"type": "integer"},
    stage=TEXT,
    outcome=TEXT,
    heading=TEXT,
    because=TEXT,
    steps={"type": "array", "items": {"type": "object"}},
    flips_title=TEXT,
    flips={"type": "array", "items": TEXT},
)
QUOTE: Final = _plain(
    rma_id=TYPES["uuid"],
    order_id=TEXT,
    currency=TEXT,
    amount_minor=MINOR,
    requested_minor=MINOR,
    fees=_plain(restocking_minor=MINOR, return_shipping_minor=MINOR),
    tenders=TENDERS,
    lines={"type": "array", "items": {"type": "object"}},
    assumed={"type": "object"},
)
OPTION: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "reason": TEXT,
        "wish": TEXT,
        "outcome": {"type": "string", "description": "What policy says: approve, review, deny; or refused, by a rule."},
        "codes": TYPES["text[]"],
        "refund_minor": MINOR,
        "fees_minor": MINOR,
        "method": TEXT,
        "return_to": TEXT,
        "until": {"type": ["string", "null"], "format": "date-time", "description": "When it has to be sent."},
        "window_ends_at": {"type": ["string", "null"], "format": "date-time"},
        "questions": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["reason", "wish", "outcome", "codes"],
}
RETURNABLE: Final = _plain(
    order_id=TEXT,
    currency=TEXT,
    lines={
        "type": "array",
        "items": _plain(
            line_id=TEXT,
            free={"type": "integer", "description": "Units that may be asked for."},
            title={"type": ["string", "null"]},
            options={"type": "array", "items": OPTION},
        ),
    },
)
