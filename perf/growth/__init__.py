"""How cost and memory grow: departments, payments, cards, budgets, partitions, workers."""
