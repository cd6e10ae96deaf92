"""Conditions compiled to functions: one writes down every comparison, one only answers, one as far as it can."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple, cast

from pydantic import JsonValue

from domain.policy.decision import ComparisonRecord
from domain.policy.values import Expected, Plain, plain_values
from domain.policy.when import NUMBER_FACTS, TEXT_FACTS, Condition
from domain.policy.windows import start_of_day

Values = Mapping[str, object]
Explain = Callable[[Values, list[ComparisonRecord]], bool]
Answer = Callable[[Values], bool]
Test = Callable[[Any], bool]
Rest = Callable[[Values, Collection[str]], "bool | Answer"]

NOT_JSON: Final = frozenset({"ordered_at", "tender_kinds"})
_PLAIN: Final[dict[str, type]] = dict.fromkeys(TEXT_FACTS, str) | dict.fromkeys(NUMBER_FACTS, int)


class Comparison(NamedTuple):
    """One comparison of a fact with what is expected of it, and what is written down of one that is missing.

    ``is_json``: the fact's value is written down as it is.
    """

    fact: str
    test: Test
    missing: ComparisonRecord
    is_json: bool


class CompiledCondition(NamedTuple):
    """A condition as functions that always agree.

    ``rest`` returns what is left to ask when only some facts, by name, can still change: an answer where none of them
    matters. ``comparison`` is there where the condition is nothing but one.
    """

    explain: Explain
    answer: Answer
    rest: Rest
    comparison: Comparison | None = None


def compile_condition(condition: Condition, zone: str, path: str = "when") -> CompiledCondition:
    """Return the condition as functions of the facts' values; ``zone`` is where dates begin."""
    if condition.negated is not None:
        return _negation(compile_condition(condition.negated, zone, f"{path}.not"))
    for name, parts, decisive in (("all", condition.all_of, False), ("any", condition.any_of, True)):
        if parts is not None:
            inner = [compile_condition(part, zone, f"{path}.{name}[{i}]") for i, part in enumerate(parts)]
            return _connective(inner, decisive=decisive)
    fact = condition.fact or ""
    compared = [_comparison(fact, operator, value, zone, path) for operator, value in condition.comparisons()]
    return compared[0] if len(compared) == 1 else _connective(compared, decisive=False)


def _negation(inner: CompiledCondition) -> CompiledCondition:
    def explain(values: Values, records: list[ComparisonRecord]) -> bool:
        return not inner.explain(values, records)

    def answer(values: Values) -> bool:
        return not inner.answer(values)

    def rest(values: Values, open_facts: Collection[str]) -> bool | Answer:
        left = inner.rest(values, open_facts)
        return not left if isinstance(left, bool) else _not(left)

    return CompiledCondition(explain, answer, rest)


def _not(answer: Answer) -> Answer:
    return lambda values: not answer(values)


def _connective(parts: list[CompiledCondition], *, decisive: bool) -> CompiledCondition:
    """Join conditions: the first whose answer is ``decisive`` settles it; all of them are written down."""
    compared = [part.comparison for part in parts if part.comparison is not None]
    if len(compared) == len(parts):
        explain = _explain_comparisons(compared, decisive=decisive)
    else:
        explain = _explain_parts([part.explain for part in parts], decisive=decisive)
    answer = _first_decisive([part.answer for part in parts], decisive=decisive)

    def rest(values: Values, open_facts: Collection[str]) -> bool | Answer:
        left = []
        for part in parts:
            asked = part.rest(values, open_facts)
            if asked is decisive:
                return decisive
            if not isinstance(asked, bool):
                left.append(asked)
        if len(left) < 2:
            return left[0] if left else not decisive
        return _first_decisive(left, decisive=decisive)

    return CompiledCondition(explain, answer, rest)


def _explain_parts(parts: list[Explain], *, decisive: bool) -> Explain:
    def explain(values: Values, records: list[ComparisonRecord]) -> bool:
        result = not decisive
        for part in parts:
            if part(values, records) is decisive:
                result = decisive
        return result

    return explain


def _explain_comparisons(parts: list[Comparison], *, decisive: bool) -> Explain:
    """Write down comparisons alone, as most rules are made of, without a call for each: a third of a decision is this.

    To copy the record of a missing fact and fill it in takes half the time of writing a new one.
    """

    def explain(values: Values, records: list[ComparisonRecord]) -> bool:
        result = not decisive
        for fact, test, missing, is_json in parts:
            record = missing.copy()
            records.append(record)
            held, found = False, values[fact]
            if found is not None:
                record["found"] = cast("JsonValue", found) if is_json else as_json(found)
                record["held"] = held = test(found)
            if held is decisive:
                result = decisive
        return result

    return explain


def _first_decisive(answers: list[Answer], *, decisive: bool) -> Answer:
    def answer(values: Values) -> bool:
        for part in answers:  # a plain loop: this is the innermost of all, and `any` costs twice as much
            if part(values) is decisive:
                return decisive
        return not decisive

    return answer


def _comparison(fact: str, operator: str, expected: Expected, zone: str, path: str) -> CompiledCondition:
    test = _plain_test(fact, operator, expected) or holds(operator, expected, zone)
    shown: JsonValue = list(expected) if isinstance(expected, tuple) else expected
    missing: ComparisonRecord = {
        "path": path, "fact": fact, "operator": operator, "expected": shown, "found": None, "held": False,
    }  # fmt: skip
    comparison = Comparison(fact, test, missing, fact not in NOT_JSON)

    def answer(values: Values) -> bool:
        found = values[fact]
        return found is not None and test(found)

    def rest(values: Values, open_facts: Collection[str]) -> bool | Answer:
        return answer if fact in open_facts else answer(values)

    return CompiledCondition(_explain_comparisons([comparison], decisive=False), answer, rest, comparison)


def _plain_test(fact: str, operator: str, expected: Expected) -> Test | None:
    """Return a quicker test for facts whose type is known and is the type expected, ``None`` for others."""
    values = plain_values(expected)
    if fact in _PLAIN and all(type(value) is _PLAIN[fact] for value in values):
        quick: dict[str, Test] = {
            "is": expected.__eq__,
            "in": frozenset(values).__contains__,
            "at_least": expected.__le__,
            "at_most": expected.__ge__,
        }
        return quick.get(operator)
    return None


def instant_as_json(at: datetime) -> str:
    """Return an instant as it is written in a trace."""
    return at.isoformat().replace("+00:00", "Z")


def as_json(value: object) -> JsonValue:
    """Return a fact's value as it is written in a trace."""
    if isinstance(value, datetime):
        return instant_as_json(value)
    return list(value) if isinstance(value, tuple) else cast("JsonValue", value)


def holds(operator: str, expected: Expected, zone: str) -> Test:
    """Return the test of one operator; it is false for values of another type, and never raises."""
    if operator == "is":
        return _is(expected)
    if operator == "in":
        return _in(plain_values(expected))
    if operator == "at_least":
        return lambda found: _is_number(found) and found >= expected
    if operator == "at_most":
        return lambda found: _is_number(found) and found <= expected
    moment = moment_of(str(expected), zone)
    if moment is None:
        return lambda _: False
    if operator == "before":
        return lambda found: isinstance(found, datetime) and found < moment
    return lambda found: isinstance(found, datetime) and found > moment


def moment_of(text: str, zone: str) -> datetime | None:
    """Return the instant that a time, or a date (its midnight in ``zone``), names; ``None`` if there is none."""
    try:
        if "T" in text:
            return datetime.fromisoformat(text)
        return start_of_day(date.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def json_key(value: object) -> tuple[str, object]:
    """Return what equality of JSON values goes by: a truth value is not a number, and 1 is 1.0."""
    return ("truth" if isinstance(value, bool) else "number" if _is_number(value) else "text", value)


def _is(expected: Expected) -> Test:
    key, alone = json_key(expected), (expected,)
    if key[0] == "text":
        return lambda found: found in (expected, alone)
    return lambda found: not isinstance(found, tuple) and json_key(found) == key


def _in(expected: tuple[Plain, ...]) -> Test:
    keys = frozenset(json_key(value) for value in expected)

    def test(found: object) -> bool:
        if isinstance(found, tuple):
            return any(("text", value) in keys for value in found)
        return not isinstance(found, datetime) and json_key(found) in keys

    return test
