"""A word has one meaning: what the glossary tells apart, the code does not call alike."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import Final

CLONE: Final = Path(__file__).parents[3]
CODE: Final = ("domain", "commands", "projections", "infra", "workers")
ONCE_MEANT_TWO_THINGS: Final = frozenset({"SoldLine", "Verdict", "Fault", "DecidedLine", "Arrival", "Difference"})


def _defined(*folders: str) -> dict[str, list[str]]:
    """Return the files in which each class of these folders is defined, nested ones left out."""
    found = defaultdict(list)
    for file in sorted(file for folder in folders for file in (CLONE / folder).rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(file.relative_to(CLONE)))
    return found


def test_a_class_of_the_domain_has_a_name_of_its_own() -> None:
    """Who reads of it in a rule need not look which one is meant."""
    assert {name: files for name, files in _defined("domain").items() if len(files) > 1} == {}


def test_a_word_that_meant_two_things_means_one() -> None:
    """They were told apart once, in all folders, and stay so."""
    found = _defined(*CODE)

    assert {name: found[name] for name in ONCE_MEANT_TWO_THINGS if len(found[name]) > 1} == {}
