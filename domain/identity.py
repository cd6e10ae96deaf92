"""Identifiers that follow from others, so that nobody has to draw a random one and a repeat names the same thing."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import NAMESPACE_URL, UUID

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST_CHECK_SYMBOLS: Final = CROCKFORD + "*~$=U"
"""The 37 check symbols of Crockford's base 32 (value modulo 37), with which the first numbers were given."""
FIELD_POLYNOMIAL: Final = 0b100101
"""That of GF(32): x⁵ + x² + 1."""
DOUBLED: Final = tuple(element << 1 ^ (FIELD_POLYNOMIAL if element & 16 else 0) for element in range(32))
"""Each element of GF(32) times 2."""
UUID_KIND: Final = 0xF000 << 64 | 0xC000 << 48
"""The bits of a UUID that say its version and its variant."""
UUID_VERSION_5: Final = 0x5000 << 64 | 0x8000 << 48

RMA_NUMBER_BITS: Final = 60
STATUTES_STREAM: Final = "statutes/published"
"""The stream that holds which editions of the statutes were published."""


def order_stream(order_id: str) -> str:
    """Return the name of the stream that holds an order's facts."""
    return f"order/{order_id}"


def rma_stream(rma_id: UUID) -> str:
    """Return the name of the stream that holds a return's facts."""
    return f"rma/{rma_id}"


def customer_stream(customer_id: str) -> str:
    """Return the name of the stream about a customer; also under which his texts are sealed."""
    return f"customer/{customer_id}"


def policy_stream(policy_id: str) -> str:
    """Return the name of the stream that holds a policy's versions."""
    return f"policy/{policy_id}"


def difference_stream(difference_id: UUID) -> str:
    """Return the name of the stream about one difference between a gateway's books and ours."""
    return f"difference/{difference_id}"


def credit_note_stream(series_id: str, year: int) -> str:
    """Return the name of the stream that holds the credit notes of one series and year."""
    return f"credit-notes/{series_id}/{year}"


def unknown_parcel_stream(parcel_id: str) -> str:
    """Return the name of the stream about a parcel that nobody could place."""
    return f"parcel/{parcel_id}"


def bundle_stream(series_id: str, bundle_id: str) -> str:
    """Return the name of the stream about a kit that was sold; a series holds no slash."""
    return f"bundle/{series_id}/{bundle_id}"


def rma_number(rma_id: UUID) -> str:
    """Return the number people read, dictate and scan, such as ``RMA-7K3M-9QXF-2ADC-P``: letters and digits only.

    The first 60 bits of the SHA-256 of the UUID's 16 bytes as 12 symbols of Crockford's base 32, and a check symbol:
    with any one symbol misread, or any two neighbours swapped, it does not fit.
    Source of the alphabet: https://www.crockford.com/base32.html
    """
    value = int.from_bytes(hashlib.sha256(rma_id.bytes).digest()[:8]) >> (64 - RMA_NUMBER_BITS)
    symbols = "".join([CROCKFORD[value >> shift & 31] for shift in range(RMA_NUMBER_BITS - 5, -1, -5)])
    return f"RMA-{symbols[:4]}-{symbols[4:8]}-{symbols[8:]}-{check_symbol(symbols)}"


def has_check_symbol(number: str) -> bool:
    """Tell whether the last symbol of an RMA number fits those before it, by the rule of today or by the first one.

    Numbers given by the first rule stay valid; it took the value modulo 37, and five symbols beside the alphabet.
    """
    body, check = "".join(number.removeprefix("RMA").split("-"))[:-1], number[-1:]
    if not body or any(symbol not in CROCKFORD for symbol in body):
        return False
    value = 0
    for symbol in body:
        value = value * len(CROCKFORD) + CROCKFORD.index(symbol)
    return check in {check_symbol(body), FIRST_CHECK_SYMBOLS[value % len(FIRST_CHECK_SYMBOLS)]}


def check_symbol(symbols: str) -> str:
    """Return the symbol that makes a codeword of a Reed–Solomon code over GF(32) with one check symbol.

    Symbols are the coefficients of a polynomial whose value at 2, a generator of the field, is zero (Horner's scheme).
    Source: Reed and Solomon, Polynomial Codes over Certain Finite Fields, 1960.
    """
    value = 0
    for symbol in symbols:
        value = DOUBLED[value] ^ CROCKFORD.index(symbol)
    return CROCKFORD[DOUBLED[value]]


def refund_id(rma_id: UUID, number: int) -> UUID:
    """Return the id of a return's refund; ``number`` counts its refunds from 1."""
    return _derived(rma_id, f"refund/{number}")


def order_refund_id(order_id: str, kind: str, name: str) -> UUID:
    """Return the id of a refund that no return asked for, by the ``kind`` of name under which it was."""
    return _derived(NAMESPACE_URL, f"rma:{order_stream(order_id)}/{kind}/{name}")


def payout_id(refund: UUID, tender_id: str | None, attempt: int) -> UUID:
    """Return the id of one payout of a refund to one tender (None: store credit); ``attempt`` counts from 1."""
    return _derived(refund, f"payout/{tender_id or ''}/{attempt}")


def idempotency_key(refund: UUID, tender_id: str | None, attempt: int) -> str:
    """Return the key under which a gateway is asked, however often, for one payout."""
    return f"{refund}:{tender_id or 'store_credit'}:{attempt}"


def difference_id(payout: UUID, content: str) -> UUID:
    """Return the id of a difference about a payout; the same found again has the same."""
    return _derived(payout, f"difference/{content}")


def goodwill_id(rma_id: UUID, number: int) -> UUID:
    """Return the id of the store credit that goodwill gives; ``number`` counts a return's goodwill from 1."""
    return _derived(rma_id, f"goodwill/{number}")


def claim_id(rma_id: UUID, number: int) -> UUID:
    """Return the id of a claim that has no other name; ``number`` counts an order's claims from 1."""
    return _derived(rma_id, f"claim/{number}")


def receivable_id(order_id: str, rma_id: UUID | None, owed_for: str) -> UUID:
    """Return the id of what a customer owes for one reason on one return (None: on none)."""
    return _derived(NAMESPACE_URL, f"rma:{order_stream(order_id)}/receivable/{rma_id or ''}/{owed_for}")


def label_id(rma_id: UUID, return_to: str) -> UUID:
    """Return the id of the label that a return's goods go to a site under."""
    return _derived(rma_id, f"label/{return_to}")


def deadline_id(rma_id: UUID, kind: str, line: int | None, number: int) -> UUID:
    """Return the id of a return's deadline; ``number`` counts those of one kind and line from 1."""
    return _derived(rma_id, f"deadline/{kind}/{line or ''}/{number}")


def _derived(namespace: UUID, name: str) -> UUID:
    """Return a UUID that follows from a name: version 5 of RFC 9562, as ``uuid5`` does in three times the time."""
    digest = hashlib.sha1(namespace.int.to_bytes(16) + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16]) & ~UUID_KIND | UUID_VERSION_5)
