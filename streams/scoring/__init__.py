"""How likely fraud, or how unusual, a request is: a score beside the decision. It flags, it never declines.

The door is `Scorer`: it keeps habits (`habits`), makes a request's features of them (`features`), and asks
the organization's published model (`in_force`), or the one without labels (`cold`) where there is none yet.
`learning` fits models, in a process of its own.
"""

from streams.scoring.alerts import UnusableSnapshot
from streams.scoring.scorer import Scorer

__all__ = ["Scorer", "UnusableSnapshot"]
