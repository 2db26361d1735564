"""Time passes where nothing happens: `python -m infra.ticker` writes card events that say so."""
