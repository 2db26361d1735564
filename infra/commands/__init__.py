"""One module for each sub-command of ``spendlog``, with a typer ``app``; see ``infra.cli.COMMANDS``."""
