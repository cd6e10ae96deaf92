"""Fields of forms, made of a command's own model: what is asked, how, and how what was typed becomes its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from pydantic import BaseModel

Kind = Literal["choice", "money", "number", "truth", "line", "text", "day", "until", "listed", "rows", "group"]
KEYS: Final = ("line", "line_id", "tender_id")
"""The field by which an item of a list says what it is about: one row for each that may be chosen."""
LOOSE_ROWS: Final = 2
"""Rows for items that are about nothing known before."""
ON_ONE_LINE: Final = frozenset({"carrier", "drop_off", "reference", "ship_to", "place"})
"""Texts that may be long, and are not."""
TEXT_FROM: Final = 201
"""How many characters a text may have that is written in an area; shorter ones have one line."""
Options = Mapping[str, Sequence[tuple[str, str]]]
"""What may be chosen in a field, by its name: each with what it is called."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it stands in the body, what kind it is, what may be chosen.

    ``rows`` of a list: the key of each (None: any) with what it is called; ``parts``: what an item or object holds.
    """

    path: str
    name: str
    kind: Kind
    required: bool
    options: Sequence[tuple[str, str]] = ()
    default: str = ""
    parts: tuple[Field, ...] = ()
    rows: Sequence[tuple[str | None, str]] = ()
    key: str | None = None

    def at(self, row: int, part: Field) -> str:
        """Return the form's name of a part in a row."""
        return f"{self.path}.{row}.{part.name}"


@dataclass(frozen=True, slots=True)
class Asking:
    """What a form is made with: the options by field, what is filled in beforehand, the names that are left out."""

    options: Options = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


def fields_of(model: type[BaseModel], asking: Asking) -> tuple[Field, ...]:
    """Return the fields of a command's form."""
    schema = model.model_json_schema()
    return tuple(_fields(schema, schema.get("$defs", {}), asking, ""))


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any], asking: Asking, within: str) -> Iterator[Field]:
    required = set(schema.get("required", ()))
    for name, said in schema["properties"].items():
        path = f"{within}.{name}" if within else name
        if path not in asking.left_out:
            yield _field(path, name, _of(said, known), known, asking, required=name in required)


def _of(said: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a field's schema says where something is given; of several shapes, the last that has a name."""
    shapes = [one for one in said.get("anyOf", [said]) if one.get("type") != "null"]
    shape = shapes[0] if len(shapes) == 1 else next((one for one in reversed(shapes) if "$ref" in one), shapes[0])
    if "$ref" in shape:
        return dict(known[shape["$ref"].rpartition("/")[2]])
    return dict(shape)


def _field(
    path: str, name: str, said: Mapping[str, Any], known: Mapping[str, Any], asking: Asking, *, required: bool
) -> Field:
    default = asking.given.get(path, "")
    if path in asking.options:
        return Field(path, name, "choice", required, asking.options[path], default)
    if "enum" in said:
        return Field(path, name, "choice", required, [(code, "") for code in said["enum"]], default)
    if said.get("type") == "array":
        return _list(path, name, said, known, asking, required=required)
    if said.get("type") == "object":
        return Field(path, name, "group", required, parts=tuple(_fields(said, known, asking, path)))
    return Field(path, name, _kind(name, said), required, default=default)


def _kind(name: str, said: Mapping[str, Any]) -> Kind:
    if said.get("type") == "boolean":
        return "truth"
    if said.get("type") == "integer":
        return "money" if name.endswith("_minor") else "number"
    if said.get("format") in {"date", "date-time"}:
        return "day" if said["format"] == "date" else "until"
    return "text" if said.get("maxLength", 0) >= TEXT_FROM and name not in ON_ONE_LINE else "line"


def _list(
    path: str, name: str, said: Mapping[str, Any], known: Mapping[str, Any], asking: Asking, *, required: bool
) -> Field:
    item = _of(said["items"], known)
    if item.get("type") != "object":
        return Field(path, name, "listed", required)
    key = next((one for one in KEYS if one in item["properties"] and f"{path}.{one}" in asking.options), None)
    rows: Sequence[tuple[str | None, str]] = asking.options[f"{path}.{key}"] if key else [(None, "")] * LOOSE_ROWS
    parts = tuple(part for part in _fields(item, known, asking, path) if part.name != key)
    return Field(path, name, "rows", required, parts=parts, rows=rows, key=key)


class Filled:
    """What was typed into a form, by the names of its fields.

    Args:
        texts: As it was typed.
        currency: Of its amounts.
        zone: In which its days end.
    """

    def __init__(self, texts: Mapping[str, str], currency: str, zone: str) -> None:
        self.texts = texts
        self._currency, self._zone = currency, ZoneInfo(zone)

    def body(self, fields: Sequence[Field]) -> dict[str, Any]:
        """Return the part of a command's body that was typed; what was left empty is left out."""
        found = ((one.name, self._value(one)) for one in fields)
        return {name: value for name, value in found if value is not None}

    def _value(self, one: Field) -> Any:
        if one.kind == "group":
            return self.body(one.parts) or None
        if one.kind == "rows":
            return [row for number in range(len(one.rows)) if (row := self._row(one, number))] or None
        return self._plain(one.kind, one.name, self.texts.get(one.path, "").strip())

    def _row(self, one: Field, number: int) -> dict[str, Any] | None:
        key, _ = one.rows[number]
        typed = ((part.name, self._plain(part.kind, part.name, self._in_row(one, number, part))) for part in one.parts)
        row = {name: value for name, value in typed if value is not None}
        if one.key is None or key is None:
            return row or None
        is_left_alone = not any(self._decides(one, number, part) for part in one.parts)
        return None if is_left_alone else {one.key: _whole(key) if one.key == "line" else key} | row

    def _decides(self, one: Field, number: int, part: Field) -> bool:
        """Tell whether a part of a row was filled in, and not only left as it stood; 0 units are none."""
        text = self._in_row(one, number, part)
        decisive = [other.name for other in one.parts if other.kind == "choice" and other.required]
        return text not in {"", "0"} and (not decisive or part.name in decisive)

    def _in_row(self, one: Field, number: int, part: Field) -> str:
        return self.texts.get(one.at(number, part), "").strip()

    def _plain(self, kind: Kind, name: str, text: str) -> Any:
        if not text:
            return None
        match kind:
            case "money":
                return _minor(text, self._currency)
            case "number":
                return _whole(text)
            case "truth":
                return text == "yes"
            case "until":
                return _end_of(text, self._zone)
            case "listed":
                return [line.strip() for line in text.splitlines() if line.strip()] or None
            case "choice" if name in {"line", "instead_of"}:
                return _whole(text)
            case _:
                return text


def _whole(text: str) -> int | str:
    """Return a number; what is none stays a text, which the command then finds malformed."""
    return int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 19 else text


def _end_of(day: str, zone: ZoneInfo) -> str:
    """Return the instant at which a day ends, in UTC; what is no day stays a text."""
    try:
        ends = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone)
        return ends.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return day


def _minor(text: str, currency: str) -> int | str:
    """Return an amount in minor units, from how people type it; what is none stays a text."""
    digits = get_currency_precision(currency)
    plain = text.replace("\u00a0", "").replace(" ", "")
    plain = plain.replace(",", ".") if "." not in plain else plain.replace(",", "")
    try:
        minor = Decimal(plain).scaleb(digits)
    except InvalidOperation:
        return text
    is_exact = minor.is_finite() and minor == minor.to_integral_value() and abs(minor) < 10**15
    return int(minor) if is_exact else text
