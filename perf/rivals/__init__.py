"""What spendlog is compared with, one module a rival: each at its best, and as its own manual advises.

A rival decides the same requests by the same rules, a budget and repeats; tests/perf shows that it does.
"""
