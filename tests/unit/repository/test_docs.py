"""What the documents show is true: their Python runs, their commands exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import typer.main

from domain.policy.document import PolicyDocument
from domain.policy.publication import check
from infra.logs import Alarm
from workers.cli.app import app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PICTURE = re.compile(r'<img src="([^"]+)" width="\d+" alt="[^"]+">')
PICTURE_BYTES_MAX = 200_000
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}#{number}", found.group(2))
        for page in PAGES
        for number, found in enumerate(BLOCK.finditer(page.read_text()), start=1)
        if found.group(1) == language
    ]


@pytest.mark.parametrize(("name", "code"), blocks("python"), ids=lambda value: value[:60])
def test_python_in_the_documents_runs(name: str, code: str) -> None:
    """Each worked example computes what it says."""
    exec(compile(code, name, "exec"), {})  # noqa: S102 - our own documents


def test_pictures_in_the_documents_are_there_and_small() -> None:
    """Each has words for who does not see it, and is soon there."""
    shown = {page.parent / src: page for page in PAGES for src in PICTURE.findall(page.read_text())}

    assert len(shown) >= 3
    assert all(0 < picture.stat().st_size < PICTURE_BYTES_MAX for picture in shown)
    assert sorted(shown) == sorted((ROOT / "docs" / "pictures").iterdir())


def commands() -> list[list[str]]:
    lines = [line for _, block in blocks("sh") for line in block.splitlines()]
    words = [re.split(r"\s+#|\s[|>&]", line)[0].split() for line in lines]
    return [line[1:] for line in words if line[:1] == ["rma"]]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_commands_in_the_documents_exist(words: list[str]) -> None:
    """Each command that a reader may copy is one of ours."""
    command = typer.main.get_command(app)
    for word in words:
        known = getattr(command, "commands", None)
        if known is None or word.startswith("-"):
            break
        assert word in known, f"rma {' '.join(words)}"
        command = known[word]


def test_policies_in_the_documents_could_be_published() -> None:
    """A draft that a reader may copy is one that publishing would take."""
    shown = [code for name, code in blocks("json") if name.startswith("README") and '"window"' in code]
    assert shown
    for code in shown:
        check(PolicyDocument.model_validate_json(code))


PAGES_OF_OURS = [page for page in PAGES if page.parent.name != "contracts"]


@pytest.mark.parametrize("page", PAGES_OF_OURS, ids=lambda page: page.name)
def test_files_that_the_documents_name_are_there(page: Path) -> None:
    """A reader who is sent to a file or a folder finds it."""
    named = re.findall(r"`((?:domain|commands|projections|infra|workers|tests|docs)/[\w./-]*)`", page.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("room", ["domain/case", "domain/settlement"])
def test_the_architecture_names_every_rule(room: str) -> None:
    """A stranger who looks for the rule about something finds its step in the table."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    modules = [str(file.relative_to(ROOT)) for file in (ROOT / room).glob("[!_]*.py")]

    assert [module for module in modules if f"`{module}`" not in page] == []


@pytest.mark.parametrize("alarm", get_args(Alarm))
def test_the_runbook_has_a_section_for_every_alarm(alarm: str) -> None:
    """Whoever is woken by an alarm is sent to the runbook, and finds there what to do."""
    _, _, section = (ROOT / "docs" / "runbook.md").read_text().partition(f"\n## {alarm}\n")

    assert "**Do**" in section.partition("\n## ")[0]


def test_the_documents_show_something() -> None:
    """The two tests above have something to run."""
    assert len(blocks("python")) >= 4
    assert len(commands()) >= 4
