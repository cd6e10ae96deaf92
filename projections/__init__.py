"""The read models `tracking`, `refund_ledger` and `return_reasons`: their tables and folds, and the queries on them."""
