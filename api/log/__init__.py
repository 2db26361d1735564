"""The log as the API knows it: events in, decisions out."""
