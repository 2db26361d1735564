"""The story language: what a line says, and what is told when it says nothing that can be understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from infra.stories import Story, StoryError, parse, read_stories
from infra.stories.build import Named, event_of, sent
from infra.stories.core import CoreRun
from infra.stories.verbs import VERBS
from schemas.administration import TREASURY, BudgetSet, CapSet, PolicyDrafted
from schemas.codec import decode_event, encode_event, fingerprint
from schemas.controls import ActiveHours, Block, Calendar, Match, RuleScope, SpendLimit
from schemas.event import Event, Merchant
from schemas.events import EVENT_TYPES
from schemas.messages import AuthorizationRequested, AuthorizationReversed, RefundReversed
from schemas.money import Money, PositiveMoney


def story_of(*lines: str) -> Story:
    (found,) = parse("\n".join(("story: one", *lines)))
    return found


def event(line: str, *above: str) -> Event:
    """The card event of the last of these lines."""
    named = Named()
    found: list[Event] = []
    for told in story_of(*above, f"{line} => accepted").lines:
        one = event_of(told, "techcorp", named)
        assert one is not None
        if told.name is not None:
            named.events[told.name] = one
        found.append(one)
    return found[-1]


# -- what a line says


def test_a_request_says_who_pays_whom_how_much_and_how() -> None:
    found = event(
        'request A1 USD 1,120.50 at "Dell Technologies" mcc 5045 country US merchant-id M-1 entry chip '
        "card card-7 by alice@techcorp.com partial foreign EUR 1000.00 rate 1.1205 "
        "on 2026-11-12T10:00:00+01:00"
    )
    assert found == AuthorizationRequested(
        event_id="line-2",
        organization_id="techcorp",
        department_id="eng",
        occurred_at=datetime(2026, 11, 12, 9, tzinfo=UTC),
        authorization_id="A1",
        card_id="card-7",
        amount=PositiveMoney(112_050, "USD"),
        merchant=Merchant("Dell Technologies", "5045", "US", "M-1"),
        cardholder="alice@techcorp.com",
        entry_mode="chip",
        partial_allowed=True,
        merchant_amount=PositiveMoney(100_000, "EUR"),
        rate="1.1205",
    )


def test_a_budget_says_whose_it_is_and_its_calendar() -> None:
    found = event(
        "budget team:platform JPY 5000 each week start wed zone Europe/Berlin tolerance 50 "
        'named "Platform" id x'
    )
    assert isinstance(found, BudgetSet)
    assert (found.level, found.subject, found.budget_id, found.name) == ("team", "platform", "x", "Platform")
    assert (found.limit, found.tolerance) == (Money(5_000, "JPY"), 50)
    assert found.calendar == Calendar("week", "Europe/Berlin", 3, 1)
    own = event("budget sales USD 1.00 each year start 04-06")
    assert isinstance(own, BudgetSet)
    assert (own.department_id, own.id, own.name) == ("sales", "department", "Sales")
    assert own.calendar == Calendar("year", "UTC", 6, 4)


def test_a_policy_has_one_rule_on_each_line_below_it() -> None:
    story = story_of(
        "policy draft by cfo => accepted version 1",
        '  block no mcc 7995,7994 merchant "Bad, Shop",Other for team:platform fraud',
        "  hours office 22:00-06:00 days mon-wed,sun zone Europe/Berlin review",
        "  limit lunch USD 15.00 each day zone Europe/Berlin per employee only group restaurant country DE",
        "  limit fast count 3 in 2 minutes requested",
        "  hold 3 days",
        "  hold grocery 1 day",
        "  registered cards only",
    )
    found = event_of(story.lines[0], "techcorp", Named())
    assert isinstance(found, PolicyDrafted)
    assert (found.activate, found.actor) == (False, "cfo")
    what = Match(mccs=("7995", "7994"), merchants=("Bad, Shop", "Other"))
    berlin = Calendar("day", "Europe/Berlin")
    only = Match(mcc_groups=("restaurant",), countries=("DE",))
    assert found.policy.rules == (
        Block(rule_id="no", what=what, scope=RuleScope("team", "platform"), fraud=True),
        ActiveHours(
            rule_id="office",
            start="22:00",
            end="06:00",
            days=(1, 2, 3, 7),
            time_zone="Europe/Berlin",
            action="review",
        ),
        SpendLimit(
            rule_id="lunch", window="calendar", amount=1_500, calendar=berlin, per="employee", only=only
        ),
        SpendLimit(rule_id="fast", window="rolling", seconds=120, count=3, counts="requested"),
    )
    assert found.policy.hold_days == 3
    assert found.policy.hold_days_by_group == {"airline": 30, "car_rental": 30, "hotel": 30, "grocery": 1}
    assert found.policy.registered_cards_only


def test_every_event_that_the_language_knows_can_be_written_to_the_log() -> None:
    lines = [
        line
        for story in read_stories([Path(__file__).parents[1] / "scenarios"])
        for line in story.lines
        if line.verb not in ("raw", "again", "reuse", "correct")
    ]
    verbs = {line.verb for line in lines if "." not in line.verb}  # else an event's own type
    assert verbs == VERBS.keys() - {"raw", "again", "reuse", "correct"}
    named = Named()
    types = set()
    for line in lines:
        if line.said.reusing is None:
            found = event_of(line, "techcorp", named)
            assert found is not None
            types.add(type(found))
            if "invalid_event" not in [cause.code for cause in line.expected.reasons]:
                assert decode_event(encode_event(found)) == found, line.text
    assert {kind.__name__ for kind in set(EVENT_TYPES) - types} == {"PostingReversed"}


def test_the_cap_belongs_to_the_treasury_wherever_it_stands() -> None:
    found = event("cap USD 10,000.00 for eng,sales each quarter", "budget eng USD 1.00 => accepted")
    assert isinstance(found, CapSet)
    assert (found.department_id, found.departments) == (TREASURY, ("eng", "sales"))
    again = event("again C1", "cap USD 10.00 for eng as C1 => accepted")
    assert again.department_id == TREASURY


def test_a_repeat_has_the_same_id_and_content_at_another_time() -> None:
    above = ("budget eng USD 1.00 => accepted", "request A1 USD 5.00 by bob => approved")
    first = event(above[1].partition(" =>")[0], above[0])
    again = event("again A1 +2 days", *above)
    assert (again.event_id, fingerprint(again)) == (first.event_id, fingerprint(first))
    assert again.occurred_at == first.occurred_at + timedelta(days=2)
    other = event("reuse A1 USD 6.00", *above)
    assert other.event_id == first.event_id
    assert isinstance(other, AuthorizationRequested) and other.amount == PositiveMoney(600, "USD")
    foreign = event("clear A1 USD 5.00 reusing A1", *above)
    assert (foreign.event_id, foreign.type) == (first.event_id, "clearing.presented")


def test_a_refund_is_known_by_its_own_id_or_its_events() -> None:
    by_id = event("refund-reverse R1 USD 1.00", "refund USD 2.00 id R1 => accepted")
    assert isinstance(by_id, RefundReversed) and by_id.refund_id == "R1"
    by_event = event("refund-reverse R1", "refund USD 2.00 as R1 => accepted")
    assert isinstance(by_event, RefundReversed) and by_event.refund_id == "line-2"


def test_a_timeout_may_be_of_one_request_above_or_below() -> None:
    named = Named()
    story = story_of(
        "reverse A1 timeout of late => accepted",
        "request A1 USD 5.00 as late => declined deadline_missed",
        "reverse A1 timeout of late => accepted",
        "reverse A1 timeout => accepted",
    )
    before, request, after, any_one = [event_of(line, "techcorp", named) for line in story.lines]
    assert isinstance(before, AuthorizationReversed) and isinstance(after, AuthorizationReversed)
    assert request is not None and isinstance(any_one, AuthorizationReversed)
    assert (before.request_id, after.request_id, any_one.request_id) == (request.event_id,) * 2 + (None,)


def test_a_line_that_tells_no_time_is_a_minute_after_the_latest_that_took_effect() -> None:
    story = story_of(
        "starts 2026-10-01T12:00:00Z",
        "budget eng USD 1.00 => accepted",
        "tick on 2026-10-05T12:00:00Z => accepted",
        "tick on 2026-10-09T12:00:00Z => rejected too_old",
        "tick -2 days => accepted",
        "tick => accepted",
        "tick +1 day 2 hours recorded -1 hour => accepted",
    )
    times = [line.occurred_at.strftime("%d %H:%M") for line in story.lines]
    assert times == ["01 12:00", "05 12:00", "09 12:00", "03 12:00", "05 12:01", "06 14:01"]
    assert story.lines[-1].recorded_at == datetime(2026, 10, 6, 13, 1, tzinfo=UTC)


def test_a_line_is_about_the_first_department_unless_it_says_otherwise() -> None:
    story = story_of(
        "tick => rejected unknown_department",
        "budget ops USD 1.00 => accepted",
        "budget sales USD 1.00 => accepted",
        "in sales: tick => accepted",
        "tick => accepted",
        "in sales: ledger card-spend USD 0.00",
        "payment A1 approved held 1.00",
    )
    assert [line.department for line in story.lines] == ["ops", "ops", "sales", "sales", "ops"]
    assert (story.ledger[0].department, story.payments[0].department) == ("sales", "ops")
    assert story.payments[0].totals == {"held": Decimal("1.00")}


def test_records_that_are_no_events_go_to_the_log_as_they_are() -> None:
    story = story_of(
        'raw {"type": "x", "a": " => "} => rejected unknown_type',
        "raw nothing => rejected tombstone",
        "tick key other/one => rejected key_mismatch",
        "tick no-key => rejected missing_key",
        "tick wrong partition => rejected wrong_partition",
    )
    records = [
        sent(line, event_of(line, "techcorp", Named()), "techcorp", partitions=8) for line in story.lines
    ]
    assert records[0].value == b'{"type": "x", "a": " => "}'
    assert records[1].value is None
    assert [record.key for record in records[2:4]] == [b"other/one", None]
    assert records[4].partition == (records[3].partition + 1) % 8


# -- what cannot be understood


@pytest.mark.parametrize(
    ("lines", "column", "words"),
    [
        (
            ("clear A1 USD 1.00 as A1 => accepted", "reverse A1 timeout of A1 => accepted"),
            1,
            "no line of this story is a request named 'A1'",
        ),
        (
            ("request A1 USD 1.00 => approved", "reverse A1 of A1 => accepted"),
            1,
            "only a timeout is of one request",
        ),
        (
            ("requst A1 USD 1.00 => approved",),
            1,
            "'requst' is not expected here; expected an event (did you mean",
        ),
        (("request",), 8, "the line ends; expected '=>'"),
        (("request => approved",), 9, "expected a payment, such as A1"),
        (("request A1 => approved",), 12, "expected an amount, such as USD 120.00"),
        (("request A1 USD => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD 1.005 => approved",), 16, "USD has 2 digits after the point"),
        (("request A1 USD 3.000 => approved",), 16, "USD has 2 digits after the point"),
        (("request A1 JPY 1,000.00 => approved",), 16, "JPY has 0 digits after the point"),
        (("request A1 KWD 1.0000 => approved",), 16, "KWD has 3 digits after the point"),
        (("request A1 USD 1,00.00 => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD 1.234,50 => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD ５０.00 => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD ٥٠ => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD 1_000 => approved",), 16, "expected an amount, such as 120.00"),
        (("request A1 USD 1.00 +٣ days => approved",), 21, "expected an option of 'request' or '=>'"),
        (("request A1 USD 1.00 +3 days ２ hours => approved",), 29, "expected an option of 'request'"),
        (("activate ２ => accepted",), 10, "expected a version's number"),
        (("request A1 USD 1.00 => declined ６１",), 33, "is not expected here"),
        (("request A1 USD 1.00 provisional => approved",), 21, "expected an option of 'request' or '=>'"),
        (("request A1 USD 1.00 entry chipp => approved",), 27, "did you mean 'chip'?"),
        (("request A1 USD 1.00 on 2026-11-10T09:00:00 => approved",), 24, "tells no offset"),
        (("request A1 USD 1.00 +3 moons => approved",), 24, "expected a unit of time"),
        (('request A1 USD 1.00 at "Dell => approved',), 24, "this quote is not closed"),
        (("request A1 USD 1.00 => aproved",), 24, "did you mean 'approved'?"),
        (("request A1 USD 1.00 => approved availble 1.00",), 33, "did you mean 'available'?"),
        (("request A1 USD 1.00 => declined budget_exceded",), 33, "did you mean 'budget_exceeded'?"),
        (("request A1 USD 1.00 => approved available",), 42, "expected an amount, or a budget"),
        (("again A1 => approved",), 1, "no line above is named 'A1'"),
        (("tick as T1 => accepted", "tick as T1 => accepted"), 1, "a line above is named 'T1' already"),
        (("budget squad:x USD 1.00 => accepted",), 8, "card, department, employee or team"),
        (("activate one => accepted",), 10, "expected a version's number"),
        (("tick => accepted", "  block a mcc 1"), 3, "belongs below a `policy` line"),
        (("policy => accepted", "  blok a mcc 1"), 3, "expected a rule (did you mean 'block'?)"),
        (("policy => accepted", "  limit a USD 5.00 mcc 5812"), 20, "expected an amount, a count, a window"),
        (("policy => accepted", "  limit a USD 5.00 for squad:x"), 24, "expected a scope"),
        (("policy => accepted", "  hours a nine-to-five days funday"), 29, "expected weekdays"),
        (("tick => accepted", "core only"), 1, "belongs above the first event"),
        (("tick => accepted", "ledger cash USD 1.00"), 8, "expected an account: card-payable"),
        (("tick => accepted", "payment A1 gone"), 12, "expected a payment's status"),
        (("tick => accepted", "ledger card-spend USD 1.00", "tick => accepted"), 1, "these end a story"),
        (("in sales tick => accepted",), 4, "expected a department and a colon"),
    ],
)
def test_an_error_names_its_place_and_what_was_expected(
    lines: tuple[str, ...], column: int, words: str
) -> None:
    with pytest.raises(StoryError) as caught:
        parse("\n".join(("# a comment", "story: one", *lines)), "file.txt")
    place, _, said = str(caught.value).partition(" ")
    assert place == f"file.txt:{len(lines) + 2}:{column}:"
    assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "request A1 USD 1.00 => approved",
            "file.txt:1:1: 'request A1 USD 1.00 => approved' is no beginning",
        ),
        ("story: one", "file.txt:1:1: story 'one' has no events"),
        ("\n\nstory:\ntick => accepted", "file.txt:3:1: 'story:' is no beginning"),
    ],
)
def test_a_story_begins_with_its_name_and_has_events(text: str, words: str) -> None:
    with pytest.raises(StoryError) as caught:
        parse(text, "file.txt")
    assert words in str(caught.value)


def test_a_folder_or_file_without_stories_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"no \*\.txt in this folder"):
        read_stories([tmp_path])
    (tmp_path / "a.txt").write_text("# nothing\n")
    with pytest.raises(StoryError, match="no story in it"):
        read_stories([tmp_path])
    with pytest.raises(StoryError, match="No such file"):
        read_stories([tmp_path / "b.txt"])


# -- what differs


@pytest.mark.parametrize(
    ("line", "different"),
    [
        ("request A1 USD 60.00 => declined budget_exceeded", "the outcome is approved; its reasons are none"),
        ("request A1 USD 160.00 => declined code 65 budget_exceeded", "the response code is 61"),
        ("request A1 USD 160.00 => declined", "its reasons are budget_exceeded by department"),
        ("request A1 USD 160.00 => declined budget_exceeded by card:x", "its reasons are budget_exceeded by"),
        ("request A1 USD 160.00 => declined budget_exceeded would pass 99.00", "would pass: 100.00"),
        ("request A1 USD 160.00 => declined budget_exceeded no hint", "it says that 100.00 would pass"),
        ("request A1 USD 160.00 => declined budget_exceeded later hold A0", "would pass later: it does not"),
        ('request A1 USD 160.00 => declined budget_exceeded says "No."', "it says Department 'Eng' budget"),
        ('request A1 USD 160.00 => declined budget_exceeded mentions "no"', "'no' is not mentioned in"),
        ("request A1 USD 60.00 => approved available 40.01", "available of department@2026-11 is 40.00"),
        ("request A1 USD 60.00 => approved held team:x 1.00", "no balance of team:x, but of department@"),
        ("request A1 USD 60.00 => approved 50.00", "60.00 is approved"),
        ("request A1 USD 160.00 partial => partially_approved 99.99 budget_exceeded", "100.00 is approved"),
        ("request A1 USD 60.00 => approved holds until 2026-11-18T09:01:00Z", "it holds until 2026-11-17T09"),
        ("request A1 USD 60.00 => approved expires A0", "the holds that lapse are none"),
        ("request A1 USD 60.00 => approved duplicate", "it is no repeat"),
        ("request A1 USD 60.00 => approved fx loss 1.00", "the FX difference is none"),
        ("clear A1 USD 60.00 => accepted", "its alerts are no_authorization"),
        ("clear A1 USD 60.00 => accepted no_authorization releases 1.00", "it releases 0.00 by nothing"),
        ("inquire card-1 => accepted may spend 99.00", "the card may spend 100.00"),
        ("policy => accepted version 2", "the policy's version is 1"),
        (
            'request-increase Q1 USD 1.00 until +1 day by ann because "a" => accepted because "b"',
            "the reason that is kept is 'a'",
        ),
        ('tick => accepted because "b"', "it keeps no reason"),
    ],
)
def test_what_differs_is_told(line: str, different: str) -> None:
    run = CoreRun()
    story = story_of("budget eng USD 100.00 => accepted", line)
    found = [run.play(line)[1] for line in story.lines]
    assert found[0] == []
    assert different in "; ".join(found[1])


def test_what_differs_in_the_books_is_told() -> None:
    run = CoreRun()
    story = story_of(
        "budget eng USD 100.00 => accepted",
        "clear A1 USD 60.00 => accepted no_authorization",
        "ledger card-spend USD 60.00",
        "ledger card-payable USD 60.00",
        "payment A1 cleared posted 60.00",
        "payment A1 approved held 1.00 posted 60.00",
        "payment A9 approved",
    )
    for line in story.lines:
        assert run.play(line)[1] == []
    assert list(run.books(story).values()) == [
        [],
        ["organization:techcorp:card-payable stands at USD -60.00"],
        [],
        ["its status is cleared", "held is 0.00"],
        ["payment A9 is not in the books"],
    ]
