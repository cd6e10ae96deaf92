"""The compose file and the image: valid by the Compose specification, and true to the code they start."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import typer.main
import yaml

from infra.settings import Settings
from tests.support.containers import KAFKA_IMAGE, POSTGRES_IMAGE
from workers.cli.app import app
from workers.registry import WORKERS as LISTED

CLONE: Final = Path(__file__).parents[3]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((CLONE / "docker-compose.yml").read_text())
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]
OURS: Final = {name: service for name, service in SERVICES.items() if "build" in service}
WORKERS: Final = {name: service for name, service in OURS.items() if name != "init"}
DOCKERFILE: Final = (CLONE / "Dockerfile").read_text()


def _validate(compose: object) -> None:
    schema = json.loads((CLONE / "tests/data/compose-spec.json").read_text())
    jsonschema.Draft7Validator(schema).validate(compose)


def _parse(arguments: list[str]) -> dict[str, Any]:
    """Parse a command line of ``rma`` as the program would, and run nothing; raises a usage error."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("rma", list(arguments), resilient_parsing=False)
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    return dict(context.params)


def test_the_file_is_valid_by_the_compose_schema() -> None:
    """Docker Compose accepts the file."""
    _validate(COMPOSE)


@pytest.mark.parametrize(
    "spoiled",
    [{"services": {"x": {"comand": ["init"]}}}, {"services": {"x": {"restart": 3}}}, {"service": {}}],
)
def test_the_schema_refuses_what_compose_would(spoiled: object) -> None:
    """The check can fail: a misspelt key or a wrong type is found."""
    with pytest.raises(jsonschema.ValidationError):
        _validate(spoiled)


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    """What a service runs is a command of the program, with arguments that it takes."""
    _parse(OURS[name]["command"])


@pytest.mark.parametrize("arguments", [["work", "nobody"], ["inti"], ["work", "projector"]])
def test_a_command_that_does_not_exist_is_found(arguments: list[str]) -> None:
    """The check can fail: an unknown command or a missing argument is found."""
    with pytest.raises(Exception, match=r"No such command|Missing (argument|parameter)"):
        _parse(arguments)


def test_every_worker_has_a_service_and_every_service_is_a_worker() -> None:
    """A worker that is added gets a service that runs it, and no service runs what is not on the list."""
    assert sorted(service["command"] for service in WORKERS.values()) == sorted(
        ["work", *worker.command] for worker in LISTED
    )


def test_a_worker_that_needs_a_setting_gets_it_and_only_starts_when_asked_to() -> None:
    """Its setting is passed on; what nobody can guess is behind a profile of its own."""
    needing = {worker.name: {f"RMA_{name.upper()}" for name in worker.needs} for worker in LISTED if worker.needs}
    given = {name: WORKERS[name]["environment"] for name in needing}
    guessed = {
        name for name, variables in needing.items() if not any(given[name][one].endswith(":-}") for one in variables)
    }

    assert {name: service["profiles"] for name, service in WORKERS.items() if "profiles" in service} == {
        name: [name] for name in needing if name not in guessed
    }
    for name, variables in needing.items():
        assert variables <= set(given[name])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_limits_a_restart_policy_and_a_health_check(name: str) -> None:
    """Nothing runs unbounded, unwatched, or ends for good at its first crash."""
    service = SERVICES[name]

    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["restart"] in {"unless-stopped", "on-failure:3"}
    assert "test" in service["healthcheck"] or name == "init"


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_starts_after_init_and_is_asked_for_its_health_where_it_answers(name: str) -> None:
    """A worker finds its tables and topics, and its health check asks the port it was told to serve."""
    service = WORKERS[name]

    assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"
    assert f":{service['environment']['RMA_METRICS_PORT']}/healthz" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that nobody reads would be a wish; each one sets a field, to a value that it takes."""
    variables = {
        variable: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for variable, value in OURS[name]["environment"].items()
    }
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert {variable.removeprefix("RMA_").lower() for variable in variables} <= set(Settings.model_fields)
    Settings()


def test_services_are_what_the_tests_run_against() -> None:
    """The compose file and the tests use the same PostgreSQL and the same Kafka."""
    assert (SERVICES["postgres"]["image"], SERVICES["kafka"]["image"]) == (POSTGRES_IMAGE, KAFKA_IMAGE)


def test_the_image_is_pinned_and_runs_as_an_ordinary_user() -> None:
    """The image is built from exact versions and never runs as root."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    [uv] = re.findall(r"uv==(\S+)", DOCKERFILE)

    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert f"UV_VERSION := {uv}\n" in (CLONE / "Makefile").read_text()
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert DOCKERFILE.index("USER ") < DOCKERFILE.index("ENTRYPOINT")
    assert all("--frozen" in line for line in DOCKERFILE.splitlines() if "uv sync" in line)
