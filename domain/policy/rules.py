"""A document compiled once: readers for the facts it looks at, and its rules as functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Final

from domain.policy.conditions import CompiledCondition, Explain, compile_condition
from domain.policy.decision import ComparisonRecord, RuleRecord
from domain.policy.document import PolicyDocument, Rule, Window, WindowChange
from domain.policy.facts import Facts
from domain.policy.question import Question
from domain.policy.values import Expected
from domain.policy.when import ANSWER_PREFIX, LAW_FACTS, Condition
from domain.policy.windows import day_of, days_between
from domain.values import dataclass

Reader = Callable[[Facts], object]
Mentions = dict[str, tuple[tuple[str, Expected], ...]]
Won = dict[str, tuple[Any, str]]
"""Each effect that a rule won: its value and the rule's name."""

COMPILED_MAX: Final = 64
CHANGED_WINDOWS_MAX: Final = 1_024
WINDOW_EFFECTS: Final = tuple((key, f"window.{key}") for key in Window.model_fields)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule, ready to be asked."""

    name: str
    path: str
    condition: CompiledCondition
    facts: frozenset[str]
    effects: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CompiledQuestion:
    """One question, ready to be asked of a line; without a condition it is asked of all."""

    question: Question
    condition: CompiledCondition | None
    readers: dict[str, Reader]

    def is_asked(self, facts: Facts) -> bool:
        """Tell whether the question is asked of the line with these facts."""
        if self.condition is None:
            return True
        return self.condition.answer({name: read(facts) for name, read in self.readers.items()})

    def is_missed(self, facts: Facts) -> bool:
        """Tell whether the line would have to answer the question, and does not."""
        return self.question.required and self.question.name not in facts.answers and self.is_asked(facts)

    def is_mistaken(self, facts: Facts) -> bool:
        """Tell whether the line answers the question in another way than it asks for."""
        answer = facts.answers.get(self.question.name)
        return answer is not None and not self.question.is_answered_by(answer)


@dataclass(frozen=True, eq=False)
class CompiledPolicy:
    """A document, what it reads of the facts, and its rules; one is equal to itself alone."""

    document: PolicyDocument
    readers: dict[str, Reader]
    rules: tuple[CompiledRule, ...]
    deciding: tuple[CompiledRule, ...]
    """The rules that bear on the outcome, with those effects alone."""
    places: dict[str, tuple[int, ...]]
    """By fact, which of them look at it."""
    mentions: Mentions
    """What they compare each fact with."""
    windows: tuple[Window, ...]
    """The document's window, and as each rule that speaks of it changes it alone."""
    zone: str | None
    """The zone of the window, None where a rule may set another."""
    may_decide_approval: bool
    """Some rule approves."""
    widest: Won | None
    """What is won where the window lasts longest; None where rules change more of it than its days."""
    needs_holidays: bool
    """Some window is counted or rolled by a holiday calendar, which comes with the facts."""
    questions: tuple[CompiledQuestion, ...]
    _changed_windows: dict[tuple[tuple[str, object], ...], Window] = field(default_factory=dict)

    @cached_property
    def _explained(self) -> tuple[tuple[CompiledRule, str, str, Explain], ...]:
        """Return each rule with what is read of it for every line."""
        return tuple((rule, rule.name, rule.path, rule.condition.explain) for rule in self.rules)

    @property
    def asks_of_law(self) -> frozenset[str]:
        """The facts of the law that rules or questions look at."""
        return LAW_FACTS & {*self.readers, *(fact for question in self.questions for fact in question.readers)}

    def window_of(self, won: Won) -> Window:
        """Return the window with the keys that rules won."""
        if len(self.windows) == 1:
            return self.document.window
        changed = tuple([(key, won[effect][0]) for key, effect in WINDOW_EFFECTS if effect in won])
        window = self._changed_windows.get(changed)
        if window is None:
            window = self.document.window.model_copy(update=dict(changed))
            if len(self._changed_windows) >= CHANGED_WINDOWS_MAX:
                self._changed_windows.clear()
            self._changed_windows[changed] = window
        return window

    def values_of(self, facts: Facts) -> dict[str, object]:
        """Return the value of each fact that the rules look at, ``None`` where it is missing."""
        return {name: read(facts) for name, read in self.readers.items()}

    def won(self, facts: Facts) -> Won:
        """Return the effects that the rules win for these facts, first match first, without a record."""
        values, won = self.values_of(facts), Won()
        for rule in self.rules:
            if rule.condition.answer(values):
                for effect, value in rule.effects:
                    won.setdefault(effect, (value, rule.name))
        return won

    def explained(self, facts: Facts) -> tuple[Won, list[RuleRecord]]:
        """Return the effects that the rules win for these facts, and a record of every rule."""
        values, won = self.values_of(facts), Won()
        records: list[RuleRecord] = []
        for rule, name, path, explain in self._explained:
            comparisons: list[ComparisonRecord] = []
            matched = explain(values, comparisons)
            winning, losing = _win(rule, won) if matched else ([], {})
            records.append(
                {
                    "kind": "rule",
                    "name": name,
                    "path": path,
                    "matched": matched,
                    "comparisons": comparisons,
                    "won": winning,
                    "lost": losing,
                }
            )
        return won, records


def _win(rule: CompiledRule, won: Won) -> tuple[list[str], dict[str, str]]:
    """Let a rule win what no rule before it has won; return that, and what it lost, each to which rule."""
    winning: list[str] = []
    losing: dict[str, str] = {}
    for effect, value in rule.effects:
        if effect in won:
            losing[effect] = won[effect][1]
        else:
            won[effect] = (value, rule.name)
            winning.append(effect)
    return winning, losing


_compiled: dict[int, CompiledPolicy] = {}


def compiled(document: PolicyDocument) -> CompiledPolicy:
    """Return the document compiled; a document is immutable, so the last few are kept by identity."""
    kept = _compiled.get(id(document))
    # an entry holds its document, so that no other can take its identity while it is kept
    if kept is not None and kept.document is document:
        return kept
    policy = _compile(document)
    if len(_compiled) >= COMPILED_MAX:
        _compiled.clear()
    _compiled[id(document)] = policy
    return policy


def _compile(document: PolicyDocument) -> CompiledPolicy:
    window = document.window
    rules = tuple(_compile_rule(rule, f"rules[{i}]", window.zone) for i, rule in enumerate(document.rules))
    bearing = ((rule, tuple(pair for pair in rule.effects if _bears_on_outcome(pair[0]))) for rule in rules)
    deciding = tuple(replace(rule, effects=effects) for rule, effects in bearing if effects)
    names = {rule.name for rule in deciding}
    places: dict[str, tuple[int, ...]] = {}
    for place, rule in enumerate(deciding):
        for fact in rule.facts:
            places[fact] = (*places.get(fact, ()), place)
    facts = sorted({fact for rule in rules for fact in rule.facts})
    return CompiledPolicy(
        document,
        readers={fact: reader(fact, window) for fact in facts},
        rules=rules,
        deciding=deciding,
        places=places,
        mentions=mentions_of(rule.when for rule in document.rules if rule.name in names),
        windows=(window, *(changed_window(window, rule.then.window) for rule in document.rules if rule.then.window)),
        zone=None if any("window.zone" in dict(rule.effects) for rule in rules) else window.zone,
        may_decide_approval=any(rule.then.decide == "approve" for rule in document.rules),
        widest=_widest(window, deciding),
        needs_holidays=bool(document.calendars()),
        questions=tuple(_compile_question(question, window) for question in document.questions),
    )


def _compile_rule(rule: Rule, path: str, zone: str) -> CompiledRule:
    facts = frozenset(comparison.fact for comparison in comparisons_of(rule.when) if comparison.fact is not None)
    return CompiledRule(rule.name, path, compile_condition(rule.when, zone), facts, rule.then.spoken())


def _compile_question(question: Question, window: Window) -> CompiledQuestion:
    if question.when is None:
        return CompiledQuestion(question, None, {})
    readers = {fact: reader(fact, window) for fact in mentions_of([question.when])}
    return CompiledQuestion(question, compile_condition(question.when, window.zone), readers)


def _widest(window: Window, rules: Iterable[CompiledRule]) -> Won | None:
    changes = [(effect, value) for rule in rules for effect, value in rule.effects if effect.startswith("window.")]
    if any(effect != "window.days" for effect, _ in changes):
        return None
    return {"window.days": (max([window.days, *(days for _, days in changes)]), "")}


def _bears_on_outcome(effect: str) -> bool:
    return effect in {"decide", "offers"} or effect.startswith("window.")


def changed_window(window: Window, change: WindowChange) -> Window:
    """Return the window with the keys that a rule speaks of."""
    return window.model_copy(update=change.model_dump(exclude_none=True))


def mentions_of(conditions: Iterable[Condition]) -> Mentions:
    """Return what conditions compare each fact with: operator and expected value, each once, in their order."""
    mentions: dict[str, dict[str, tuple[str, Expected]]] = {}
    for condition in conditions:
        for comparison in comparisons_of(condition):
            # by their text: 1 and true are equal in Python, and two things in a document
            named = {repr(pair): pair for pair in comparison.comparisons()}
            mentions.setdefault(comparison.fact or "", {}).update(named)
    return {fact: tuple(compared.values()) for fact, compared in mentions.items()}


def comparisons_of(condition: Condition) -> Iterator[Condition]:
    """Yield each comparison inside a condition, in the order of the document."""
    if condition.fact is not None:
        yield condition
    for part in condition.parts():
        yield from comparisons_of(part)


def reader(fact: str, window: Window) -> Reader:
    """Return the function that reads a fact; days are counted as the document's window counts them."""
    if fact.startswith(ANSWER_PREFIX):
        name = fact.removeprefix(ANSWER_PREFIX)
        return lambda facts: facts.answers.get(name)
    if not fact.startswith("days_since_"):
        return attrgetter(fact)
    anchored = attrgetter(fact.removeprefix("days_since_") + "_at")

    def days_since(facts: Facts) -> int | None:
        anchor = anchored(facts)
        if anchor is None:
            return None
        first, last = day_of(anchor, window.zone), day_of(facts.requested_at, window.zone)
        return days_between(first, last, count=window.count, holidays=facts.holidays if window.calendar else ())

    return days_since
