"""What a maker of labels is asked, and what it answers."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.values import dataclass
from domain.vocabularies import Method
from infra.sites import Site


class NoLabelError(Exception):
    """No label was made, or nobody knows whether one was: asked again under the same id, there is one of it."""


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """A parcel that wants a label; ``label_id`` is the key under which it is asked for, however often."""

    label_id: UUID
    rma_id: UUID
    rma_number: str
    order_id: str
    method: Method
    site: Site


@dataclass(frozen=True, slots=True)
class MadeLabel:
    """A label: who carries the parcel, and the number that it bears."""

    carrier: str
    tracking_number: str


class LabelMaker(Protocol):
    """Makes labels."""

    def make(self, request: LabelRequest) -> MadeLabel:
        """Return the label of a parcel: under the same id always the same; raises ``NoLabelError``."""

    def close(self) -> None:
        """Give back what it holds."""
