"""The learner as a process: what is new in the log, models that are due, and publishing them."""

from __future__ import annotations

import os
import sys
import threading

import structlog
from confluent_kafka import KafkaException
from prometheus_client import Counter, start_http_server

from infra.consumed import bytes_of, offset_of
from infra.errors import SpendlogError
from infra.learning.learner_settings import LearnerSettings
from infra.learning.organization import OrganizationLearner, Published
from infra.ticker.producer import EventProducer
from infra.ticker.ticker import Events
from infra.verify.sources import Logs
from schemas.administration import ModelPublished
from schemas.chain import Chain
from schemas.claims import stamp_of
from schemas.decisions import Decision
from schemas.exits import ExitStatus
from schemas.settings import SettingError, read_settings, shown
from schemas.topics import CARD_EVENTS, DECISIONS
from sinks.errors import Unavailable
from sinks.loop.consumer import BACKOFF
from sinks.process import configure_logs, stop_on_signals
from streams.scoring.learning.trees import can_fit

log = structlog.get_logger()

# Decisions have the machine first: a refit takes a second or two of a core.
NICE = 10
_read = Counter("spendlog_learner_decisions", "decisions that the learner has read")
_worse = Counter("spendlog_learner_models_not_taken", "models that were no better than what is in force")
_unjudged = Counter("spendlog_learner_models_unjudged", "models that were taken with too little to compare")
_unusable = Counter("spendlog_learner_models_unusable", "models of other features that somebody put in force")
_published = Counter("spendlog_learner_models", "models that were published")


class Learner:
    """Two may run: each publishes, and the later one in the log is in force.

    One that dies between the partitions of an organization leaves some with the model before: whoever is
    started next reads which, and publishes there what the others have.
    """

    def __init__(self, logs: Logs, topic: str, events: Events, labels_late_days: int) -> None:
        self._logs = logs
        self._topic = topic
        self._events = events
        self._late_days = labels_late_days
        self._chains = {partition: Chain(partition) for partition in logs.partitions(topic)}
        self._at = dict.fromkeys(self._chains, 0)
        self._sent: dict[tuple[str, int], str] = {}
        self._warned: set[tuple[str, str]] = set()
        self.organizations: dict[str, OrganizationLearner] = {}

    def look(self) -> int:
        """Reads what is new, and publishes what is due. Returns how many decisions were new.

        Raises:
            SpendlogError: the log is not readable.
            Unavailable: Kafka did not take a model; the next look sends it again.
        """
        count = sum([self._read(partition) for partition in self._chains])
        _read.inc(count)
        for name, organization in self.organizations.items():
            self._warn(name, organization)
            judgement = organization.learner.judgement
            model = organization.refit_if_due()
            why = organization.learner.judgement
            if model is not None:
                frauds = organization.learner.sample.seen_frauds
                assert why is not None  # it is careful
                _unjudged.inc(int(why.unjudged))
                log.info(
                    "model_fitted",
                    organization=name,
                    version=model.version,
                    frauds=frauds,
                    because=why.sentence(),
                )
            elif why is not None and why is not judgement:
                _worse.inc()
                log.info("model_not_taken", organization=name, because=why.sentence())
            self._publish(name, organization)
        return count

    def _warn(self, name: str, organization: OrganizationLearner) -> None:
        """Of models that nobody here can use, once each."""
        for digest, why in organization.unusable.items():
            if (name, digest) not in self._warned:
                self._warned.add((name, digest))
                _unusable.inc()
                log.warning("model_unusable", organization=name, digest=digest[:12], because=why)

    def _read(self, partition: int) -> int:
        low, high = self._logs.bounds(self._topic, partition)
        start = max(low, self._at[partition])
        if start and not self._at[partition]:
            self._chains[partition] = Chain.in_the_middle(partition)
        chain, count = self._chains[partition], 0
        for message in self._logs.messages(self._topic, partition, start, high):
            offset = offset_of(message)
            decision = chain.follow(offset, bytes_of(message.value()), stamp_of(message.headers()))
            self._at[partition] = offset + 1
            if decision is None:
                continue
            count += 1
            if decision.organization_id is not None and decision.occurred_at is not None:
                organization = self.organizations.get(decision.organization_id)
                if organization is None:
                    organization = OrganizationLearner(self._late_days)
                    self.organizations[decision.organization_id] = organization
                organization.take(decision)
        self._at[partition] = max(self._at[partition], high)
        return count

    def _publish(self, name: str, organization: OrganizationLearner) -> None:
        """Where it is not in force yet, and was not sent since this process began."""
        newest, lacking = organization.newest, organization.lacking()
        if newest is None:
            return
        events = {
            partition: published(name, department_id, last, newest)
            for partition, (department_id, last) in lacking.items()
            if self._sent.get((name, partition)) != newest.digest
        }
        if not events:
            return
        self._events.send(events.values())
        self._sent |= {(name, partition): newest.digest for partition in events}
        _published.inc(len(events))
        log.info("model_published", organization=name, version=newest.version, partitions=list(events))


def published(organization_id: str, department_id: str, last: Decision, model: Published) -> ModelPublished:
    """The same event, whoever publishes this model to this department. `last`: of its decisions."""
    assert last.occurred_at
    return ModelPublished(
        event_id=f"model-{model.version}-{model.digest[:32]}",
        organization_id=organization_id,
        department_id=department_id,
        occurred_at=last.occurred_at,
        actor="learner",
        model=model.content,
        digest=model.digest,
    )


def run() -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit status: 0 stopped, 1 cannot go on, 78 wrong setting."""
    configure_logs()
    try:
        settings = read_settings(LearnerSettings)
        if not can_fit():
            raise SettingError("models are fitted by LightGBM: pip install 'spendlog[learn]'")
    except SettingError as error:
        sys.stderr.write(f"spendlog learn: {error}\n")
        return ExitStatus.WRONG_SETTING
    log.info("learner_starts", **shown(settings))
    stopping = stop_on_signals()
    os.nice(NICE)
    if settings.learner_metrics_port is not None:
        start_http_server(settings.learner_metrics_port, settings.learner_metrics_host)
    logs = Logs(settings.kafka)
    events = EventProducer(settings.kafka, settings.topic_prefix + CARD_EVENTS.name, "spendlog-learner")
    try:
        _serve(logs, events, settings, stopping)
    except SpendlogError as error:
        log.error("learner_stopped", detail=str(error))
        return ExitStatus.FAILED
    finally:
        logs.close()
        events.close()
    log.info("learner_ends")
    return ExitStatus.DONE


def _serve(logs: Logs, events: EventProducer, settings: LearnerSettings, stopping: threading.Event) -> None:
    learner = Learner(logs, settings.topic_prefix + DECISIONS.name, events, settings.labels_late_days)
    tries, delay_s = 0, 0.0
    while not stopping.wait(delay_s):
        try:
            learner.look()
        except (Unavailable, KafkaException) as away:
            tries += 1
            delay_s = BACKOFF.wait_s(tries)
            log.warning("learner_waits", detail=str(away), retry_in_s=delay_s)
        else:
            delay_s, tries = settings.learner_every_s, 0
