"""Those who pay customers for us: the port, and the adapter that speaks to them over HTTP."""
