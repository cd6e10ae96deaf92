"""Which parcels of a return want a label: one for each site that goods are to be sent to by a label of ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from domain.identity import label_id
from domain.rma import Rma
from domain.units import total, without
from domain.vocabularies import Method

BY_LABEL: Final[frozenset[Method]] = frozenset({"label", "drop_off"})


@dataclass(frozen=True, slots=True)
class WantedParcel:
    """Goods that go to one site; ``lines`` are units by line, none: all that are in no other parcel."""

    rma_id: UUID
    rma_number: str
    order_id: str
    return_to: str
    method: Method
    lines: dict[int, int] = field(default_factory=dict)

    @property
    def label_id(self) -> UUID:
        """The label's id: of a return and a site always the same."""
        return label_id(self.rma_id, self.return_to)


def wanted_parcels(rma: Rma) -> list[WantedParcel]:
    """Return the parcels of a return that want a label and have none.

    The first names no units, so that what is authorized later for the same site goes with it. Where somebody else
    issued a label for all of the goods, there is nothing left to do.
    """
    ours = {str(label_id(rma.rma_id, line.terms.return_to)) for line in rma.lines.values() if line.terms}
    if any(parcel.label_id not in ours and not parcel.runs for parcel in rma.parcels.by_label.values()):
        return []
    by_site: dict[str, WantedParcel] = {}
    for number, line in rma.lines.items():
        if line.terms is None or line.terms.method not in BY_LABEL:
            continue
        to_send = rma.fitting(number, lambda state: state.is_authorized and state.is_with_customer)
        packed = [run.run for run in rma.parcels.packed() if run.line == number]
        if free := total(without(to_send, packed)):
            site = line.terms.return_to
            about = (rma.rma_id, rma.rma_number, rma.order_id, site, line.terms.method)
            by_site.setdefault(site, WantedParcel(*about)).lines[number] = free
    wanted = [one for one in by_site.values() if str(one.label_id) not in rma.parcels.by_label]
    if len(wanted) == 1 and not rma.parcels.by_label:
        wanted[0].lines.clear()
    return wanted
