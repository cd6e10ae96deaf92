"""Scenario files: what may be written in them, and the names that make every run of one its own.

Everything that is not understood is refused: an unknown key, a key given twice, a step that is neither send nor view.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from domain.errors import RmaError, UnusableInputError
from workers.runtime.plain_yaml import NotYamlError, read_yaml

PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,40}")
UUID_NAME_BEGINS: Final = "rma"
FILES_MAX: Final = 1_000
FILE_BYTES_MAX: Final = 1_000_000


class ScenarioError(RmaError):
    """A scenario cannot be read or played; the message says where and why."""

    code = "scenario_failed"


class NoScenarioFilesError(UnusableInputError):
    """The paths given lead to no scenario file, or to too many."""

    code = "no_scenario_files"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Refused(_Part):
    """The code a command is expected to be refused with, and the least its details hold."""

    refused: str
    details: dict[str, Any] = Field(default_factory=dict)


class Malformed(_Part):
    """The JSON paths of what is wrong with a command, in whatever order."""

    malformed: list[str]


class SendStep(_Part):
    """Publish a command, and compare its result; what is left out of the metadata is not sent."""

    send: str
    at: str | None = None
    actor: str | None = None
    id: str | None = None
    source: str | None = None
    key: str | None = None
    data: Any
    expect: Literal["accepted", "malformed"] | Refused | Malformed = "accepted"
    events: list[str] | None = None


class ViewStep(_Part):
    """Read a view once the projections are caught up; compare its rows, or save values of its only row."""

    view: str
    where: dict[str, Any] = Field(default_factory=dict)
    rows: list[dict[str, Any]] | None = None
    save: dict[str, str] | None = None

    @model_validator(mode="after")
    def _checks_or_saves(self) -> Self:
        if self.rows is None and self.save is None:
            raise ValueError("a view step has rows or save, or both")
        return self


def _kind_of_step(step: object) -> str | None:
    kinds = [kind for kind in ("send", "view") if isinstance(step, dict) and kind in step]
    return kinds[0] if len(kinds) == 1 else None


Step = Annotated[
    Annotated[SendStep, Tag("send")] | Annotated[ViewStep, Tag("view")],
    Discriminator(
        _kind_of_step,
        custom_error_type="step_not_understood",
        custom_error_message="a step is either a send or a view",
    ),
]


class Scenario(_Part):
    """A titled list of steps, played in their order."""

    scenario: str
    steps: Annotated[list[Step], Field(min_length=1)]


def parse_scenario(text: str) -> Scenario:
    """Return the scenario written in a file's text.

    Raises:
        ScenarioError: It is no YAML, or holds what is not understood; each fault with its path.
    """
    try:
        content = read_yaml(text)
        if not isinstance(content, dict):
            raise ScenarioError("a scenario file holds `scenario`, its title, and `steps`")
        return Scenario.model_validate(content)
    except NotYamlError as error:
        raise ScenarioError(str(error)) from error
    except ValidationError as error:
        raise ScenarioError("\n".join(_said(fault["loc"], fault["msg"]) for fault in error.errors())) from error


def _said(path: tuple[int | str, ...], message: str) -> str:
    # steps are counted from 1, as people and the report do
    parts = [f"step {part + 1}" if isinstance(part, int) and not i - 1 else str(part) for i, part in enumerate(path)]
    return f"{' · '.join(parts)}: {message}"


def read_scenario(path: Path) -> Scenario:
    """Return the scenario in a file; raises ``ScenarioError`` naming what is wrong."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ScenarioError(f"larger than {FILE_BYTES_MAX} bytes")
        return parse_scenario(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"cannot be read: {error}") from error


def find_files(paths: list[Path]) -> list[Path]:
    """Return the files named, and those that end in .yaml or .yml in the folders named, sorted.

    Raises:
        NoScenarioFilesError: A path does not exist, there is no file at all, or there are more than ``FILES_MAX``.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.rglob("*") if file.suffix in {".yaml", ".yml"})
        elif path.exists():
            found.append(path)
        else:
            raise NoScenarioFilesError(f"{path} does not exist")
    if not 0 < len(found) <= FILES_MAX:
        raise NoScenarioFilesError(f"{len(found)} scenario files found; 1 to {FILES_MAX} can be run")
    return found


def fresh_value(name: str) -> str:
    """Return a value unique to the run: a UUID for names that begin with ``rma``, else a short id."""
    drawn = uuid4()
    return str(drawn) if name.startswith(UUID_NAME_BEGINS) else f"{name}-{drawn.hex[:10]}"


class Names:
    """What ``${name}`` stands for in one run: a value saved before, else a fresh one that stays."""

    def __init__(self, fresh: Callable[[str], str] = fresh_value) -> None:
        self._values: dict[str, object] = {}
        self._fresh = fresh

    def save(self, name: str, value: object) -> None:
        self._values[name] = value

    def value(self, name: str) -> object:
        """Return what the name stands for; raises ``ScenarioError`` for what is no name."""
        if not NAME.fullmatch(name):
            raise ScenarioError(f"${{{name}}} is no placeholder: a name has letters, digits, _ and -, at most 41")
        if name not in self._values:
            self._values[name] = self._fresh(name)
        return self._values[name]

    def fill(self, value: Any) -> Any:
        """Return the value with every placeholder replaced, in keys too; one that stands alone keeps its type."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        if not isinstance(value, str):
            return value
        alone = PLACEHOLDER.fullmatch(value)
        if alone:
            return self.value(alone[1])
        return PLACEHOLDER.sub(lambda found: str(self.value(found[1])), value)
