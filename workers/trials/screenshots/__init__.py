"""`rma http --screenshots DIR`: pictures of every page, in both languages, on a phone and on a desk."""
