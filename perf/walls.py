"""What PostgreSQL's wall between tenants costs a read: `python -m perf.walls [--rows 200000] [--rounds 60]`.

Two APIs read the same rows: one in the role that is kept behind the wall, one as the tables' owner, a
superuser whom it does not hold. Each question of `perf.lists` goes to both, in turns; what counts is their
ratio in one run.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx

from api.access.keys import create_key
from api.api_settings import ApiSettings
from infra import topics
from infra.migrate import migrate
from infra.stack import running_stack
from perf.lists import ORGANIZATION, PAGE, fill, questions, served
from perf.percentiles import median

#: Issue: the wall costs at most a tenth.
RATIO_MAX: Final = 1.1
Pairs = dict[str, list[tuple[float, float]]]


def asked(client: httpx.Client, params: dict[str, Any]) -> float:
    """Milliseconds of one page."""
    begun = time.perf_counter()
    client.get("/v1/transactions", params={"limit": PAGE, **params}).raise_for_status()
    return 1e3 * (time.perf_counter() - begun)


def measure(walled: httpx.Client, open_to_all: httpx.Client, rounds: int) -> Pairs:
    """Milliseconds behind the wall and without it, of the same page, each of the two first at times."""
    chance, pairs = random.Random(1), Pairs()
    for number in range(rounds):
        for name, params in questions(chance).items():
            if number % 2:
                without, within = asked(open_to_all, params), asked(walled, params)
            else:
                within, without = asked(walled, params), asked(open_to_all, params)
            pairs.setdefault(name, []).append((within, without))
    return pairs


def told(pairs: Pairs) -> str:
    """A line for each filter, and one for all: medians, and the median of the ratios of each pair."""
    lines = [f"{'filter':<16}{'pages':>7}{'walled ms':>11}{'open ms':>9}{'ratio':>7}"]
    whole = [pair for each in pairs.values() for pair in each]
    for name, each in {**pairs, "all": whole}.items():
        within, without = (median([pair[side] for pair in each]) for side in (0, 1))
        ratio = median([pair[0] / pair[1] for pair in each])
        late = "  above the bound" if name == "all" and ratio > RATIO_MAX else ""
        lines.append(f"{name:<16}{len(each):>7}{within:>11.2f}{without:>9.2f}{ratio:>7.2f}{late}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as at:
        topics.apply(at.kafka)
        migrate(at.postgres)
        print(f"{given.rows:,} transactions made in {fill(at.postgres, given.rows):.0f} s", flush=True)
        secret, _ = create_key(at.postgres, organization_id=ORGANIZATION, name="walls")
        settings = ApiSettings(kafka=at.kafka, postgres=at.postgres, redis=at.redis)
        headers = {"Authorization": f"Bearer {secret}"}
        with (
            served(settings) as walled_url,
            served(settings.model_copy(update={"api_role": "none"})) as open_url,
            httpx.Client(base_url=walled_url, headers=headers, timeout=60) as walled,
            httpx.Client(base_url=open_url, headers=headers, timeout=60) as open_to_all,
        ):
            measure(walled, open_to_all, 3)
            print(told(measure(walled, open_to_all, given.rounds)))


if __name__ == "__main__":
    main()
