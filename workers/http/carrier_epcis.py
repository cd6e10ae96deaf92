"""News as EPCIS 2.0 (ISO/IEC 19987): object events of a parcel, by what step of business it was in.

Source of steps and dispositions: GS1 Core Business Vocabulary 2.0. A parcel is named by its SSCC, as a URN, a GS1
Digital Link or plain digits, or by a number in a business transaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from infra.envelope.command_record import parse_time
from workers.http.carrier_neutral import EVENT_ID_MAX, events_in, id_of
from workers.http.carrier_news import NAME, News, NewsStatus, Unreadable

NUMBERS_MAX: Final = 20
PLACE_MAX: Final = 500
SSCC_URN: Final = re.compile(r"urn:epc:id:sscc:(\d+)\.(\d)(\d+)")
DIGITAL_LINK: Final = re.compile(r"https?://[^?#]*/00/(\d{18})(?:[/?#].*)?")

BY_DISPOSITION: Final[Mapping[str, NewsStatus]] = {
    "stolen": "lost",
    "destroyed": "lost",
    "damaged": "exception",
    "needs_replacement": "exception",
    "mismatch_instance": "exception",
    "mismatch_class": "exception",
    "mismatch_quantity": "exception",
}
"""What has gone wrong says more than the step in which it did."""
BY_STEP: Final[Mapping[str, NewsStatus]] = {
    "collecting": "handed_over",
    "accepting": "accepted",
    "consigning": "accepted",
    "departing": "in_transit",
    "arriving": "in_transit",
    "loading": "in_transit",
    "unloading": "in_transit",
    "transporting": "in_transit",
    "shipping": "in_transit",
    "staging_outbound": "out_for_delivery",
    "receiving": "delivered",
    "holding": "exception",
}
"""The steps in which a parcel can be; others are no news."""


def read(body: bytes) -> Iterator[News | Unreadable]:
    """Yield the news of an EPCIS document, each event that is none with why.

    Raises:
        NewsUnreadableError: The body is no EPCIS document.
        TooLargeError: It holds too many events.
    """
    for event in events_in(body, "epcisBody", "eventList"):
        try:
            yield _news(event)
        except (ValueError, TypeError, AttributeError, KeyError) as bad:
            yield Unreadable(id_of(event, "eventID"), str(bad) if isinstance(bad, ValueError) else "is no such event")


def _news(event: dict[str, Any]) -> News:
    if event["type"] not in {"ObjectEvent", "AggregationEvent", "TransactionEvent"}:
        raise ValueError("only object, aggregation and transaction events tell of parcels")
    event_id, status = event["eventID"], _status(event)
    if not re.fullmatch(rf"[!-~]{{1,{EVENT_ID_MAX}}}", event_id):
        raise ValueError(f"eventID must be 1 to {EVENT_ID_MAX} characters from ! to ~")
    numbers = tuple(dict.fromkeys(number for text in _names(event) for number in _numbers(text)))[:NUMBERS_MAX]
    if not numbers:
        raise ValueError("no parcel is named")
    return News(event_id, numbers, status, parse_time(event["eventTime"]), _place(event))


def _status(event: Mapping[str, Any]) -> NewsStatus:
    step, disposition = (_word(event.get(name)) for name in ("bizStep", "disposition"))
    status = BY_DISPOSITION.get(disposition) or BY_STEP.get(step)
    if status is None:
        raise ValueError(f"bizStep {step or 'none'} and disposition {disposition or 'none'} are no news of a parcel")
    return status


def _word(value: object) -> str:
    """Return a word of the vocabulary, whether it came bare, as a URN or as a web address."""
    return re.split(r"[:/]", str(value or "").removeprefix("cbv:"))[-1].removeprefix("BizStep-").removeprefix("Disp-")


def _names(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what may name the parcel."""
    yield from event.get("epcList") or ()
    if event.get("parentID"):
        yield event["parentID"]
    for transaction in event.get("bizTransactionList") or ():
        yield transaction["bizTransaction"]


def _numbers(text: str) -> Iterator[str]:
    """Yield the numbers that a name may stand for on a label."""
    if found := SSCC_URN.fullmatch(text):
        company, extension, serial = found.groups()
        body = f"{extension}{company}{serial}"
        yield from (f"{body}{_check_digit(body)}", f"00{body}{_check_digit(body)}")
    elif linked := DIGITAL_LINK.fullmatch(text):
        yield from (linked[1], f"00{linked[1]}")
    else:
        last = unquote(re.split(r"[:/]", text)[-1])
        yield from (one for one in (text, last) if NAME.fullmatch(one))


def _check_digit(digits: str) -> int:
    """Return the check digit of GS1's keys: weights 3 and 1 from the right, to the next ten."""
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return -weighted % 10


def _place(event: Mapping[str, Any]) -> str | None:
    for name in ("readPoint", "bizLocation"):
        if isinstance(event.get(name), dict) and isinstance(event[name].get("id"), str):
            return str(event[name]["id"])[:PLACE_MAX]
    return None
