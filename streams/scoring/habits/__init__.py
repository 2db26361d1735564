"""What cards, merchants and categories usually do: the raw material of the features, folded from decisions.

Integers alone, in event time, bounded by rule, by department: two processes that read the same log remember
the same. `memory` is the door.
"""
