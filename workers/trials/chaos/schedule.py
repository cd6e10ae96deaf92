"""Which fault comes when, all of it from the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from domain.errors import UnusableInputError

FaultKind = Literal[
    "kill", "kill_two", "kill_starting", "kill_at_work", "kill_rebuild",
    "freeze", "freeze_two", "freeze_starting", "freeze_at_work", "freeze_long",
    "freeze_lead", "step_clock",
    "cut_sessions", "kill_postgres", "kill_kafka", "freeze_postgres", "freeze_kafka",
    "stall_postgres", "delay_postgres", "drop_postgres",
    "stall_kafka", "delay_kafka", "drop_kafka",
    "stall_vault", "drop_vault",
    "fill_postgres", "fill_kafka",
]  # fmt: skip

WEIGHTS: Final[Mapping[FaultKind, int]] = {
    "kill": 5,
    "kill_two": 3,
    "kill_starting": 3,
    "kill_at_work": 6,
    "kill_rebuild": 2,
    "freeze": 4,
    "freeze_two": 2,
    "freeze_starting": 3,
    "freeze_at_work": 5,
    "freeze_long": 3,
    "cut_sessions": 4,
    "kill_postgres": 2,
    "kill_kafka": 1,
    "freeze_postgres": 1,
    "freeze_kafka": 1,
    "freeze_lead": 1,
    "step_clock": 2,
    "stall_postgres": 1,
    "delay_postgres": 1,
    "drop_postgres": 2,
    "stall_kafka": 1,
    "delay_kafka": 1,
    "drop_kafka": 2,
    "stall_vault": 1,
    "drop_vault": 1,
}
"""How often each kind comes, among those chosen."""

ON_DISKS: Final[Mapping[FaultKind, int]] = {"fill_postgres": 2, "fill_kafka": 1}
"""Those that need disks of the run's own, which not everybody may mount: they come where they are asked for."""

OF_WORKERS: Final[frozenset[FaultKind]] = frozenset(
    {
        "kill", "kill_two", "kill_starting", "kill_at_work",
        "freeze", "freeze_two", "freeze_starting", "freeze_at_work", "freeze_long",
    }
)  # fmt: skip
"""Those that hit the workers drawn for them, whoever they are."""

WITH_A_CLOCK: Final = frozenset({"commands", "deadlines", "payments", "auditor", "credit_notes", "labels"})
"""The workers that look at the wall clock."""

STEP_MAX_S: Final = 7_200.0
"""How far a clock is set wrong, ahead or back: as a machine is whose zone is taken for its time."""

FULL_S: Final = (2.0, 6.0)
"""How long a disk is full: long enough that tables and logs would have to grow."""

GAP_S: Final = (0.3, 3.5)
DOWN_S: Final = (0.1, 1.5)
"""How long a process that was killed stays away before it is started again."""

FROZEN_S: Final = (0.2, 5.0)
FROZEN_LONG_S: Final = (16.0, 24.0)
"""Past every time-out: those of PostgreSQL's sessions, of Kafka's groups, and the bound of a take-over."""

STARTING_S: Final = 2.5
"""A process that was just started has mostly begun to work after so long."""


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault: ``targets`` are workers, or the read model that is rebuilt; ``lasts_s`` until it is undone.

    ``step_s``: how far a clock is set ahead.
    """

    number: int
    at_s: float
    kind: FaultKind
    targets: tuple[str, ...]
    delay_s: float
    lasts_s: float
    step_s: float = 0.0

    def __str__(self) -> str:
        whom = f" {' and '.join(self.targets)}" if self.targets else ""
        late = f", {self.delay_s:.2f} s after its start" if self.kind.endswith("_starting") else ""
        step = f" by {self.step_s:+.0f} s" if self.step_s else ""
        return f"{self.number:>4}  {self.at_s:7.1f} s  {self.kind}{whom}{step}{late}, for {self.lasts_s:.1f} s"


class UnknownFaultError(UnusableInputError):
    """There is no such kind of fault."""

    code = "unknown_fault"

    def __init__(self, kind: str) -> None:
        super().__init__(f"there is no fault {kind}; there are {', '.join([*WEIGHTS, *ON_DISKS])}")


def kinds_named(names: Sequence[str], *, full_disks: bool = False) -> dict[FaultKind, int]:
    """Return the weights of the kinds named, of all of them where none is; raises ``UnknownFaultError``.

    Args:
        names: Of kinds.
        full_disks: Whether those that fill disks are among them, named or not.
    """
    known = {**WEIGHTS, **ON_DISKS}
    if unknown := [name for name in names if name not in known]:
        raise UnknownFaultError(unknown[0])
    chosen = {kind: weight for kind, weight in known.items() if kind in (names or WEIGHTS)}
    return chosen | (dict(ON_DISKS) if full_disks else {})


def schedule(
    seed: int, count: int, workers: Sequence[str], read_models: Sequence[str], weights: Mapping[FaultKind, int]
) -> Iterator[PlannedFault]:
    """Yield ``count`` faults, by when they begin; the same for the same arguments."""
    chance = random.Random(f"faults {seed}")  # noqa: S311 - repeatable on purpose
    at_s = 0.0
    for number in range(1, count + 1):
        at_s += chance.uniform(*GAP_S)
        [kind] = chance.choices(list(weights), list(weights.values()))
        yield PlannedFault(
            number,
            at_s,
            kind,
            _targets(kind, workers, read_models, chance),
            chance.uniform(0, STARTING_S),
            _lasts_s(kind, chance),
            chance.uniform(-STEP_MAX_S, STEP_MAX_S) if kind == "step_clock" else 0.0,
        )


def _targets(
    kind: FaultKind, workers: Sequence[str], read_models: Sequence[str], chance: random.Random
) -> tuple[str, ...]:
    if kind == "kill_rebuild":
        return (chance.choice(read_models),)
    if kind == "step_clock":
        clocked = [name for name in workers if name.rpartition("-")[0] in WITH_A_CLOCK]
        return (chance.choice(clocked or list(workers)),)
    if kind not in OF_WORKERS:
        return ()
    return tuple(chance.sample(list(workers), 2 if kind.endswith("_two") else 1))


def _lasts_s(kind: FaultKind, chance: random.Random) -> float:
    if kind in {"freeze_long", "freeze_lead"}:
        return chance.uniform(*FROZEN_LONG_S)
    if kind == "kill_rebuild":
        return chance.uniform(0, STARTING_S)
    if kind in ON_DISKS:
        return chance.uniform(*FULL_S)
    lasts = FROZEN_S if kind.startswith(("freeze", "stall", "delay", "step")) else DOWN_S
    return chance.uniform(*lasts)
