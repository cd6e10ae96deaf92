"""One file per read model: its tables, its fold, its queries."""
