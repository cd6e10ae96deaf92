"""New articles that go out in place of returned ones, and those that got lost on their way."""

from __future__ import annotations

from collections.abc import Sequence

from domain.case import Case
from domain.case.exchange import PROMISES
from domain.errors import QuantityExceededError, RuleViolationError
from domain.rma.parts import ExchangeFor, RmaRun
from domain.rma.run_state import RunState
from domain.rma.state import RmaLine
from domain.units import UnitRun, take, total, without
from domain.values import dataclass


class UnknownArticleError(RuleViolationError):
    """The article is none of those that were promised in exchange."""

    code = "unknown_article"


@dataclass(frozen=True, slots=True)
class Replacement:
    """So many units of a line whose new article left; with ``sku`` so many of that article."""

    line: int
    quantity: int
    sku: str | None = None
    serials: tuple[str, ...] = ()
    tracking_number: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """So many units of a line whose new article got lost; ``loss_id`` is the sender's own name of it."""

    line: int
    quantity: int
    reason: str
    loss_id: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The units for which all articles have left now, those for which some have, and how many of a named article."""

    through: tuple[RmaRun, ...]
    begun: tuple[RmaRun, ...] = ()
    sent: int | None = None


def ship(case: Case, sent: Replacement) -> None:
    """Record that the new article left; it may do so in advance. Of several articles all have to leave for a unit.

    Raises:
        QuantityExceededError: Fewer units wait for one, or more serials than articles are named.
        UnknownArticleError: Nobody was promised this article.
    """
    if len(sent.serials) > sent.quantity:
        raise QuantityExceededError(asked=len(sent.serials), available=sent.quantity, line=sent.line)
    line = case.rma.line(sent.line)
    if sent.sku is not None and line.asked.articles:
        leaving = _by_article(line, sent, sent.sku)
    else:
        leaving = Leaving(case.rma.pick(sent.line, sent.quantity, _waits))
    case.rma.trigger_event(
        case.rma.ReplacementShipped,
        runs=leaving.through,
        tracking_number=sent.tracking_number,
        note=sent.note,
        line=sent.line,
        sku=sent.sku,
        quantity=sent.quantity,
        serials=sent.serials,
        begun=leaving.begun,
        sent=leaving.sent,
        timestamp=case.at,
    )


def lose(case: Case, loss: Loss) -> None:
    """Record that a new article got lost: those units wait again, for it or for something else.

    Raises:
        IdentifierReusedError: Another loss came under this name.
        QuantityExceededError: Fewer units have had theirs sent.
    """
    if loss.loss_id is not None and case.rma.is_repeat("loss_id", loss.loss_id, loss.content_hash):
        return
    runs = case.rma.pick(
        loss.line,
        loss.quantity,
        lambda state: state.is_authorized and state.resolution in PROMISES and state.has_goods_out,
    )
    case.rma.trigger_event(
        case.rma.ReplacementLost,
        runs=runs,
        reason=loss.reason,
        loss_id=loss.loss_id,
        content_hash=loss.content_hash,
        timestamp=case.at,
    )


def _waits(state: RunState) -> bool:
    return state.is_authorized and state.resolution in PROMISES and not state.goods_sent


def _by_article(line: RmaLine, sent: Replacement, sku: str) -> Leaving:
    """Return what leaves with so many of an article: units are through as far as all of theirs have left."""
    articles = {one.sku: one for one in line.asked.articles}
    if sku not in articles:
        raise UnknownArticleError(f"nobody was promised {sku}", sku=sku, promised=list(articles))
    of_exchange = [(run, state) for run, state in line.states if state.is_authorized and state.is_exchanged]
    gone = total(run for run, state in of_exchange if state.goods_sent)
    units = total(run for run, _ in of_exchange)
    asked = max(line.asked.quantity, units)
    counts = {name: _sent_of(line, one, gone, asked) for name, one in articles.items()}
    available = -(-articles[sku].quantity * units // asked) - counts[sku]
    if sent.quantity > available:
        raise QuantityExceededError(asked=sent.quantity, available=available, line=sent.line)
    counts[sku] += sent.quantity
    through = min(counts[name] * asked // one.quantity for name, one in articles.items()) - gone
    touched = max(-(-counts[name] * asked // one.quantity) for name, one in articles.items()) - gone
    waiting = [run for run, state in of_exchange if not state.goods_sent]
    leaving = take(waiting, through)
    begun = without(take(waiting, touched), leaving)
    return Leaving(_runs(sent.line, leaving), _runs(sent.line, begun), counts[sku])


def _sent_of(line: RmaLine, article: ExchangeFor, gone: int, asked: int) -> int:
    """Return how many of an article have left: as told by its name, or with the units that are through."""
    return max(line.articles_sent.get(article.sku, 0), article.quantity * gone // asked)


def _runs(line: int, runs: Sequence[UnitRun]) -> tuple[RmaRun, ...]:
    return tuple(RmaRun(line, run.first, run.count) for run in runs)
