"""What the operator sees of speed and of events that could not be used."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from confluent_kafka import Producer
from playwright.sync_api import expect

from schemas.kafka import librdkafka
from schemas.topics import DEAD_LETTERS
from tests.browser.conftest import TechCorp
from tests.browser.person import PHONE, Person
from tests.browser.steps import purchase

Sit = Callable[..., Person]


def write(techcorp: TechCorp, **headers: str) -> None:
    """A record of the dead letters, as workers and `spendlog dead-letters reroute` write them."""
    producer = Producer({**librdkafka(techcorp.books.settings.kafka)})
    told: list[tuple[str, str | bytes | None]] = [(name, text.encode()) for name, text in headers.items()]
    producer.produce(DEAD_LETTERS.name, b"what nobody may see here", partition=0, headers=told)
    assert producer.flush(60) == 0


def test_dead_letters_stand_there_with_their_reason_and_without_what_is_in_them(
    person: Sit, techcorp: TechCorp
) -> None:
    first, second = (f"3:{uuid.uuid4().int % 10**9}" for _ in range(2))
    for reason, id_ in (("wrong_partition", first), ("undecodable", second)):
        partition, _, offset = id_.partition(":")
        write(techcorp, reason=reason, detail="of bob@techcorp.com", partition=partition, offset=offset)
    sitting = person("operator", size=PHONE)
    sitting.go("/system")
    row = sitting.page.locator(f'[id="l-{first}"]')
    expect(row).to_contain_text("wrong partition")
    expect(row).to_contain_text("Can be")
    expect(sitting.page.locator(f'[id="l-{second}"]')).to_contain_text("undecodable")
    assert "nobody may see" not in sitting.page.content() and "bob@" not in sitting.page.content()
    write(techcorp, rerouted=first)
    expect(row).to_contain_text("Sent on")  # by itself, while one looks
    assert sitting.fits() and sitting.serious() == []


def test_the_speed_is_drawn_while_one_looks(person: Sit, techcorp: TechCorp) -> None:
    techcorp.play(purchase(techcorp, "sales", "maya", 100))
    sitting = person("operator")
    sitting.go("/system")
    expect(sitting.page.locator("#system svg.spark")).to_be_visible(timeout=30_000)
    expect(sitting.page.locator(".figure", has_text="Decisions a second").locator("dd")).not_to_be_empty()
