"""What the system does on this machine: one module a figure, one run for all of them (`spendlog bench`)."""
