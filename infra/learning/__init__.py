"""The learner: reads the decision log with its labels, fits models, and publishes them into the log.

A process of its own, off the path of decisions. What it knows is in the log: killed and started again it goes
on (docs/decisions/0051).
"""
