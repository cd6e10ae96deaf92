"""Every code, state and word that other systems meet has its sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import TypeAdapter

from commands.registry import REGISTRATIONS
from domain import ledger, vocabularies
from domain.errors import IdentifierReusedError, RuleViolationError
from domain.policy import document
from infra.records import Status
from tests.support.recorded_facts import CODEC
from workers.contract import vocabulary

WORDS = {name: words for name, _, words in vocabulary.vocabularies()}
SETS = {frozenset(words) for words in WORDS.values()}
LITERALS = {name: get_args(found) for name, found in vars(vocabularies).items() if get_origin(found) is Literal}
SCHEMAS = {
    **{name: found.model.model_json_schema() for name, found in REGISTRATIONS.items()},
    **{topic: TypeAdapter(found).json_schema(mode="serialization") for topic, found in CODEC.event_classes.items()},
}


def closed_sets(schema: Any) -> Iterator[frozenset[str]]:
    """Yield every set of words that a field of a schema is bound to."""
    if isinstance(schema, dict):
        if "enum" in schema:
            yield frozenset(schema["enum"])
        if "const" in schema:
            yield frozenset([schema["const"]])
        for part in schema.values():
            yield from closed_sets(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from closed_sets(part)


def refusals(root: type[RuleViolationError] = RuleViolationError) -> Iterator[type[RuleViolationError]]:
    for error in root.__subclasses__():
        yield error
        yield from refusals(error)


@pytest.mark.parametrize("error", list(refusals()), ids=lambda error: error.__name__)
def test_every_code_has_its_sentence(error: type[RuleViolationError]) -> None:
    """A refusal's code alone tells a reader nothing; the sentence is its class's own."""
    assert error is IdentifierReusedError or error.code in vocabulary.codes()
    assert error.__doc__ is not None
    assert error.__doc__ != error.__base__.__doc__
    assert error.__doc__.split("\n")[0].endswith(".")


@pytest.mark.parametrize("name", LITERALS)
def test_every_word_has_its_sentence(name: str) -> None:
    """A word that is added comes with what it means, in the order of its set; one that is gone leaves none behind."""
    assert tuple(WORDS[name]) == LITERALS[name]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_set_of_a_schema_is_one_of_the_vocabulary(name: str) -> None:
    """Sets that only one command or event has are told like the others; a single word is one of some set."""
    for words in closed_sets(SCHEMAS[name]):
        assert words in SETS or any(words < known for known in SETS if len(words) == 1), words


def test_what_is_no_closed_set_of_a_field_is_told_too() -> None:
    """Accounts of the ledger, codes of decisions, and what a command is answered."""
    accounts = {value for name, value in vars(ledger).items() if name.isupper() and isinstance(value, str)}
    clearing = {ledger.clearing(kind) for kind in LITERALS["TenderKind"]}
    codes = {value for name, value in vars(document).items() if name.startswith("CODE_")}

    assert set(WORDS["Account"]) == accounts | clearing
    assert set(WORDS["DecisionCode"]) == codes | {"not_accepted", "serial_mismatch"}
    assert set(WORDS["Status"]) == set(get_args(Status))


def test_a_sentence_is_a_sentence() -> None:
    """It ends as one, and says more than the word."""
    said = [*vocabulary.codes().values(), *(meaning for words in WORDS.values() for meaning in words.values())]

    assert [meaning for meaning in said if not meaning.endswith(".") or len(meaning) < 6] == []
