"""The evaluation does its sums right, and lets nobody see a label before it is due."""

from __future__ import annotations

import csv
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app
from perf.evaluation.contenders import Contender, SeenRequest, contenders
from perf.evaluation.data import LabelledRequest, read
from perf.evaluation.groups import Group, groups_of
from perf.evaluation.measures import (
    average_precision,
    calibration_error,
    card_precision,
    ranked,
    roc_auc,
)
from perf.evaluation.report import Alerts
from perf.evaluation.run import featured, scores_of
from streams.scoring.features import NAMES


def test_metrics_are_those_of_the_books() -> None:
    fraud = [True, False, True, False, False]
    scores = [0.9, 0.8, 0.7, 0.2, 0.1]
    assert ranked(scores) == [0, 1, 2, 3, 4]
    assert average_precision(fraud, ranked(scores)) == pytest.approx((1 + 2 / 3) / 2)
    assert roc_auc(fraud, scores) == pytest.approx(5 / 6)
    assert roc_auc(fraud, [0.0] * 5) == 0.5
    assert calibration_error([True, False], [0.75, 0.25], bins=2) == pytest.approx(0.25)
    assert calibration_error([True, False], [0.5, 0.5], bins=1) == 0
    assert card_precision(fraud, scores, ["a", "b", "a", "c", "d"], [1, 1, 2, 2, 2], top=1) == 1.0
    assert card_precision(fraud, scores, ["a", "b", "a", "c", "d"], [1, 1, 1, 1, 1], top=2) == 0.5


def test_equal_scores_earn_what_chance_gives() -> None:
    fraud = [True] * 50 + [False] * 950
    assert average_precision(fraud, ranked([0.0] * 1_000)) < 0.12


class Recorder:
    """Notes which labels it has at each request."""

    probability = False

    def __init__(self) -> None:
        self.known: list[int] = []
        self.days: list[int] = []
        self._labels = 0

    def score(self, seen: SeenRequest) -> float:
        self.known.append(self._labels)
        return 0.0

    def learn(self, seen: SeenRequest, fraud: bool) -> None:
        self._labels += 1

    def day(self, day: int) -> None:
        self.days.append(day)


def stream(days: int, a_day: int = 3) -> list[LabelledRequest]:
    return [
        LabelledRequest(day * 86_400 + n, "d", f"c{n}", f"m{day % 5}", "5812", 1_000 + n, day % 4 == 0, "odd")
        for day in range(days)
        for n in range(a_day)
    ]


@pytest.mark.parametrize("late", [0, 1, 7, 30])
def test_a_label_comes_as_late_as_it_is_said_to(late: int) -> None:
    requests = stream(40)
    recorder: Contender = Recorder()
    seen = featured(requests, late, lambda: None).seen
    scores_of(recorder, requests, seen, late, lambda: None)
    assert isinstance(recorder, Recorder)
    for number, known in enumerate(recorder.known):
        day = number // 3
        assert known == (number if late == 0 else 3 * max(0, day - late + 1))
    assert recorder.days == list(range(40))


def test_features_know_of_no_label_before_it_is_due() -> None:
    requests = stream(40)
    other = [one._replace(fraud=not one.fraud) if one.at_s >= 20 * 86_400 else one for one in requests]
    a, b = (featured(rows, 7, lambda: None).seen for rows in (requests, other))
    due = 3 * 27
    assert [one.bins for one in a[:due]] == [one.bins for one in b[:due]]
    assert [one.bins for one in a[due:]] != [one.bins for one in b[due:]]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Four months of 12 cards; misuse is six times the usual amount at a merchant of its own."""
    rng = random.Random(5)
    path = tmp_path / "labelled.csv"
    at = datetime(2026, 1, 1, 9, tzinfo=UTC)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["event_time", "card", "merchant", "mcc", "amount_minor", "label", "label_type"])
        for _ in range(2_000):
            at += timedelta(minutes=rng.randrange(170))
            card = rng.randrange(12)
            odd = rng.random() < 0.04
            amount = int(rng.lognormvariate(7 + card / 3, 0.5) * (6 if odd else 1)) + 1
            shop = f"odd{rng.randrange(40)}" if odd else f"m{card}-{rng.randrange(6)}"
            rows.writerow([at.isoformat(), f"c{card}", shop, 5812, amount, int(odd), "spike" if odd else ""])
        rows.writerow([at.isoformat(), "c1", "refund", "", -500, 0, ""])
    return path


def test_evaluate_prints_the_table_and_keeps_the_figures(labelled: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "deep" / "figures.json", tmp_path / "curve.svg"
    done = CliRunner().invoke(
        app,
        [
            "evaluate",
            str(labelled),
            "--labels-late",
            "7",
            "--out",
            str(out),
            "--plot",
            str(picture),
            "--explain",
            "4",
        ],
    )
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert found["requests"] == 2_000
    assert found["judged"] == 1_000
    assert found["features"] == len(NAMES)
    assert set(found["contenders"]) == set(contenders())
    for name, quality in found["contenders"].items():
        assert name in done.output
        assert 0 < quality["average_precision"] <= 1
        assert set(quality["recall_by_kind"]) == {"spike"}
    assert set(found["alerts"]) == {"exact repeats", f"{list(found['contenders'])[-1]}, and exact repeats"}
    assert all(f"{name}: " in done.output for name in found["alerts"])
    assert found["groups"]["all"]["share"] == 1.0
    assert all(0 < one["share"] <= 1 and 0 <= one["flagged"] <= 1 for one in found["groups"].values())
    assert "the largest 5 % of amounts" in done.output
    best = found["contenders"].get("boosted, geometric refits")
    if best is not None:
        assert best["average_precision"] > 0.6
        assert best["average_precision"] > found["contenders"]["amount alone"]["average_precision"] + 0.05
        assert len(found["highest"]) == 4
        assert [one["score"] for one in found["highest"]] == sorted(
            (one["score"] for one in found["highest"]), reverse=True
        )
        for one in found["highest"]:
            assert 1 <= len(one["reasons"]) <= 3
            assert all(words in done.output and moved > 0 for _, words, moved in one["reasons"])
    assert "<svg" in picture.read_text()


def test_who_is_flagged_more_is_counted_among_the_good() -> None:
    requests = [one._replace(department=f"d{n % 2}") for n, one in enumerate(stream(40))]
    seen = featured(requests, 7, lambda: None).seen
    flagged = [n % 2 == 1 or request.fraud for n, request in enumerate(requests)]
    found = groups_of(requests, seen, flagged)
    good = [n for n, request in enumerate(requests) if not request.fraud]
    assert found["all"] == Group(1.0, sum(n % 2 for n in good) / len(good))
    assert (found["department d0"].flagged, found["department d1"].flagged) == (0.0, 1.0)
    assert found["cards of less than 32 days"].share < 1
    assert found["the largest 5 % of amounts"].share >= 0.05
    one = [request._replace(department="d") for request in requests]
    assert not any(name.startswith("department") for name in groups_of(one, seen, flagged))


def test_alerts_of_a_rule_are_counted_by_kind() -> None:
    requests = [
        one._replace(fraud=n < 4, kind="odd" if n < 3 else "twice") for n, one in enumerate(stream(4))
    ]
    found = Alerts.of(requests, [n in (0, 3, 8, 9) for n in range(12)])
    assert found.share == pytest.approx(1 / 3)
    assert found.precision == 0.5
    assert found.recall_by_kind == {"odd": pytest.approx(1 / 3), "twice": 1.0}
    assert Alerts.of(requests, [False] * 12).precision == 0.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("card,merchant\n1,2\n", "event_time"),
        ("event_time,card,merchant,amount_minor,label\n2026-01-01,c,m,ten,0\n", "ten"),
        ("event_time,card,merchant,amount_minor,label\nsoon,c,m,10,0\n", "soon"),
        ("event_time,card,merchant,amount_minor,label\n2026-01-01,c,m,-10,0\n", "above zero"),
        ("", "above zero"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(Exception, match=said):
        read(path, noon=False)


def test_noon_keeps_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text(
        "event_time,card,merchant,amount_minor,label\n2026-01-01 18:00:00,b,m,10,0\n"
        "2026-01-01 07:00:00.250,a,m,10,0\n2026-01-02T00:00:00+02:00,c,m,10,1\n"
    )
    found = read(path, noon=True)
    assert [one.card for one in found] == ["a", "b", "c"]
    assert {one.at_s % 86_400 for one in found} == {43_200}
