"""Written by `python -m infra.client_code`."""
