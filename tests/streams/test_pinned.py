"""Private names of a library are used as of one version: any other ends the start and says what to check."""

from __future__ import annotations

import pytest

from streams.worker import pinned


def test_the_installed_versions_are_those_that_the_frames_were_written_for() -> None:
    pinned.check_pinned()


@pytest.mark.parametrize("package", pinned.PINNED)
def test_another_version_ends_the_start(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pinned.PINNED, package, "0.1.0")
    with pytest.raises(RuntimeError, match=rf"{package} .* was written for 0\.1\.0.*Fetcher\._records"):
        pinned.check_pinned()
