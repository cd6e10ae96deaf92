"""The worker that asks the gateway for payouts and tells what it said."""
