"""The payout saga as a space of states: real decisions, the real worker's memory, and a gateway that may do anything.

A world is what survives (the order's facts, the worker's questions, the gateway's book), what is on its way (commands)
and what a crash loses (the answer in the worker's hand). ``explore`` visits every world that the budgets allow,
breadth first, and checks each one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from domain.order import Order
from domain.order.payout import Payout
from domain.settlement import payout_saga
from domain.settlement.payout_saga import Answered, PayoutQuestion, Statement
from tests.support.saga_books import Books, PayoutNumber, Sent
from tests.support.shop import Shop

WORLDS_MAX: Final = 300_000
"""A bound on the search; reaching it is a failure of the test, never a silent cut."""

PAID_MINOR: Final = 1_999
"""What the order's card paid."""
Truth = Literal["none", "settled", "failed"]


class Budgets(NamedTuple):
    """How often each kind of misfortune, or choice, may still happen."""

    crashes: int = 1
    silences: int = 1
    refusals: int = 1
    reversals: int = 1
    late_payments: int = 1
    duplicates: int = 1
    retries: int = 1
    hearsay: int = 0
    """Statements that nobody can tell yet, made by somebody else than the worker."""
    chargebacks: int = 0
    """Of all that was paid, or of a part."""
    disputes_won: int = 0


FIRST: Final = 1
CHANGED: Final = 2
UNSURE: Final = 3
"""The business times of what a gateway came to first, of its change of mind, and of whoever cannot tell."""


class Entry(NamedTuple):
    """What the gateway knows of one payout: what it says, since when, and how often it really paid."""

    payout: PayoutNumber
    truth: Truth = "none"
    paid: int = 0
    since: int = FIRST


class World(NamedTuple):
    """Everything that can differ between two moments of the saga."""

    books: int
    """The order's state, by its number among all that were met."""
    unread: tuple[int, ...]
    """The facts that the worker has not read yet, by their numbers."""
    read: int = 0
    """How many facts it has read: the position of the last one."""
    handled: frozenset[str] = frozenset()
    on_the_way: frozenset[Sent] = frozenset()
    questions: frozenset[int] = frozenset()
    hand: tuple[int, Answered, bool] | None = None
    """The answer that the worker got, the question it asked, and whether it published what follows."""
    gateway: frozenset[Entry] = frozenset()
    budgets: Budgets = Budgets()


@dataclass(slots=True)
class Rules:
    """The parts of the saga that a planted bug may replace."""

    follow: Callable[..., None] = payout_saga.follow
    statement: Callable[[PayoutQuestion, Answered], Statement | None] = payout_saga.statement
    heard: Callable[[PayoutQuestion, Answered], PayoutQuestion] = payout_saga.heard
    key_of: Callable[[PayoutQuestion], str] = lambda question: question.idempotency_key
    dated: bool = True
    """Whether the gateway says when it came to what it says; else the worker dates it, by a clock that runs ahead."""
    save_first: bool = False
    """Bug: remember the answer before it is published."""
    once_only: bool = False
    """Bug: a question that was asked is never asked again."""


class Saga:
    """All that can happen next in a world."""

    def __init__(self, shop: Shop, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.books = Books(shop)
        self._questions: list[PayoutQuestion] = []
        self._question_numbers: dict[PayoutQuestion, int] = {}
        requested = [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)]
        self.first_log = tuple(self.books.number_of(fact) for fact in requested)

    def start(self, budgets: Budgets) -> World:
        return World(0, self.first_log, budgets=budgets)

    def _number(self, question: PayoutQuestion) -> int:
        if question not in self._question_numbers:
            self._question_numbers[question] = len(self._questions)
            self._questions.append(question)
        return self._question_numbers[question]

    def healthy(self, world: World) -> Iterator[World]:
        """What happens where nothing goes wrong: the services and the worker do their next step."""
        yield from self._deliver(world)
        yield from self._read(world)
        if world.hand:
            yield from self._go_on(world)
        else:
            yield from self._ask(world, self._asked)

    def unlucky(self, world: World) -> Iterator[World]:
        """What the rest of the world may do."""
        budgets = world.budgets
        if world.hand:
            if budgets.crashes:
                yield world._replace(hand=None, budgets=budgets._replace(crashes=budgets.crashes - 1))
        else:
            yield from self._ask(world, self._asked_badly)
        yield from self._misdeliver(world)
        yield from self._change_of_mind(world)
        yield from self._retry(world)
        yield from self._money_elsewhere(world)
        if budgets.hearsay:
            spent = world._replace(budgets=budgets._replace(hearsay=budgets.hearsay - 1))
            for payout in self._asked_for(world):
                yield _told(spent, Sent(payout, "unknown", f"hearsay/{payout}", UNSURE))
                yield _told(spent, Sent(payout, "pending", f"hearsay/{payout}", UNSURE))

    def _deliver(self, world: World) -> Iterator[World]:
        """Any command may be next: there is no order among them."""
        for sent in world.on_the_way:
            yield self._handle(world._replace(on_the_way=world.on_the_way - {sent}), sent)

    def _misdeliver(self, world: World) -> Iterator[World]:
        if world.budgets.duplicates:
            spent = world.budgets._replace(duplicates=world.budgets.duplicates - 1)
            for sent in world.on_the_way:
                yield self._handle(world._replace(budgets=spent), sent)

    def _handle(self, world: World, sent: Sent) -> World:
        if sent.command_id in world.handled:
            return world
        books, facts = self.books.record(world.books, sent)
        return world._replace(books=books, unread=world.unread + facts, handled=world.handled | {sent.command_id})

    def _read(self, world: World) -> Iterator[World]:
        """Let the worker read the next fact; it does so while it waits for an answer too."""
        if world.unread:
            known = {q.payout_id: q for q in map(self._questions.__getitem__, world.questions)}
            self.rules.follow(known, self.books.facts[world.unread[0]], order_id="O-1", position=world.read + 1)
            questions = frozenset(map(self._number, known.values()))
            yield world._replace(read=world.read + 1, unread=world.unread[1:], questions=questions)

    def _ask(self, world: World, asked: Callable[[World, int], Iterator[World]]) -> Iterator[World]:
        for number in world.questions:
            question = self._questions[number]
            if question.open and not (self.rules.once_only and question.asks):
                yield from asked(world, number)

    def _asked(self, world: World, number: int) -> Iterator[World]:
        question, entry = self._questions[number], self._entry(world, number)
        if entry.truth != "none":
            yield world._replace(hand=(number, entry.truth, False))
        elif not question.may_pay:
            yield world._replace(hand=(number, "not_found", False))
        else:
            assert not self._has_read_that_it_gave_way(world, number), f"asked for what had given way: {world}"
            paid = entry._replace(truth="settled", paid=entry.paid + 1)
            yield _entered(world, paid)._replace(hand=(number, "settled", False))

    def _has_read_that_it_gave_way(self, world: World, number: int) -> bool:
        payout_id = self._questions[number].payout_id
        payout = self.books.payouts(world.books)[self.books.payout_number(payout_id)]
        unread = (self.books.facts[fact] for fact in world.unread)
        return payout.gave_way and not any(
            isinstance(fact, Order.PayoutFailed) and fact.gave_way and fact.payout_id == payout_id for fact in unread
        )

    def _asked_badly(self, world: World, number: int) -> Iterator[World]:
        budgets, entry = world.budgets, self._entry(world, number)
        if budgets.silences:
            silent = world._replace(budgets=budgets._replace(silences=budgets.silences - 1))
            yield silent._replace(hand=(number, "unknown", False))  # it never got there, or nothing was done
            for answered in self._asked(silent, number):
                yield answered._replace(hand=(number, "unknown", False))  # it was done, the answer was lost
        if budgets.refusals and self._questions[number].may_pay and entry.truth == "none":
            refused = world._replace(budgets=budgets._replace(refusals=budgets.refusals - 1))
            yield _entered(refused, entry._replace(truth="failed"))._replace(hand=(number, "failed", False))

    def _entry(self, world: World, number: int) -> Entry:
        """Return what stands under the key that is asked about; a bug may ask under a new one."""
        question = self._questions[number]
        entry = _of(world, self.books.payout_number(question.payout_id))
        return entry if self.rules.key_of(question) == question.idempotency_key else entry._replace(truth="none")

    def _go_on(self, world: World) -> Iterator[World]:
        """Publish what follows from the answer in hand, then remember that it was heard."""
        assert world.hand is not None
        number, answered, done = world.hand
        step = self._remember if done != self.rules.save_first else self._publish
        yield step(world, number, answered)._replace(hand=None if done else (number, answered, True))

    def _publish(self, world: World, number: int, answered: Answered) -> World:
        question = self._questions[number]
        said = self.rules.statement(question, answered)
        if said is None:
            return world
        payout = self.books.payout_number(question.payout_id)
        entry = _of(world, payout)
        since = entry.since if entry.truth == said.outcome else FIRST
        at = since if self.rules.dated and said.outcome != "unknown" else UNSURE
        return _told(world, Sent(payout, said.outcome, said.command_id, at))

    def _remember(self, world: World, number: int, answered: Answered) -> World:
        """Note the answer where the question still is the one that was asked."""
        asked = self._questions[number]
        for now in world.questions:
            question = self._questions[now]
            if (question.payout_id, question.opened_by) == (asked.payout_id, asked.opened_by):
                after = replace(self.rules.heard(question, answered), asks=int(self.rules.once_only))
                return world._replace(questions=world.questions - {now} | {self._number(after)})
        return world

    def _change_of_mind(self, world: World) -> Iterator[World]:
        """The gateway takes a settlement back, or pays after all what it had refused, and says so itself."""
        budgets = world.budgets
        for entry in world.gateway:
            if entry.truth == "settled" and budgets.reversals:
                spent = world._replace(budgets=budgets._replace(reversals=budgets.reversals - 1))
                changed = _entered(spent, entry._replace(truth="failed", since=CHANGED))
                yield _told(changed, Sent(entry.payout, "failed", f"reversal/{entry.payout}", CHANGED))
            elif entry.truth == "failed" and not entry.paid and budgets.late_payments:
                spent = world._replace(budgets=budgets._replace(late_payments=budgets.late_payments - 1))
                changed = _entered(spent, entry._replace(truth="settled", paid=entry.paid + 1, since=CHANGED))
                yield _told(changed, Sent(entry.payout, "settled", f"late/{entry.payout}", CHANGED))

    def _retry(self, world: World) -> Iterator[World]:
        """An agent makes a new payout for one that the log says failed."""
        if not world.budgets.retries:
            return
        for number, payout in self.books.payouts(world.books).items():
            if payout.may_be_retried and self.books.has_room(world.books, payout):
                spent = world._replace(budgets=world.budgets._replace(retries=world.budgets.retries - 1))
                yield self._handle(spent, Sent(number, "failed", f"retry/{number}", UNSURE))

    def _money_elsewhere(self, world: World) -> Iterator[World]:
        """A bank takes back all that was paid, or a part of it; a dispute about that is won."""
        budgets = world.budgets
        if budgets.chargebacks:
            spent = world._replace(budgets=budgets._replace(chargebacks=budgets.chargebacks - 1))
            for amount in (PAID_MINOR, PAID_MINOR // 3):
                yield self._happened(spent, *self.books.money_went_back(world.books, f"X{budgets.chargebacks}", amount))
        if budgets.disputes_won:
            spent = world._replace(budgets=budgets._replace(disputes_won=budgets.disputes_won - 1))
            for name in self.books.disputed(world.books):
                yield self._happened(spent, *self.books.dispute_is_won(world.books, name))

    def _happened(self, world: World, books: int, facts: tuple[int, ...]) -> World:
        return world._replace(books=books, unread=world.unread + facts)

    def _asked_for(self, world: World) -> dict[PayoutNumber, Payout]:
        """Return the payouts that a gateway is asked for."""
        payouts = self.books.payouts(world.books)
        return {number: payout for number, payout in payouts.items() if not payout.elsewhere}

    def check(self, world: World) -> None:
        """Check that no payout was paid twice, and that no final outcome is wrong where nothing is left to do.

        One that gave way before anybody asked for it has failed, though no gateway knows of it.
        """
        for entry in world.gateway:
            assert entry.paid <= 1, f"paid {entry.paid} times: {world}"
        if next(self.healthy(world), None) is None:
            for number, payout in self._asked_for(world).items():
                truth = _of(world, number).truth
                if payout.gave_way and truth == "none":
                    truth = "failed"
                assert payout.status == truth, f"the log says {payout.status}, the gateway {truth}: {world}"


def _of(world: World, payout: PayoutNumber) -> Entry:
    return next((entry for entry in world.gateway if entry.payout == payout), Entry(payout))


def _entered(world: World, entry: Entry) -> World:
    others = (known for known in world.gateway if known.payout != entry.payout)
    return world._replace(gateway=frozenset((*others, entry)))


def _told(world: World, sent: Sent) -> World:
    """Put a command on its way, unless it was published before: then it is a repeat, which ``duplicates`` stand for."""
    if sent.command_id in world.handled:
        return world
    return world._replace(on_the_way=world.on_the_way | {sent})


@dataclass(slots=True)
class Explored:
    """The size of a space that was searched to its end."""

    worlds: int = 0
    steps: int = 0
    depth: int = 0
    ends: int = 0
    """Worlds in which nothing is left to do unless something new goes wrong."""


class Forgotten(AssertionError):  # noqa: N818 - what was found, not an error of ours
    """From some world no end can be reached by healthy steps: something waits that nobody will ever do."""


def explore(saga: Saga, budgets: Budgets) -> Explored:
    """Visit every world once, breadth first; raises ``AssertionError`` at the first, hence shortest, wrong one."""
    start = saga.start(budgets)
    numbers = {start: 0}
    queue = deque([(start, 0)])
    found = Explored()
    came_from: list[list[int]] = [[]]
    ends: list[int] = []
    while queue:
        world, depth = queue.popleft()
        number = numbers[world]
        saga.check(world)
        found.worlds, found.depth = found.worlds + 1, depth
        assert found.worlds <= WORLDS_MAX, "the space is larger than the bound of the search"
        healthy = list(saga.healthy(world))
        for following in (*healthy, *saga.unlucky(world)):
            found.steps += 1
            if following not in numbers:
                numbers[following] = len(numbers)
                came_from.append([])
                queue.append((following, depth + 1))
        for following in healthy:
            came_from[numbers[following]].append(number)
        if not healthy:
            ends.append(number)
    found.ends = len(ends)
    _assert_all_lead_on(came_from, ends)
    return found


def _assert_all_lead_on(came_from: list[list[int]], ends: list[int]) -> None:
    """Check that from every world an end is reached by healthy steps alone."""
    reached = set(ends)
    open_ends = list(ends)
    while open_ends:
        for before in came_from[open_ends.pop()]:
            if before not in reached:
                reached.add(before)
                open_ends.append(before)
    if len(reached) < len(came_from):
        raise Forgotten(f"{len(came_from) - len(reached)} worlds of {len(came_from)} never come to rest")
