"""The whole system as processes of its own, under load, with things broken at random; then all of it is checked."""
