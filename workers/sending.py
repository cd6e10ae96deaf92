"""Commands on their way to Kafka, and the answers on their way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

STRUCTURED_CONTENT_TYPE: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class OutgoingCommand:
    """A command to publish; ``type`` is the short name, such as ``RequestReturn``."""

    type: str
    id: str
    source: str
    key: str | None
    time: datetime | str | None
    actor: str | None
    data: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Return the command as a structured CloudEvent; attributes that are None are left out."""
        time = self.time.isoformat() if isinstance(self.time, datetime) else self.time
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": f"rma.{self.type}.v1",
            "time": time,
            "actor": self.actor,
            "datacontenttype": "application/json",
            "data": self.data,
        }
        return orjson.dumps({name: value for name, value in attributes.items() if value is not None})
