"""Settings, logs and metrics: what is set from outside and what is seen from outside."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
import structlog
from kafka.structs import TopicPartition
from prometheus_client import generate_latest
from pydantic import SecretStr, ValidationError

from infra import logs
from infra.addresses import addresses, postgres_address
from infra.kafka_address import connecting_to, security_of
from infra.metrics import WorkerMetrics
from infra.roles import as_role
from infra.services import Addresses, ServiceUnreachableError, StackNotRunningError, StackState
from infra.sessions import session_options
from infra.settings import Settings
from infra.stack import state

DSN: Final = SecretStr("postgresql://db")


def test_every_field_is_read_from_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """RMA_<FIELD> sets a field; nothing else does."""
    monkeypatch.setenv("RMA_PARTITIONS", "12")
    monkeypatch.setenv("PARTITIONS", "99")
    monkeypatch.setenv("RMA_TOPIC_PREFIX", "blue.")

    settings = Settings()

    assert settings.partitions == 12
    assert settings.named("rma.commands") == "blue.rma.commands"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RMA_PARTITIONS", "0"),
        ("RMA_METRICS_PORT", "70000"),
        ("RMA_LOG_FORMAT", "xml"),
        ("RMA_TOPIC_PREFIX", "no spaces"),
        ("RMA_COMMAND_BATCH_RECORDS_MAX", "5001"),
    ],
)
def test_a_value_out_of_range_is_refused_at_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A setting that cannot work stops the process before it touches anything, and is named."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=name.removeprefix("RMA_").lower()):
        Settings()


def test_given_addresses_need_no_stack(tmp_path: Path) -> None:
    """Where both addresses are given, nothing is looked for on this machine."""
    given = Settings(postgres_dsn=DSN, kafka_bootstrap="k:1", data_dir=tmp_path)

    assert addresses(given) == Addresses(DSN, "k:1")


@pytest.mark.parametrize("dsn", [None, DSN])
def test_without_addresses_or_stack_the_error_says_what_to_do(tmp_path: Path, dsn: SecretStr | None) -> None:
    """Nobody has to guess: the error names the command to run, and counts as a service that cannot be reached."""
    with pytest.raises(StackNotRunningError, match="run: rma up") as refused:
        addresses(Settings(postgres_dsn=dsn, kafka_bootstrap=None, data_dir=tmp_path))

    assert refused.value.code == "stack_not_running"
    assert isinstance(refused.value, ServiceUnreachableError)


def test_a_stack_that_runs_in_part_is_told_by_what_stopped(tmp_path: Path) -> None:
    """Who only reads needs PostgreSQL alone; who needs what stopped is told which it is."""
    me = os.getpid()
    mine = psutil.Process(me).cmdline()[0]
    where = Addresses(DSN, "k:1")
    state.write(tmp_path, StackState(where, {"kafka": (me, "no such argument"), "postgres": (me, mine)}))
    settings = Settings(postgres_dsn=None, kafka_bootstrap=None, data_dir=tmp_path)

    assert postgres_address(settings) == DSN.get_secret_value()
    with pytest.raises(StackNotRunningError, match=r"^kafka of the local stack in .* stopped, run: rma up"):
        addresses(settings)
    given = Settings(postgres_dsn=None, kafka_bootstrap="other:1", data_dir=tmp_path)
    assert addresses(given) == Addresses(DSN, "other:1")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"addresses": {}}', '{"processes": {"kafka": 1}}'])
def test_a_broken_state_file_counts_as_no_stack(tmp_path: Path, content: str) -> None:
    """A state file that a crash or a hand spoiled never stops anyone: it is as if there were none."""
    (tmp_path / "stack.json").write_text(content)

    with pytest.raises(StackNotRunningError):
        addresses(Settings(postgres_dsn=None, kafka_bootstrap=None, data_dir=tmp_path))


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_before")
def test_a_log_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fact is a line of JSON on standard error, with the context bound once; standard output stays clean."""
    logs.configure("json", "info")
    log = structlog.get_logger()

    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        log.info("command_handled", events=2)
        log.debug("too_much_detail")
    logging.getLogger("kafka").warning("broker %s is away", 1)

    captured = capsys.readouterr()
    ours, library = [json.loads(line) for line in captured.err.splitlines()]
    assert captured.out == ""
    assert (ours["event"], ours["level"], ours["events"], ours["correlation_id"]) == (
        "command_handled",
        "info",
        2,
        "c-1",
    )
    assert ours["timestamp"].endswith("Z")
    assert (library["event"], library["library"], library["message"]) == ("library_log", "kafka", "broker 1 is away")


@pytest.mark.usefixtures("_logging_as_before")
def test_what_calls_for_nothing_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Two warnings of the Kafka client's inner life are left out; its errors, and all else it warns of, are not."""
    logs.configure("json", "info")
    coordinator = logging.getLogger("kafka.coordinator")

    coordinator.warning("Marking the coordinator dead (node %s) for group %s: %s.", 1, "rma.commands", "NotCoordinator")
    logging.getLogger("kafka.net.selector").warning("Task <kafka.net.selector.Task object> ran for 0.2s")
    coordinator.error("Marking the coordinator dead")
    coordinator.warning("Heartbeat failed")

    told = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert told == ["Marking the coordinator dead", "Heartbeat failed"]


@pytest.mark.usefixtures("_logging_as_before")
def test_an_error_is_logged_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure's line holds the exception, but no variables: they may hold what a customer wrote."""
    logs.configure("json", "info")

    try:
        json.loads("broken on purpose")
    except ValueError:
        structlog.get_logger().exception("worker_failed")

    [line] = capsys.readouterr().err.splitlines()
    [exception] = json.loads(line)["exception"]
    assert exception["exc_type"] == "JSONDecodeError"
    assert all("locals" not in frame or frame["locals"] is None for frame in exception["frames"])


def test_metrics_are_served_per_worker() -> None:
    """What a worker counts, Prometheus reads, and two workers in one process never mix."""
    worker, other = WorkerMetrics("commands"), WorkerMetrics("commands")
    worker.handled(3)
    worker.refused(1)
    worker.dead(2)
    worker.lag(TopicPartition("rma.commands", 4), 17)
    with worker.stage("decide"):
        pass

    text = generate_latest(worker.registry).decode()

    assert 'rma_handled_total{worker="commands"} 3.0' in text
    assert 'rma_refused_total{worker="commands"} 1.0' in text
    assert 'rma_dead_total{worker="commands"} 2.0' in text
    assert 'rma_lag_records{partition="4",topic="rma.commands",worker="commands"} 17.0' in text
    assert 'rma_batch_records_count{worker="commands"} 1.0' in text
    assert 'rma_stage_seconds_count{stage="decide",worker="commands"} 1.0' in text
    assert other.registry.get_sample_value("rma_handled_total", {"worker": "commands"}) == 0.0


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a secret is mounted as a file, no variable holds it; processes that are started get it all the same."""
    file = tmp_path / "dsn"
    file.write_text("postgresql://me:s3cr3t@db/rma\n")
    monkeypatch.delenv("RMA_POSTGRES_DSN", raising=False)
    monkeypatch.setenv("RMA_POSTGRES_DSN_FILE", str(file))

    settings = Settings()

    assert settings.postgres_dsn == SecretStr("postgresql://me:s3cr3t@db/rma")
    assert "s3cr3t" not in f"{settings!r} {settings}"
    passed_on = settings.as_environment()
    assert passed_on["RMA_POSTGRES_DSN"] == "postgresql://me:s3cr3t@db/rma"
    assert passed_on["RMA_POSTGRES_DSN_FILE"] == ""


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"RMA_POSTGRES_DSN_FILE": "/nowhere/dsn"}, "RMA_POSTGRES_DSN_FILE cannot be read: No such file"),
        ({"RMA_GATEWAY_URL_FILE": "x", "RMA_GATEWAY_URL": "http://s3cr3t"}, "are both set"),
        ({"RMA_PARTITIONS_FILE": "x"}, "RMA_PARTITIONS_FILE is no setting"),
    ],
)
def test_a_secret_that_cannot_be_had_from_its_file_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], says: str
) -> None:
    """A process does not start without it, nor with one of two; what is no secret has no such file."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=says) as wrong:
        Settings()
    assert "s3cr3t" not in str(wrong.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "go with SASL_SSL"),
        ({"kafka_security_username": "me", "kafka_security_password": "pw"}, "go with SASL_SSL"),
        ({"kafka_security_protocol": "SSL", "kafka_security_cert_file": "c.pem"}, "go together"),
        ({"kafka_security_ca_file": "ca.pem"}, "need RMA_KAFKA_SECURITY_PROTOCOL SSL"),
        ({"kafka_security_protocol": "TLS"}, "kafka_security_protocol"),
    ],
)
def test_how_to_show_who_we_are_at_kafka_is_whole(given: dict[str, str], says: str) -> None:
    """Half of it would be sent in plain text, or not at all."""
    with pytest.raises(ValidationError, match=says):
        Settings.model_validate(given)


def test_a_password_of_kafka_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where addresses, settings or what clients are made of are printed; clients get it all the same."""
    for name, value in {"PROTOCOL": "sasl_plaintext", "USERNAME": "relay", "PASSWORD": "s3cr3t"}.items():
        monkeypatch.setenv(f"RMA_KAFKA_SECURITY_{name}", value)
    where = addresses(Settings(postgres_dsn=DSN, kafka_bootstrap="k:1"))

    assert "s3cr3t" not in f"{where!r} {where} {Settings()!r} {security_of(where.kafka_bootstrap)!r}"
    assert connecting_to(where.kafka_bootstrap) == {
        "bootstrap_servers": ["k:1"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "relay",
        "sasl_plain_password": "s3cr3t",
    }
    assert connecting_to("k:1,k:2") == {"bootstrap_servers": ["k:1", "k:2"], "security_protocol": "PLAINTEXT"}


def test_nothing_that_may_hold_a_secret_shows() -> None:
    """Each such setting, however settings are printed or given on; the page that says how they are kept names it."""
    fields = Settings.model_fields.items()
    secret = [name for name, field in fields if "SecretStr" in str(field.annotation)]
    given = Settings().model_copy(update=dict.fromkeys(secret, SecretStr("s3cr3t")))

    assert [name for name, _ in fields if ("password" in name or "_secret" in name) and name not in secret] == []
    assert "s3cr3t" not in f"{given!r} {given} {given.model_dump()} {given.model_dump_json()}"
    page = (Path(__file__).parents[3] / "docs" / "securing.md").read_text()
    table = page.partition("| setting | holds |")[2].partition("\n\n")[0]
    assert [name for name in secret if f"`RMA_{name.upper()}`" not in table] == []


def test_options_of_an_address_are_kept_beside_ours() -> None:
    """A role, or what else an operator put into the DSN, holds; ours come after it."""
    own = as_role("postgresql://db/rma?options=-c%20work_mem%3D8MB", "rma_relay")

    options = session_options(own, statement_timeout_ms=5)["options"]

    assert options.startswith("-c work_mem=8MB -c role=rma_relay -c timezone=UTC")
    assert "-c statement_timeout=5" in options
