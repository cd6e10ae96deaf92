"""What a document must be to be published: no comparison that cannot hold, no rule that cannot match or matter.

Sound and bounded: a rule that some facts can reach is never refused; one that is too tangled to be looked into within
the bounds of ``regions`` passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.errors import PolicyRuleImpossibleError, PolicyRuleUnreachableError
from domain.policy.conditions import moment_of
from domain.policy.countries import countries
from domain.policy.document import PolicyDocument, Rule
from domain.policy.proof.regions import VOCABULARIES, Classes, Region, TooManyError, classes_of, meet, minus, region_of
from domain.policy.question import Question
from domain.policy.rules import mentions_of
from domain.policy.soundness import check_beside_rules
from domain.policy.values import Expected, Plain
from domain.policy.when import ANSWER_PREFIX, NUMBER_FACTS, TRUTH_FACTS, Condition

MEETINGS_MAX: Final = 300_000
"""How many pairs of boxes one document may take; rules beyond are not compared with earlier ones."""
_EQUALITY: Final = frozenset({"is", "in"})
_NUMBERS: Final = _EQUALITY | {"at_least", "at_most"}
_OPERATORS: Final = {"time": frozenset({"before", "after"}), "number": _NUMBERS, "answer": _NUMBERS}


def check(document: PolicyDocument) -> None:
    """Refuse a document that no one can have meant.

    Raises:
        PolicyRuleImpossibleError: A comparison or a rule can never hold; ``path`` says which.
        PolicyRuleUnreachableError: A rule can never matter; ``path`` says which, ``shadowed_by`` names the earlier
            rules that win all its effects wherever it matches.
    """
    check_beside_rules(document)
    zone = document.window.zone
    asked = {question.fact: question for question in document.questions}
    places = [_Place(rule.name, f"rules[{index}].when") for index, rule in enumerate(document.rules)]
    for place, rule in zip(places, document.rules, strict=True):
        _check_comparisons(place, rule.when, asked, zone)
    _check_questions(document.questions, zone)
    mentions = mentions_of(rule.when for rule in document.rules)
    classes = {fact: classes_of(fact, compared, zone, asked.get(fact)) for fact, compared in mentions.items()}
    regions = [_region(place, rule.when, classes) for place, rule in zip(places, document.rules, strict=True)]
    _Shadows(document.rules, regions, classes).check()


class _Place(NamedTuple):
    """Where a condition stands: in which rule, or question, by name; and its path."""

    name: str
    path: str

    def inside(self, step: str) -> _Place:
        return self._replace(path=self.path + step)

    def impossible(self, message: str) -> PolicyRuleImpossibleError:
        return PolicyRuleImpossibleError(f"{self.path}: {message}", path=self.path, rule=self.name)


def _check_questions(questions: Sequence[Question], zone: str) -> None:
    """Refuse a question that is never asked, or whose asking hangs on an answer that is not given yet."""
    asked: dict[str, Question] = {}
    names = {question.fact for question in questions}
    for index, question in enumerate(questions):
        if question.when is not None:
            place = _Place(question.name, f"questions[{index}].when")
            _check_comparisons(place, question.when, asked, zone)
            mentions = mentions_of([question.when])
            if later := next((fact for fact in mentions if fact in names and fact not in asked), None):
                raise place.impossible(f"{later} is not answered yet: only earlier questions are")
            _region(place, question.when, {f: classes_of(f, seen, zone, asked.get(f)) for f, seen in mentions.items()})
        asked[question.fact] = question


def _check_comparisons(place: _Place, condition: Condition, asked: Mapping[str, Question], zone: str) -> None:
    for name, parts in (("all", condition.all_of), ("any", condition.any_of)):
        for index, part in enumerate(parts or ()):
            _check_comparisons(place.inside(f".{name}[{index}]"), part, asked, zone)
    if condition.negated is not None:
        _check_comparisons(place.inside(".not"), condition.negated, asked, zone)
    fact = condition.fact or ""
    question = asked.get(fact)
    if question is not None and question.kind == "text":
        raise place.impossible(f"{fact} is what a customer writes: no rule decides on it")
    for operator, expected in condition.comparisons():
        if operator not in _OPERATORS.get(_kind(fact) if question is None else question.kind, _EQUALITY):
            raise place.inside(f".{operator}").impossible(f"{fact} cannot be compared by {operator}")
        if operator == "in" and not expected:
            raise place.inside(".in").impossible("nothing is in an empty list")
        for step, value in _values(expected):
            fault = _fault_of_answer(question, value) if question is not None else _fault(fact, value, zone)
            if fault:
                raise place.inside(f".{operator}{step}").impossible(fault)


def _values(expected: Expected) -> Iterator[tuple[str, Plain]]:
    if isinstance(expected, tuple):
        yield from ((f"[{index}]", value) for index, value in enumerate(expected))
    else:
        yield "", expected


def _kind(fact: str) -> str:
    if fact.startswith(ANSWER_PREFIX):
        return "answer"
    if fact in NUMBER_FACTS:
        return "number"
    if fact in TRUTH_FACTS:
        return "truth"
    return "time" if fact == "ordered_at" else "text"


def _fault_of_answer(question: Question, value: Plain) -> str | None:
    return None if question.is_answered_by(value) else f"{question.fact} is never {value}, but {question.asks_for}"


def _fault(fact: str, value: Plain, zone: str) -> str | None:
    """Return why a fact can never be compared with this value and hold, ``None`` if it can."""
    kind = _kind(fact)
    if kind == "answer":
        return None
    if kind == "time":
        return None if moment_of(str(value), zone) is not None else f"there is no such time as {value}"
    if kind == "truth":
        return None if isinstance(value, bool) else f"{fact} is true or false"
    if kind == "number":
        whole = not isinstance(value, bool | str)
        return None if whole else f"{fact} is a number"
    if not isinstance(value, str):
        return f"{fact} is text"
    if fact in VOCABULARIES and value not in VOCABULARIES[fact]:
        return f"{fact} is never {value}"
    if fact == "country" and value not in countries():
        return f"{value} is no country of ISO 3166-1: two capital letters, such as DE"
    return None


def _region(place: _Place, condition: Condition, classes: Mapping[str, Classes]) -> Region | None:
    """Return where a condition holds, ``None`` where that is too much to be looked into."""
    try:
        region = region_of(condition, classes)
    except TooManyError:
        return None
    if not region:
        found = place._replace(path=_contradiction(condition, place.path, classes))
        raise found.impossible("this can never hold, at least not with what stands before it")
    if (always := _always(condition, place.path, classes)) is not None:
        raise place._replace(path=always).impossible("one of these always holds; say so by all: []")
    return region


def _always(condition: Condition, path: str, classes: Mapping[str, Classes]) -> str | None:
    """Return the path of the first ``any`` of a condition that holds whatever the facts are, if there is one."""
    if condition.any_of:
        try:
            if not region_of(condition, classes, holding=False):
                return f"{path}.any"
        except TooManyError:
            return None  # what is too tangled to be looked into passes
    parts = [
        (f"{path}.{name}[{index}]", part)
        for name, joined in (("all", condition.all_of), ("any", condition.any_of))
        for index, part in enumerate(joined or ())
    ]
    if condition.negated is not None:
        parts.append((f"{path}.not", condition.negated))
    return next((found for inner, part in parts if (found := _always(part, inner, classes)) is not None), None)


def _contradiction(condition: Condition, path: str, classes: Mapping[str, Classes]) -> str:
    """Return the path of the first part of an impossible condition that makes it so."""
    for index, part in enumerate(condition.all_of or ()):
        here = f"{path}.all[{index}]"
        if not region_of(part, classes):
            return _contradiction(part, here, classes)
        so_far = condition.model_copy(update={"all_of": (condition.all_of or ())[: index + 1]})
        if not region_of(so_far, classes):
            return here
    return path


@dataclass
class _Shadows:
    """The search for rules that never matter."""

    rules: Sequence[Rule]
    regions: Sequence[Region | None]
    classes: Mapping[str, Classes]
    meetings: int = 0

    def check(self) -> None:
        """Refuse the first rule that can never win an effect.

        Raises:
            PolicyRuleUnreachableError: There is one.
        """
        speakers: dict[str, list[int]] = {}
        for index, rule in enumerate(self.rules):
            effects = [effect for effect, _ in rule.then.spoken()]
            if not effects:
                raise self._unreachable(index, f"rules[{index}].then", set())
            shadows = self._shadows(index, [speakers.get(effect, []) for effect in effects])
            if shadows is not None:
                raise self._unreachable(index, f"rules[{index}]", shadows)
            for effect in effects:
                speakers.setdefault(effect, []).append(index)

    def _shadows(self, index: int, speakers: Sequence[Sequence[int]]) -> set[int] | None:
        """Return the earlier rules that win every effect of this one wherever it matches, ``None`` if it wins one."""
        shadows: set[int] = set()
        # rules that speak of the same effects are mostly the same for each of them
        for earlier in {tuple(indices) for indices in speakers}:
            covering = self._covering(index, earlier)
            if covering is None:
                return None
            shadows |= covering
        return shadows

    def _covering(self, index: int, earlier: Sequence[int]) -> set[int] | None:
        """Return the earlier rules that together match wherever this one does, ``None`` if they do not."""
        left = self.regions[index]
        if left is None or not earlier:
            return None
        taking: set[int] = set()
        for other in earlier:
            for box in self.regions[other] or ():
                self.meetings += len(left)
                if self.meetings > MEETINGS_MAX:
                    return None
                if any(meet(piece, box) is not None for piece in left):
                    taking.add(other)
                    try:
                        left = minus(left, box, self.classes)
                    except TooManyError:
                        return None
            if not left:
                return taking
        return None

    def _unreachable(self, index: int, path: str, shadows: set[int]) -> PolicyRuleUnreachableError:
        name = self.rules[index].name
        names = [self.rules[shadow].name for shadow in sorted(shadows)]
        why = f"wherever it matches its effects are won by {', '.join(names)}" if names else "it has no effect"
        return PolicyRuleUnreachableError(f"{path}: {name}: {why}", path=path, rule=name, shadowed_by=names)
