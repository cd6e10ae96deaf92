"""Write examples of event types that have none yet; those that exist are never touched.

Where fields were added to a type, the event with them is another example: ``<type>+<field>.json``, taken by hand from
what ``stored`` returns.

Run as ``python -m tests.examples.make`` after adding an event type, and commit what it wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.examples.story import whole_story
from tests.support.recorded_facts import recorded

EVENTS: Final = Path(__file__).parent / "events"
STREAMS: Final = Path(__file__).parent / "streams.jsonl"
STATUSES: Final = {
    1: "resolved",
    2: "inspected",
    3: "authorized",
    4: "expired",
    5: "inspected",
    6: "authorized",
    7: "authorized",
    8: "withdrawn",
}
"""The returns of ``STREAMS`` by number, and what has become of them."""


def stored() -> list[dict[str, object]]:
    """Return every event of the story as it is stored: envelope and body."""
    return [
        {
            "envelope": {
                "id": str(event.event_id),
                "type": event.type,
                "stream": event.stream,
                "streamversion": event.version,
                "time": event.occurred_at.isoformat(),
                "actor": event.actor,
                "commandid": event.command_id,
            },
            "body": json.loads(event.body),
        }
        for event in recorded(whole_story().history)
    ]


def main() -> None:
    """Write what is missing."""
    EVENTS.mkdir(exist_ok=True)
    events = stored()
    for event in events:
        envelope = event["envelope"]
        assert isinstance(envelope, dict)
        path = EVENTS / f"{envelope['type']}.json"
        if not path.exists():
            path.write_text(json.dumps(event, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if not STREAMS.exists():
        STREAMS.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events), encoding="utf-8")


if __name__ == "__main__":
    main()
