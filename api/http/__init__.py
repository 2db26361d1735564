"""Between bytes and resources: connections, bounds, problems, headers."""
