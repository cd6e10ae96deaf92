"""The receipt of a withdrawal, as a file beside the letter: the event as it was recorded, and each of its texts.

It is made before the event is in a signed checkpoint. Who has it needs the proof that ``rma audit prove`` prints later,
and holds both against the key: the proof shows that this event was recorded, and the receipt what it says.
"""

from __future__ import annotations

import json

from infra.records import StoredEvent
from infra.sealing.sealed_text import DataKey
from workers.audit.opened_proofs import shown_with
from workers.audit.proofs import published_event


def receipt_of(event: StoredEvent, key: DataKey | None) -> bytes:
    """Return the receipt of a request as JSON: ``event``, ``prevhash``, and ``opened`` with a key for each text alone.

    Args:
        event: As it was recorded, its texts sealed.
        key: The customer's, whose texts they are; None: nothing was sealed.
    """
    told = {
        "event": published_event(event),
        "prevhash": event.prev_hash.hex(),
        "opened": {} if key is None else shown_with(event, key),
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()
