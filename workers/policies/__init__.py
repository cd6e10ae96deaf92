"""Questions to all policies and all decisions ever made."""
