"""What must hold of serial numbers after every command, read off the goods that are here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from domain.order import Order
from domain.rma import Rma


def check_serials(order: Order, returns: Iterable[Rma]) -> None:
    """Raise ``AssertionError`` where a number fits that was not sold, or one is here twice or stands for two units."""
    here = Counter(_here(returns))
    assert all(count == 1 for count in here.values()), here
    for line_id, account in order.lines.items():
        read = {serial for of_line, serial in here if of_line == line_id}
        assert not account.fact.serials or read <= set(account.fact.serials), (line_id, read)
        assert read <= set(account.serials.inside), (line_id, read, account.serials.inside)
        counted_as = list(account.serials.inside.values())
        assert len(set(counted_as)) == len(counted_as), (line_id, counted_as)


def _here(returns: Iterable[Rma]) -> Iterator[tuple[str, str]]:
    """Yield the order line and the number of each unit that came in under a fitting one, and is here."""
    for rma in returns:
        for line in rma.lines.values():
            for run, state in line.states:
                if state.logistics == "received" and not (state.wrong_serial or state.went_out):
                    for unit in range(run.first, run.end):
                        if unit in line.serials:
                            yield line.asked.line_id, line.serials[unit]
