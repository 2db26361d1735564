"""What the demo claims, and whether it turned out true."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DemoCheck:
    """One claim. `detail`: what was counted, or what is wrong."""

    claim: str
    ok: bool
    detail: str = ""


@dataclass(slots=True)
class Checks:
    """All claims of a run, in order."""

    made: list[DemoCheck] = field(default_factory=list)

    def expect(self, claim: str, ok: bool, detail: str = "") -> bool:
        self.made.append(DemoCheck(claim, ok, detail))
        return ok

    @property
    def failed(self) -> list[DemoCheck]:
        return [check for check in self.made if not check.ok]
