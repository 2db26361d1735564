"""Jobs: what takes longer than a request may, or is due at a time. One process, a queue for each feature.

A feature is one file here, with the tasks of its queue, and one name in `FEATURES` of registry.py. A task is
an async function of a `Job` and its arguments; what keeps the processor busy goes into a thread. How none is
lost and none takes effect twice: docs/decisions/0063.
"""
