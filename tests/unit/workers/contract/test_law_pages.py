"""The pages of the law say what the newest edition says."""

from __future__ import annotations

import json

import jsonschema
import pytest

from domain.policy.statutes import EDITIONS, NEWEST, edition_numbered
from workers.contract.law_pages import BAR, PAGES, SCHEMA, files


def test_the_pages_are_as_they_would_be_written() -> None:
    """Run `python -m workers.contract.law_pages` where they are not."""
    written = {path.name: path.read_text("utf-8") for path in PAGES.iterdir() if path.name != "README.md"}
    assert written == files()


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_file_fits_its_schema(edition: int) -> None:
    """So that a lawyer's editor can check it without us."""
    schema = json.loads((PAGES / SCHEMA).read_text("utf-8"))
    for file in edition_numbered(edition).files:
        jsonschema.validate(json.loads(file.model_dump_json()), schema)


def test_every_right_is_on_a_page() -> None:
    """By its id, with its sentence."""
    pages = files()
    for right in edition_numbered(NEWEST).rights:
        page = pages[f"{min(right.countries)}.md"]
        assert right.id in page
        assert right.sentence in page


def test_every_right_is_on_its_pages_timeline() -> None:
    """Old laws too: each shows in some year that it is in force."""
    for name, page in files().items():
        if name.endswith(".md") and name != "countries.md":
            lines = page.split("```\n")[1].splitlines()[1:]
            assert lines, name
            assert all(BAR in line for line in lines), name
