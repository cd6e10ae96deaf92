"""The whole orders at random, with everything that happens to them, and each of them driven to its end."""

from __future__ import annotations

from tests.order_exchange_machine import OrderExchangeMachine
from tests.order_money_machine import OrderMoneyMachine
from tests.order_papers_machine import OrderPapersMachine
from tests.order_serials_machine import OrderSerialsMachine
from tests.support.conservation import check
from tests.support.order_ends import open_balances, settle


class WholeOrderMachine(OrderMoneyMachine, OrderExchangeMachine, OrderSerialsMachine, OrderPapersMachine):
    """An order with all that the classes of its subjects let happen; in the end nobody owes anybody anything."""

    def teardown(self) -> None:
        """Pay everything that is owed, see every account closed that an end closes, and a note for all that moved."""
        if not self.shop.aggregates:
            return
        settle(self.shop, self.clock + 1)
        check(self.shop, frozenset(self.reversed_tenders))
        assert open_balances(self.shop) == {}
        self.issue_all_notes()
