"""Webhooks: endpoints, their secrets, what is sent to them, and sending it once more."""
