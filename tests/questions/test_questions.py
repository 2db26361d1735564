"""Questions, what they are understood as and answered with: tables that a person can read."""

from __future__ import annotations

import pytest

from api.questions.errors import NotUnderstood
from api.questions.query import Query
from api.questions.suggest import nearest
from tests.questions.conftest import Asked, Seeded
from tests.questions.notation import answer_line, query_line
from tests.questions.reference import reference_line
from tests.questions.tables import Entry, entries

QUESTIONS = entries("questions")
PARAPHRASED = entries("paraphrased")
REFUSED = entries("refused")


def ids(entry: Entry) -> str:
    return entry.question


def test_the_tables_are_as_long_as_they_must_be() -> None:
    paraphrases = sum(len(entry.expected) for entry in PARAPHRASED)
    assert len(QUESTIONS) + paraphrases + len(REFUSED) >= 150
    assert paraphrases >= 40
    assert len(REFUSED) >= 30


@pytest.mark.parametrize("entry", QUESTIONS, ids=ids)
def test_a_question_is_understood_and_answered(entry: Entry, carol: Asked, seeded: Seeded) -> None:
    answer = carol.answer(entry.question)
    assert (query_line(answer.query), answer_line(answer)) == entry.expected
    # What is understood is JSON that is taken as a query, and comes to the same.
    assert Query.model_validate_json(answer.query.model_dump_json()) == answer.query
    if answer.query.measure != "left":
        assert reference_line(answer.query, seeded.run) == entry.expected[1]


@pytest.mark.parametrize("entry", PARAPHRASED, ids=ids)
def test_other_words_mean_the_same(entry: Entry, carol: Asked) -> None:
    meant = query_line(carol.understood(entry.question).query)
    assert {other: query_line(carol.understood(other).query) for other in entry.expected} == dict.fromkeys(
        entry.expected, meant
    )


@pytest.mark.parametrize("entry", REFUSED, ids=ids)
def test_what_is_no_question_is_refused_with_the_word_and_three_others(entry: Entry, carol: Asked) -> None:
    with pytest.raises(NotUnderstood) as refused:
        carol.answer(entry.question)
    fault = refused.value
    word = entry.question[fault.start : fault.end]
    assert f"{fault.fault} {word}".strip() == entry.expected[0]
    near = nearest(entry.question, fault, carol.questions.directory, carol.questions.clock)
    assert len(near) == len(set(near)) == 3
    for question in near:
        carol.answer(question)


def test_a_chip_is_a_part_that_can_be_left_out(carol: Asked) -> None:
    answer = carol.answer("travel over 500 in Sales last quarter by merchant")
    chips = {chip.part: chip for chip in answer.chips}
    assert [(chip.part, chip.text) for chip in answer.chips] == [
        ("measure", "spend"),
        ("names.department", "Sales"),
        ("names.category", "travel"),
        ("amount", "over 500"),
        ("period", "1 Jul 2026 to 30 Sep 2026"),
        ("group_by", "by merchant"),
    ]
    assert chips["measure"].without is None
    wider = chips["amount"].without
    assert wider is not None
    assert query_line(wider) == (
        "total department=sales category=travel period=2026-07-01..2026-09-30 by=merchant"
    )


def test_a_word_that_was_mistyped_is_told(carol: Asked) -> None:
    answer = carol.answer("sofware in Slaes this year")
    assert [(one.word, one.taken_for) for one in answer.corrected] == [
        ("sofware", "software"),
        ("Slaes", "sales"),
    ]


def test_the_answer_of_a_comparison_is_in_words_and_drawn(carol: Asked) -> None:
    answer = carol.answer("compare Q3 with Q2 by department in USD")
    assert answer.headline == (
        "Sales: $2,005.50, the most. $3,015.50 in 6 purchases, 19.4 % less than $3,740.00"
    )
    assert answer.sentence == (
        "Spend: in USD, 1 Jul 2026 to 30 Sep 2026, compared with 1 Apr 2026 to 30 Jun 2026, by department"
    )
    chart = answer.chart
    assert chart is not None
    assert (chart.kind, chart.labels) == ("bars", ["Sales", "Marketing", "Engineering"])
    assert [(one.label, one.values) for one in chart.series] == [
        ("USD", [200_550, 65_000, 36_000]),
        ("USD before", [120_000, 70_000, 184_000]),
    ]


def test_a_query_that_makes_no_sense_is_refused(carol: Asked) -> None:
    with pytest.raises(ValueError, match="group_amount"):
        Query.model_validate({"group_amount": {"above": "5"}})
    with pytest.raises(ValueError, match="compared_with"):
        Query.model_validate({"compared_with": {"first": "2026-01-01"}})
    with pytest.raises(ValueError, match="nothing is above"):
        Query.model_validate({"amount": {"above": "500", "below": "500"}})
