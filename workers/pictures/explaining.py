"""Decisions in words: which rule decided, what it looked at, why the others did not, what would have changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from domain.money import amount_text
from domain.policy.statutes import FIRST, NEWEST, articles_of, titles_of
from domain.policy.when import ANSWER_PREFIX
from projections.tracking.words import STAGES
from workers.pictures.catalogues import Catalogue
from workers.pictures.terminal import Row

DAY_CHARS: Final = 10
MINUTE_CHARS: Final = 16
NO_LAW: Final = "no_law"
BY_PERSONS: Final = frozenset(STAGES.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at: what, what came of it, and why."""

    what: str
    verdict: str
    why: tuple[str, ...]
    decisive: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """One decision on one line in words; ``flips`` is empty where nothing was denied.

    Of a refund (stage and outcome are ``refund``, no line) it says what promotions changed.
    """

    line: int | None
    stage: str
    outcome: str
    heading: str
    because: str
    steps: tuple[Step, ...] = ()
    flips_title: str = ""
    flips: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the parts by name."""
        return asdict(self)


def explain(decided: Row, texts: Catalogue, *, claims: bool = False) -> Explanation:
    """Return a decision, as ``read_decisions`` gives it, in words.

    Args:
        decided: What policy decided, or a person.
        texts: The language.
        claims: Whether to tell of other reasons and answers, too, that would have led to approval: they are what the
            customer says, so that telling them invites another story.
    """
    heading = texts.say(
        "heading",
        line=decided["line"],
        units=decided["units"],
        sku=decided["sku"],
        stage=texts.name("stages", decided["stage"]),
        outcome=texts.name("outcomes", decided["outcome"]),
    )
    known = {name: decided[name] for name in ("line", "stage", "outcome")}
    if decided["stage"] in BY_PERSONS:
        return Explanation(**known, heading=heading, because=_because_of_person(decided, texts))
    is_denial = decided["outcome"] == "deny"
    return Explanation(
        **known,
        heading=heading,
        because=_because(decided, texts),
        steps=tuple(_steps(decided, texts)),
        flips_title=texts.say("flips_title") if is_denial else "",
        flips=_flips(decided["flips"], texts, claims=claims) if is_denial else (),
    )


def explain_refund(refund: Row, texts: Catalogue) -> Explanation:
    """Return in words what promotions changed of a refund, as ``read_promoted_refunds`` gives it."""
    currency = refund["currency"]
    said = (
        texts.say(
            "promotion_taken" if change["amount_minor"] > 0 else "promotion_given",
            amount=amount_text(abs(change["amount_minor"]), currency),
            promotion_id=change["promotion_id"],
        )
        for change in refund["promotions"]
    )
    heading = texts.say("heading_refund", amount=amount_text(refund["amount_minor"], currency))
    return Explanation(line=None, stage="refund", outcome="refund", heading=heading, because=" ".join(said))


def _flips(flips: Sequence[Row], texts: Catalogue, *, claims: bool) -> tuple[str, ...]:
    told = [
        flip for flip in flips if claims or not any(_is_claim(one["fact"]) for one in (flip, *flip.get("also", ())))
    ]
    if told:
        return tuple(_together(flip, texts) for flip in told)
    return (texts.say("no_flips_but_claims" if flips else "no_flips"),)


def _is_claim(fact: str) -> bool:
    return fact == "reason" or fact.startswith(ANSWER_PREFIX)


def _because_of_person(decided: Row, texts: Catalogue) -> str:
    codes = ", ".join(f"{texts.name('codes', code)} [{code}]" for code in decided["codes"])
    said = [texts.say(f"person_{decided['stage']}", **decided)]
    said += [texts.say("person_code", codes=codes)] if codes else []
    said += [texts.say("person_note", note=decided["note"])] if decided["note"] else []
    return " ".join(said)


def _because(decided: Row, texts: Catalogue) -> str:
    by = _decided_by(decided)
    who = _decider(by, texts)
    codes = ", ".join(f"{texts.name('codes', code)} [{code}]" for code in decided["codes"])
    policy = texts.say("policy", policy_id=decided["policy_id"], version=decided["policy_version"])
    said = [texts.say("because_codes", by=who, codes=codes) if codes else texts.say("because", by=who)]
    merchant = _outcome_of(decided).get("merchant_outcome")
    if merchant is not None and by.startswith("statute:"):
        said.append(texts.say("merchant_alone", outcome=texts.name("outcomes", merchant)))
    return " ".join([*said, f"({policy})"])


def _outcome_of(decided: Row) -> Row:
    return next((record for record in decided["trace"] if record.get("kind") == "outcome"), {})


def _decided_by(decided: Row) -> str:
    return str(_outcome_of(decided).get("decided_by", "inspection"))


def _decider(by: str, texts: Catalogue) -> str:
    kind, _, name = by.partition(":")
    return texts.say(f"by_{kind}", name=name, title=_title_of(name, texts))


def _steps(decided: Row, texts: Catalogue) -> Iterator[Step]:
    by = _decided_by(decided)
    for record in decided["trace"]:
        kind = record.get("kind", "check")
        if kind in _STEPS:
            yield _STEPS[kind](record, by, texts)


def _rule(record: Row, by: str, texts: Catalogue) -> Step:
    looked = tuple(_comparison(compared, texts) for compared in record["comparisons"])
    return Step(
        what=texts.say("rule", name=record["name"]),
        verdict=_effects_of(record, texts) if record["matched"] else texts.say("not_matched"),
        why=looked or (texts.say("no_comparison"),),
        decisive=by == f"rule:{record['name']}",
    )


def _effects_of(record: Row, texts: Catalogue) -> str:
    won = ", ".join(texts.name("effects", effect) for effect in record["won"])
    lost = [
        texts.say("matched_lost", effect=texts.name("effects", effect), rule=rule)
        for effect, rule in record["lost"].items()
    ]
    said = [texts.say("matched_won", effects=won)] if won else []
    return "; ".join([*said, *lost]) or texts.say("matched_without_effect")


def _comparison(compared: Row, texts: Catalogue) -> str:
    parts = {
        "fact": texts.fact(compared["fact"]),
        "operator": texts.name("operators", compared["operator"]),
        "expected": _shown(compared["expected"], texts),
    }
    if compared["found"] is None:
        return texts.say("comparison_missing", **parts)
    verdict = texts.say("held" if compared["held"] else "not_held")
    return texts.say("comparison", **parts, verdict=verdict, found=_shown(compared["found"], texts))


def _window(record: Row, by: str, texts: Catalogue) -> Step:
    text = texts.say(
        "window_text",
        days=record["days"],
        count=texts.name("counts", record["count"]),
        anchor=texts.name("anchors", record["anchor"]),
        zone=record["zone"],
        calendar=f", {record['calendar']}" if record["calendar"] else "",
    )
    set_by = tuple(texts.say("window_set_by", rule=rule) for rule in dict.fromkeys(record["set_by"].values()))
    if record["ends_at"] is None:
        verdict = texts.say("window_open", anchor=texts.name("anchors_done", record["anchor"]))
    else:
        name = "window_inside" if record["inside"] else "window_outside"
        verdict = texts.say(name, ends_at=_instant(record["ends_at"]))
    return Step(texts.say("window"), verdict, (text, *set_by), decisive=by == "window")


def _statute(record: Row, by: str, texts: Catalogue) -> Step:
    ends_at = _instant(record["ends_at"]) if record["ends_at"] else ""
    if record["holds"]:
        verdict = texts.say("statute_holds_until", ends_at=ends_at) if ends_at else texts.say("statute_holds")
        effects = ", ".join(dict.fromkeys(texts.name("effects", effect) for effect in record["decided"]))
        why = texts.say("statute_decided", effects=effects) if effects else texts.say("statute_nothing_more")
    else:
        verdict = texts.say("not_matched")
        code, _, exception = record["why"].partition(":")
        why = texts.name("whys", code, exception=texts.name("values", exception), ends_at=ends_at)
    title = texts.say("statute", title=_title_of(record["id"], texts))
    if record["why"] == NO_LAW:
        return Step(title, verdict, (why,))
    article = texts.say("statute_article", article=_article(record))
    return Step(title, verdict, (why, article), decisive=by == f"statute:{record['id']}")


def _title_of(right: str, texts: Catalogue) -> str:
    """Return what a right is called in the language, or else as its edition calls it."""
    named = texts.name("statutes", right)
    return titles_of(NEWEST).get(right, right) if named == right else named


def _article(record: Row) -> str:
    """Return the article of a right: as it was told, or for decisions that did not tell it, of the first edition."""
    return str(record.get("article") or articles_of(FIRST).get(record["id"], record["id"]))


def _check(record: Row, by: str, texts: Catalogue) -> Step:
    verdict = texts.say("held" if record["held"] else "not_held")
    said = texts.say(
        "check_expected",
        fact=texts.fact(record["fact"]),
        expected=_shown(record["expected"], texts),
        verdict=verdict,
        found=_shown(record["found"], texts),
    )
    return Step(texts.say("check"), verdict, (said,), decisive=record["held"] and by == "inspection")


_STEPS: Final[dict[str, Callable[[Row, str, Catalogue], Step]]] = {
    "rule": _rule,
    "window": _window,
    "statute": _statute,
    "check": _check,
}


def _together(flip: Row, texts: Catalogue) -> str:
    told = _flip(flip, texts)
    for other in flip.get("also", ()):
        told = texts.say("flip_also", first=told, second=_flip(other, texts))
    return told


def _flip(flip: Row, texts: Catalogue) -> str:
    fact, to, days = texts.fact(flip["fact"]), flip["to"], flip["days"]
    before = _shown(flip["from"], texts)
    if days is not None and to is not None:
        name = "flip_later" if days > 0 else "flip_earlier"
        return texts.say(name, fact=fact, days=abs(days), to=str(to)[:DAY_CHARS])
    if to is None:
        return texts.say("flip_removed", fact=fact, **{"from": before})
    return texts.say("flip_to", fact=fact, to=_shown(to, texts), **{"from": before})


def _shown(value: object, texts: Catalogue) -> str:
    if isinstance(value, str) and len(value) > MINUTE_CHARS and value[DAY_CHARS] == "T":
        return _instant(value)
    return texts.value(value)


def _instant(text: str) -> str:
    """Return an RFC 3339 instant in UTC to the minute."""
    return f"{text[:DAY_CHARS]} {text[DAY_CHARS + 1 : MINUTE_CHARS]} UTC"
