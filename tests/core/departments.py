"""Random departments with few names and small amounts: rules meet, and counters stand at their limits."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from schemas.controls import (
    LEVELS,
    ActiveHours,
    Allow,
    Block,
    Calendar,
    Card,
    Level,
    Match,
    Policy,
    Rules,
    RuleScope,
    ScoreLimit,
    SpendLimit,
)
from schemas.event import EntryMode, Merchant
from streams.core.matching import Purchase
from streams.core.plans import Plan
from streams.core.rules import Ask, Kind, findings
from streams.core.score_levels import ScoreLevels
from streams.core.state import COMPANY, Budget, CardState, Department, Period
from streams.core.windows import add

# The last hours of a day, a month and a quarter, and the first of the next; a Saturday and a Sunday, too.
MOMENTS = [1_759_276_800 + hour * 3_600 for hour in (-30, -2, -1, 0, 1, 7, 80, 95)]
AMOUNTS = st.integers(1, 30)
LIMITS = st.integers(0, 60) | st.just(200)
PLENTY = st.just(10**9)
CARDS, HOLDERS, TEAMS = ("card-1", "card-2", "card-3"), (None, "ann", "bob"), ("core", "edge")
SUBJECTS = {"team": TEAMS, "card": CARDS, "employee": ("ann", "bob")}
MERCHANTS = (
    Merchant("Stationer", "5943", "US", "m-1"),
    Merchant("Casino Royal", "7995", "DE"),
    Merchant("  STATIONER ", "5943", "DE"),
    Merchant("Nobody"),
)
ZONES = ("UTC", "America/New_York", "Asia/Kolkata")
MODES: st.SearchStrategy[EntryMode | None] = st.sampled_from((None, "chip", "manual"))
SCORES = st.sampled_from((1, 199_999, 200_000, 200_001, 1_000_000))
KINDS = (
    "block",
    "allow",
    "hours",
    "score",
    "transaction",
    "rolling",
    "rolling",
    "calendar",
    "calendar amount",
    "calendar amount",
)
ACTIONS = st.sampled_from(("decline", "decline", "review", "shadow"))

calendars = st.builds(
    Calendar,
    period=st.sampled_from(("day", "week", "month", "quarter", "year", "lifetime")),
    time_zone=st.sampled_from(ZONES),
)
matches = st.sampled_from(
    [
        Match(mccs=("5943",)),
        Match(mcc_groups=("gambling",)),
        Match(merchants=("stationer",)),
        Match(merchants_containing=("casino",)),
        Match(countries=("DE",), entry_modes=("chip",)),
        Match(entry_modes=("manual",)),
    ]
)
scopes = (
    st.none()
    | st.none()
    | st.sampled_from(
        [RuleScope(level, subject) for level, names in SUBJECTS.items() for subject in names]  # type: ignore[arg-type]
    )
)


@st.composite
def rules(draw: st.DrawFn, rule_id: str) -> Rules:
    """Any kind of rule, as a policy may have it."""
    common: dict[str, object] = {
        "rule_id": rule_id,
        "scope": draw(scopes),
        "action": draw(ACTIONS),
        "fraud": draw(st.sampled_from((False, False, False, True))),
    }
    kind = draw(st.sampled_from(KINDS))
    if kind == "block":
        return Block(what=draw(matches), **common)  # type: ignore[arg-type]
    if kind == "allow":
        return Allow(what=draw(matches), **common)  # type: ignore[arg-type]
    if kind == "hours":
        zone = draw(st.sampled_from(ZONES))
        start, end = draw(st.sampled_from((("06:00", "22:00"), ("20:00", "04:30"), ("00:00", "23:59"))))
        return ActiveHours(start=start, end=end, days=(1, 2, 3, 4, 5), time_zone=zone, **common)  # type: ignore[arg-type]
    if kind == "score":
        return ScoreLimit(least=draw(SCORES), a_day=draw(st.none() | st.sampled_from((1, 3))), **common)  # type: ignore[arg-type]
    only = draw(st.none() | st.none() | matches)
    common |= {"per": draw(st.sampled_from(LEVELS)), "only": only, "window": kind.partition(" ")[0]}
    if kind == "calendar amount":
        common |= {"amount": draw(LIMITS), "action": "decline"}
    elif draw(st.booleans()):
        common["amount"] = draw(LIMITS)
    else:
        common["count"] = 0 if kind == "transaction" else draw(st.integers(0, 3))
        common["counts"] = draw(st.sampled_from(("approved", "requested")))
    if kind == "rolling":
        common["seconds"] = draw(st.sampled_from((60, 3_600, 86_400)))
    if kind.startswith("calendar"):
        common["calendar"] = draw(calendars)
    return SpendLimit(**common)  # type: ignore[arg-type]


@st.composite
def budgets(draw: st.DrawFn, limits: st.SearchStrategy[int]) -> dict[str, Budget]:
    """The department's own, and up to four of any level. Amounts of increases are whole, their spans few."""
    places: list[tuple[Level, str | None, str]] = [("department", None, "department")]
    for n in range(draw(st.integers(0, 4))):
        level = draw(st.sampled_from(LEVELS))
        subject = None if level == "department" else draw(st.sampled_from(SUBJECTS[level]))
        places.append((level, subject, f"budget-{n}"))
    spans = st.lists(st.tuples(*(st.sampled_from(MOMENTS),) * 2, st.integers(1, 9)), max_size=2)
    return {
        id_: Budget(
            level,
            subject,
            id_.title(),
            draw(limits),
            draw(st.sampled_from((0, 0, 5))),
            draw(calendars),
            draw(spans),
        )
        for level, subject, id_ in places
    }


@st.composite
def registered(draw: st.DrawFn, *, plain: bool) -> dict[str, CardState]:
    """None, some or all of the cards; unless they are plain, half with something about themselves."""
    found = {}
    for card_id in CARDS:
        if draw(st.booleans()):
            continue
        employee, team = draw(st.sampled_from(HOLDERS)), draw(st.none() | st.sampled_from(TEAMS))
        card = Card(card_id=card_id, employee=employee, team=team)
        if not plain and draw(st.booleans()):
            card = Card(
                card_id=card_id,
                employee=employee,
                team=team,
                expires_on=draw(st.none() | st.sampled_from((date(2025, 9, 30), date(2025, 10, 1)))),
                single_use=draw(st.booleans()),
                locked_to=draw(st.none() | st.just("stationer")),
                lock_to_first=draw(st.booleans()),
                status=draw(st.sampled_from(("active", "frozen", "canceled"))),
            )
        found[card_id] = CardState(card, draw(st.booleans()), draw(st.none() | st.just("m-1")))
    return found


@st.composite
def score_levels(draw: st.DrawFn) -> ScoreLevels:
    """Of some days before one of the moments, or after it; of some rules' alerts one is spent, or all are."""
    day = draw(st.sampled_from(MOMENTS)) // 86_400 - draw(st.integers(-1, 2))
    counts = st.dictionaries(st.sampled_from((0, 136, 137, 303)), st.integers(1, 2_000), max_size=3)
    alerts = st.dictionaries(st.sampled_from(("r0", "r1", "r2")), st.sampled_from((1, 3)), max_size=3)
    return ScoreLevels(day, draw(counts), draw(st.sampled_from((0, 256, 700))), draw(counts), draw(alerts))


@st.composite
def departments(draw: st.DrawFn) -> Department:
    """With periods and counters at, below and above the limits.

    Half of them have one narrow place only: else one rule's word would mostly hide another's.
    """
    narrow = draw(st.sampled_from((*["all"] * 6, "rules", "rules", "rules", "budgets", "lease", "cards")))
    count = {"all": 8, "rules": 1}.get(narrow, 0)
    policy = Policy(
        rules=tuple(draw(rules(f"r{n}")) for n in range(draw(st.integers(count // 2, count)))),
        registered_cards_only=narrow in ("all", "cards") and draw(st.booleans()) and draw(st.booleans()),
    )
    limited = draw(budgets(LIMITS if narrow in ("all", "budgets") else PLENTY))
    department = Department(
        "org",
        "eng",
        "USD",
        latest_bucket=0,
        clock_s=MOMENTS[0],
        policy=policy,
        cap=draw(st.none() | calendars) if narrow in ("all", "lease") else None,
        registered=draw(registered(plain=narrow not in ("all", "cards"))),
    )
    for id_, budget in limited.items():
        department.put_budget(id_, budget)
    _use(draw, department)
    if any(isinstance(rule, ScoreLimit) and rule.a_day is not None for rule in policy.rules):
        department.scores = draw(st.none() | score_levels())
    return department


def _use(draw: st.DrawFn, department: Department) -> None:
    """Something is posted and held in the periods that cards would charge, and counted in their windows."""
    plan = Plan(department)
    for card_id in CARDS:
        card = plan.card(card_id, draw(st.sampled_from(HOLDERS)))
        at_s = draw(st.sampled_from(MOMENTS))
        for _, allowance, id_, label in card.charges(at_s).parts:
            if draw(st.booleans()):
                posted = draw(st.integers(-10, 30))
                limit = draw(LIMITS) if id_ == COMPANY or allowance is None else allowance.initial
                department.periods[f"{id_}@{label}"] = Period(limit, 0, posted, draw(st.integers(0, 15)))
        for window, key in zip(card.rule_set.windows, card.counter_keys, strict=True):
            counter = department.counters.setdefault(key, [])
            value = draw(st.integers(0, 4)) if window.amount is None else draw(st.integers(0, 60))
            if value:
                add(counter, window.slot(at_s), window.slots_before, value)
            if not counter:
                del department.counters[key]


@st.composite
def asks(draw: st.DrawFn, plan: Plan) -> Ask:
    """A request; or an increment, perhaps without its merchant, on a payment that charges other periods."""
    card = plan.card(draw(st.sampled_from(CARDS)), draw(st.sampled_from(HOLDERS)))
    at_s = draw(st.sampled_from(MOMENTS))
    kind = draw(st.sampled_from((Kind.REQUEST, Kind.REQUEST, Kind.INCREMENT)))
    merchants = MERCHANTS if kind is Kind.REQUEST else (None, *MERCHANTS)
    likely = draw(st.just(-1) | SCORES) if kind is Kind.REQUEST else -1
    purchase = Purchase(at_s, draw(st.sampled_from(merchants)), draw(MODES), likely)
    if kind is Kind.REQUEST:
        return _near_a_limit(draw, plan, Ask(card, purchase, 0, card.charges_for(purchase)))
    before = card.charges(draw(st.sampled_from(MOMENTS)))
    gone = plan.charges((*before.keys, "gone@2025-09", "rule:gone:card-1@2025-09"))
    held, posted = draw(AMOUNTS), draw(st.integers(0, 20))
    charges = draw(st.sampled_from((before, gone)))
    return _near_a_limit(draw, plan, Ask(card, purchase, 0, charges, held + posted, kind, posted))


def _near_a_limit(draw: st.DrawFn, plan: Plan, ask: Ask) -> Ask:
    """With an amount that just fits where least is left, or just does not; or any."""
    found = findings(plan.department, ask._replace(amount=10**12))
    least = min((finding.room for finding in found if finding.room is not None), default=0)
    amount = draw(st.sampled_from((least, least, least + 1, least + 40)) | AMOUNTS)
    return ask._replace(amount=max(1, amount))
