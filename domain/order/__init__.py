"""An order: what was sold, paid and delivered, which unit is where, and what money may still move."""

from domain.order.order import Order

__all__ = ["Order"]
