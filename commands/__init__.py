"""The inbound contract: command models and their handlers."""
