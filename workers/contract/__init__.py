"""The pages of `docs/contracts/`, written from the models."""
