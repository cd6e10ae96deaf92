"""How far everything has come: a read model whose views show an older version is named."""

from __future__ import annotations

from io import StringIO
from typing import Any

from projections.read_models import PROJECTIONS
from workers.operating.status import SystemStatus, outdated_in
from workers.pictures.sheet import Page
from workers.pictures.status import picture


def rows(*versions: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"projection": name, "version": version} for name, version in versions]


def test_a_read_model_that_waits_for_its_rebuild_is_named() -> None:
    """Its workers are up to date while its views are not: only the other version's position tells."""
    in_use = PROJECTIONS["tracking"].version
    others = ("refund_ledger", PROJECTIONS["refund_ledger"].version), ("deadlines", 1)

    assert outdated_in(rows(("tracking", in_use), *others)) == []
    assert outdated_in(rows(("tracking", in_use), ("tracking", in_use + 1), *others)) == ["tracking"]

    file = StringIO()
    Page(file=file, width=120).print(picture(SystemStatus(0, [], 0, 0, [], ["tracking"])))
    assert "run: rma rebuild tracking" in file.getvalue()
