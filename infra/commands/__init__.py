"""One module for each sub-command of ``spendlog``; each has a typer ``app``. ``infra.cli.COMMANDS`` lists them."""
