"""How far everything has come: a read model whose views show an older version is named."""

from __future__ import annotations

from io import StringIO
from typing import Any

from domain.policy.statutes import FIRST, NEWEST
from projections.read_models import PROJECTIONS
from workers.operating.law_in_use import LawInUse
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


def test_a_newer_edition_of_the_law_is_named_until_it_is_published() -> None:
    """A system that runs keeps its edition; whoever looks reads that there is another, and how to publish it."""
    file = StringIO()
    Page(file=file, width=120).print(picture(SystemStatus(0, [], 0, 0, [], [], law=LawInUse(FIRST, NEWEST))))
    assert f"edition 1 of the law; run: rma statutes publish {NEWEST} --as agent:NAME" in file.getvalue()

    file = StringIO()
    Page(file=file, width=120).print(picture(SystemStatus(0, [], 0, 0, [], [], law=LawInUse(NEWEST, NEWEST))))
    assert "of the law" not in file.getvalue()
