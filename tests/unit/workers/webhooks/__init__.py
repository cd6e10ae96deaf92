"""Tests of the webhook worker."""
