"""`rma demo`: one return through all six steps, then a real shop's week, on services of its own."""
