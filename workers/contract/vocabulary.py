"""The page of codes and words: what each means, in a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import domain
from domain.errors import IdentifierReusedError, RuleViolationError
from workers.contract.markdown import GENERATED, described, table

MEANINGS: Final = Path(domain.__file__).with_name("meanings.json")
REUSABLE: Final = (
    "shipment_id", "delivery_id", "label_id", "receipt_id", "scan_id", "inspection_id", "evidence_id",
    "spend_id", "difference_id", "refund_request_id", "cancellation_id",
    "payment_id", "write_off_id", "parcel_id", "transfer_id", "external_id",
)  # fmt: skip
"""Identifiers that stand for one fact: with other content under the same one, a command is refused."""
HEAD: Final = """# Vocabulary

## Codes of refusals

Codes are for ever. New ones are added, so a reader takes one that it does not know for a refusal like any other.

"""


def vocabulary_page() -> str:
    """Return the page."""
    text = f"{GENERATED}\n{HEAD}" + table(("code", "means"), ((f"`{code}`", said) for code, said in codes().items()))
    for name, about, words in vocabularies():
        rows = ((f"`{word}`", meaning) for word, meaning in words.items())
        text += f"## {_heading(name)}\n\n{about}\n\n" + table(("word", "means"), rows)
    return text.rstrip() + "\n"


def _heading(name: str) -> str:
    """Return the name of a set of words as people write it: ``LiableParty`` is ``Liable party``."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", name)


def codes() -> dict[str, str]:
    """Return what every code of a refusal means, in the order of the codes."""
    known = {found.code: described(found) for found in RuleViolationError.__subclasses__() if "code" in vars(found)}
    reused = {f"{name}_reused": f"`{name}`: {described(IdentifierReusedError)}" for name in REUSABLE}
    return dict(sorted((known | reused).items()))


def vocabularies() -> list[tuple[str, str, dict[str, str]]]:
    """Return every set of words: its name, what it is about, and what each word means."""
    known = json.loads(MEANINGS.read_text("utf-8"))
    return [(name, found["about"], found["words"]) for name, found in known.items()]
