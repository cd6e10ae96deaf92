"""`rma doctor` sees what is there and what is not."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from domain.policy.statutes import NEWEST
from infra.settings import Settings
from infra.stack.ports import free_ports
from workers.operating.doctor import Check, checks
from workers.operating.initialising import initialise
from workers.operating.standard_policy import begin


def _by_name(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in checks(settings)}


def test_running_services_are_found(settings: Settings) -> None:
    """Where PostgreSQL and Kafka answer, doctor says so, and has nothing to advise."""
    found = _by_name(settings)

    assert (found["PostgreSQL"].ok, found["Kafka"].ok) == (True, True)
    assert (found["PostgreSQL"].remedy, found["Kafka"].remedy) == ("", "")


def test_what_init_has_yet_to_make_is_named(settings: Settings) -> None:
    """Services that were never initialised are a fault that says what to run; afterwards there is none."""
    before = _by_name(settings)["schemas and topics"]
    initialise(settings)
    after = _by_name(settings)["schemas and topics"]

    assert (before.ok, before.remedy) == (False, "run: rma init")
    assert "no schema" in before.found
    assert (after.ok, after.found, after.remedy) == (True, "all there", "")


def test_a_law_that_is_not_the_newest_is_named(settings: Settings) -> None:
    """A system from before has the first edition, which is no fault, and says what to run; a new one has the newest."""
    initialise(settings)
    law = _by_name(settings)["law"]
    assert (law.ok, law.found) == (True, f"edition 1 of {NEWEST}")
    assert law.remedy == f"run: rma statutes publish {NEWEST} --as agent:NAME"

    begin(settings, with_policy=False)
    assert (_by_name(settings)["law"].found, _by_name(settings)["law"].remedy) == (f"edition {NEWEST} of {NEWEST}", "")


def test_workers_that_do_not_run_are_named(settings: Settings) -> None:
    """Whoever wonders why nothing happens reads that nobody works."""
    initialise(settings)
    workers = _by_name(settings)["workers"]

    assert (workers.ok, workers.found) == (True, "none runs")
    assert workers.remedy.startswith("not running: commands, relay, tracking")


def test_a_data_folder_that_cannot_be_is_a_fault(tmp_path: Path) -> None:
    """Before the first start, doctor says that it would fail."""
    occupied = tmp_path / "file"
    occupied.write_text("")

    found = _by_name(Settings(postgres_dsn=None, kafka_bootstrap=None, data_dir=occupied))["data folder"]

    assert (found.ok, found.remedy) == (False, "set RMA_DATA_DIR to another")


def test_a_service_that_is_away_is_named_with_what_to_do() -> None:
    """A wrong address is a fault, and the variable to look at is named."""
    [closed] = free_ports(1)
    wrong = Settings(
        postgres_dsn=SecretStr(f"postgresql://127.0.0.1:{closed}/x"), kafka_bootstrap=f"127.0.0.1:{closed}"
    )

    found = _by_name(wrong)

    assert (found["PostgreSQL"].ok, found["PostgreSQL"].remedy) == (False, "check RMA_POSTGRES_DSN")
    assert (found["Kafka"].ok, found["Kafka"].remedy) == (False, "check RMA_KAFKA_BOOTSTRAP")


def test_a_machine_without_a_stack_is_not_at_fault(tmp_path: Path) -> None:
    """Before the first start nothing is missing; doctor says how to start."""
    found = _by_name(Settings(postgres_dsn=None, kafka_bootstrap=None, data_dir=tmp_path / "none"))

    assert found["services"].ok
    assert "rma up" in found["services"].found
