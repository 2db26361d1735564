"""How unusual a request is: a score beside the decision. It flags, it never declines.

The only place that knows River. The door is `Scorer`; the features' raw material is in
`streams.core.history`.
"""

from streams.scoring.scorer import MODEL, VERSION, Scorer, UnusableSnapshot

__all__ = ["MODEL", "VERSION", "Scorer", "UnusableSnapshot"]
