"""Plays stories through a running pipeline: Kafka, the worker, and what PostgreSQL has booked at the end.

Each story has an organization of its own, and its lines are played one after the other, each when the one
before is decided. Stories play at the same time, so that all of them take hardly longer than the longest.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import KafkaError, Producer

from infra.errors import SpendlogError
from infra.running.log import STALLED_S_MAX, TIMEOUT_S, DecisionWatch
from infra.stories.build import Named, event_of, sent
from infra.stories.core import message_refused
from infra.stories.expectations import differences
from infra.stories.story import Line, Story
from schemas.decisions import Decision
from schemas.event import Event
from schemas.kafka import librdkafka
from schemas.reasons import Outcome
from schemas.topics import CARD_EVENTS
from streams.core.messages import messages

_POLL_S: Final = 0.02

At = tuple[int, int]  # partition, offset of a card event
MessageId = tuple[str, str, str]  # organization, department, event id


@dataclass(slots=True)
class PlayedStory:
    """A story and what was answered. `different`: number of a line in its file -> what differs there."""

    story: Story
    organization: str
    decisions: list[Decision] = field(default_factory=list)
    different: dict[int, list[str]] = field(default_factory=dict)
    _named: Named = field(default_factory=Named)
    _sent: int = 0
    _outstanding: dict[MessageId, Event] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not any(self.different.values())

    def next_line(self) -> Line | None:
        """The line to be sent now, once; None while an answer or a message is under way, and at the end."""
        if self._outstanding or self._sent > len(self.decisions) or self._sent == len(self.story.lines):
            return None
        self._sent += 1
        return self.story.lines[self._sent - 1]

    @property
    def done(self) -> bool:
        return len(self.decisions) == len(self.story.lines) and not self._outstanding

    def differs(self, line: int, found: list[str]) -> None:
        if found:
            self.different.setdefault(line, []).extend(found)

    def event(self, line: Line) -> Event | None:
        """The line's card event, remembered under the line's name."""
        event = event_of(line, self.organization, self._named)
        if line.name is not None and event is not None:
            self._named.events[line.name] = event
        return event

    def answered(self, decision: Decision) -> list[MessageId]:
        """The line that was sent is decided. Returns the messages that this sends to other departments."""
        line = self.story.lines[len(self.decisions)]
        self.decisions.append(decision)
        if line.name is not None:
            self._named.decisions[line.name] = decision
        self.differs(line.place.line, differences(line, decision))
        return self._sends(decision)

    def heard(self, message: MessageId, decision: Decision) -> list[MessageId]:
        """A message that was under way is decided. Returns those that this sends."""
        event = self._outstanding.pop(message)
        if decision.outcome is Outcome.REJECTED:
            line = self.story.lines[len(self.decisions) - 1]
            self.differs(line.place.line, [message_refused(event, decision)])
        return self._sends(decision)

    def _sends(self, decision: Decision) -> list[MessageId]:
        found = {
            (event.organization_id, event.department_id, event.event_id): event
            for event in messages(decision)
        }
        self._outstanding |= found
        return list(found)


class Pipeline:
    """The cluster at `kafka`. `require_alive` raises when a process of it has died."""

    def __init__(self, kafka: str, partitions: int, require_alive: Callable[[], None]) -> None:
        self._kafka = kafka
        self._partitions = partitions
        self._require_alive = require_alive
        self._producer = Producer(
            {**librdkafka(kafka), "enable.idempotence": True, "linger.ms": 2, "log_level": 0}
        )
        self._decided: queue.SimpleQueue[Decision] = queue.SimpleQueue()
        self._waiting: dict[At, PlayedStory] = {}
        self._under_way: dict[MessageId, PlayedStory] = {}
        # Decisions may be read before the producer knows where its record went.
        self._early: dict[At, Decision] = {}
        self._early_messages: dict[MessageId, Decision] = {}
        self._errors: list[str] = []

    def play(
        self, stories: Sequence[Story], run: str, on_progress: Callable[[int], None] = lambda _: None
    ) -> tuple[list[PlayedStory], Mapping[int, int]]:
        """Plays all; `run`: a name part that no earlier run on this cluster had.

        Returns what was played, and partition -> seq of the last decision that was read.

        Raises:
            SpendlogError: a line's time lies in the future, or nothing is decided any more.
        """
        _must_be_past(stories)
        all_played = [PlayedStory(story, f"story-{run}-{n}") for n, story in enumerate(stories)]
        with DecisionWatch(self._kafka, lambda decision, _: self._decided.put(decision)) as watch:
            for played in all_played:
                self._go_on(played)
            left, heard_s = len(all_played), time.monotonic()
            while left:
                self._producer.poll(0)
                if self._take(_POLL_S):
                    heard_s = time.monotonic()
                if self._errors:
                    raise SpendlogError(f"Kafka did not take an event: {self._errors[0]}")
                if time.monotonic() - heard_s > STALLED_S_MAX:
                    raise SpendlogError(
                        f"nothing was decided for {STALLED_S_MAX:.0f} s, but {left} stories wait. "
                        "The worker's log says more"
                    )
                self._require_alive()
                left = sum(not played.done for played in all_played)
                on_progress(len(all_played) - left)
            self._producer.flush(TIMEOUT_S)
            return all_played, dict(watch.seqs)

    def _take(self, timeout_s: float) -> bool:
        """Handles the decisions that have been read; False when there were none."""
        try:
            decision = self._decided.get(timeout=timeout_s)
        except queue.Empty:
            return False
        while True:
            self._sort(decision)
            try:
                decision = self._decided.get_nowait()
            except queue.Empty:
                return True

    def _sort(self, decision: Decision) -> None:
        at = decision.partition, decision.source_offset
        name = decision.organization_id or "", decision.department_id or "", decision.event_id or ""
        if at in self._waiting:
            self._answered(at, decision)
        elif name in self._under_way:
            self._heard(name, decision)
        else:
            self._early[at] = decision
            self._early_messages[name] = decision

    def _answered(self, at: At, decision: Decision) -> None:
        played = self._waiting.pop(at)
        self._await(played, played.answered(decision))
        self._go_on(played)

    def _heard(self, message: MessageId, decision: Decision) -> None:
        played = self._under_way.pop(message)
        self._await(played, played.heard(message, decision))
        self._go_on(played)

    def _await(self, played: PlayedStory, sent_messages: Sequence[MessageId]) -> None:
        for message in sent_messages:
            self._under_way[message] = played
        for message in sent_messages:
            if message in self._early_messages:
                self._heard(message, self._early_messages.pop(message))

    def _go_on(self, played: PlayedStory) -> None:
        line = played.next_line()
        if line is None:
            return
        record = sent(line, played.event(line), played.organization, self._partitions)

        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._errors.append(error.str())
                return
            at = message.partition(), message.offset()
            self._waiting[at] = played
            if at in self._early:
                self._answered(at, self._early.pop(at))

        self._producer.produce(
            CARD_EVENTS.name, record.value, record.key, record.partition, on_delivery=delivered
        )


def _must_be_past(stories: Sequence[Story]) -> None:
    """The broker writes its own clock: an event ahead of it would be decided otherwise than in the story."""
    now = datetime.now(UTC)
    for story in stories:
        for line in story.lines:
            if line.occurred_at > now and line.expected.outcome is not Outcome.REJECTED:
                raise line.place.error(
                    1, f"{line.occurred_at.isoformat()} has not come yet; mark the story `core only`"
                )
