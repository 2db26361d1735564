"""One module for each sub-command of ``spendlog``, with a typer ``app``; ``infra.cli.COMMANDS`` lists them."""
