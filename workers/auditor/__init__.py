"""The worker that compares log and topic, and signs how far both were found to be whole."""
