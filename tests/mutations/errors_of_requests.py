"""Small errors of who may ask, approve, refuse and stand in for whom, and until when."""

from __future__ import annotations

from typing import Final

from tests.mutations.wrong import Wrong

_APPROVALS, _DELEGATIONS, _APPLY = "approvals.py", "delegations.py", "apply/requests.py"

REQUESTS: Final[dict[str, Wrong]] = {
    # -- levels by amount
    "no level is for less": Wrong(_APPROVALS, "if amount >= level.above)", "if amount > level.above)"),
    "a level is for a cent less": Wrong(
        _APPROVALS, "if amount >= level.above)", "if amount >= level.above - 1)"
    ),
    "a card needs the levels of nothing": Wrong(
        _APPROVALS, "levels = _begin(case, event, limit)", "levels = _begin(case, event, 1)"
    ),
    "a budget needs the levels of its tolerance": Wrong(
        _APPROVALS, "_begin(case, event, budget.limit)", "_begin(case, event, budget.tolerance)"
    ),
    "the last level but one sets it": Wrong(
        _APPROVALS, "if left else _granted(case", "if left > 1 else _granted(case"
    ),
    # -- four eyes
    "who asked may approve": Wrong(_APPROVALS, "if actor == asked.asked_by:", "if actor == '':"),
    "one may approve two levels": Wrong(_APPROVALS, "if actor in asked.approved_by:", "if actor == '':"),
    "who asks may be needed for a level": Wrong(
        _APPROVALS,
        "short = shortage(levels[first:], (*others, person))",
        "short = shortage(levels[first:], (*others, person)) if first else None",
    ),
    "nobody is needed for a later level": Wrong(
        _APPROVALS,
        "if shortage(asked.levels[first:], (*others, actor, approver)) is None:",
        "if approver:",
    ),
    "the level that is reached counts as one to come": Wrong(
        _APPROVALS,
        "if shortage(asked.levels[first:], (*others, actor, approver)) is None:",
        "if shortage(asked.levels[first - 1 :], (*others, actor, approver)) is None:",
    ),
    "anybody may answer at a level that names people": Wrong(
        _APPROVALS, "if not level or actor in level else []", "if actor else []"
    ),
    # -- on behalf of somebody who is away
    "one may approve after his delegate": Wrong(_APPROVALS, "if person == actor:", "if person == '':"),
    "who asked is stood in for": Wrong(
        _APPROVALS, "busy = (actor, asked.asked_by, *asked.acted)", "busy = (actor, *asked.acted)"
    ),
    "somebody is stood in for at two levels": Wrong(
        _APPROVALS, "busy = (actor, asked.asked_by, *asked.acted)", "busy = (actor, asked.asked_by)"
    ),
    "another's approval comes before his own": Wrong(
        _APPROVALS,
        "in (found := _approvers(case, asked, actor)):",
        "in reversed(found := _approvers(case, asked, actor)):",
    ),
    "a refusal is of the last whom he stands in for": Wrong(
        _APPROVALS, "_approvers(case, asked, actor)[0]", "_approvers(case, asked, actor)[-1]"
    ),
    "an approval is never said to be for another": Wrong(
        _APPROVALS,
        "left=left,\n        on_behalf_of=None if approver == actor else approver,",
        "left=left,\n        on_behalf_of=None,",
    ),
    "a refusal is never said to be for another": Wrong(
        _APPROVALS,
        "reason=event.reason,\n        on_behalf_of=None if approver == actor else approver,",
        "reason=event.reason,\n        on_behalf_of=None,",
    ),
    "who was stood in for is forgotten": Wrong(
        _APPLY, "if effect.on_behalf_of is not None:", "if effect.on_behalf_of == '':"
    ),
    "a delegate answers in the second when it is over": Wrong(
        _DELEGATIONS,
        "known.starts_s <= clock_s < known.until_s",
        "known.starts_s <= clock_s <= known.until_s",
    ),
    "a delegate answers a second late at first": Wrong(
        _DELEGATIONS, "known.starts_s <= clock_s < known.until_s", "known.starts_s < clock_s < known.until_s"
    ),
    "one may make himself a delegate": Wrong(
        _DELEGATIONS, "elif actor == event.delegate:", "elif not actor:"
    ),
    "one may stand in for himself": Wrong(
        _DELEGATIONS, "if event.delegate == event.absent:", "if not event.delegate:"
    ),
    "an absence may last a day longer": Wrong(
        _DELEGATIONS, "> DELEGATION_DAYS_MAX * DAY_S", "> (DELEGATION_DAYS_MAX + 1) * DAY_S"
    ),
    "an absence may last a second less": Wrong(
        _DELEGATIONS, "> DELEGATION_DAYS_MAX * DAY_S", ">= DELEGATION_DAYS_MAX * DAY_S"
    ),
    "an absence may be over when it is told": Wrong(
        _DELEGATIONS, "elif until_s <= case.clock_s:", "elif until_s < case.clock_s:"
    ),
    "what is over may be taken back": Wrong(
        _DELEGATIONS, "if known is None or known.until_s <= case.clock_s:", "if known is None:"
    ),
    "a second delegate is none": Wrong(
        _APPLY,
        "department.delegations[effect.absent] = Delegation(\n"
        "        effect.delegate, epoch_s(effect.starts_at), epoch_s(effect.until)\n    )",
        "department.delegations.setdefault(effect.absent, Delegation(\n"
        "        effect.delegate, epoch_s(effect.starts_at), epoch_s(effect.until)\n    ))",
    ),
    # -- in time
    "a request lapses a day late": Wrong(
        _APPROVALS, "policy.request_days * DAY_S", "policy.request_days * DAY_S + DAY_S"
    ),
    "a request lapses a day early": Wrong(
        _APPROVALS, "policy.request_days * DAY_S", "policy.request_days * DAY_S - DAY_S"
    ),
    "a request lapses a second late": Wrong(
        "state.py", "0 < self.lapses_s <= clock_s", "0 < self.lapses_s < clock_s"
    ),
    "what has lapsed may be answered until a tick": Wrong(
        _APPROVALS, "if asked.lapsed(case.clock_s):", "if asked.lapsed(0):"
    ),
    "what was answered lapses as well": Wrong(
        _APPROVALS,
        "if not request.closed and request.lapsed(",
        "if request.closed != 'lapsed' and request.lapsed(",
    ),
    "what lapses is in the order of its id": Wrong(_APPROVALS, "[(request.lapses_s, name)", "[(0, name)"),
    "what has lapsed may still be told to": Wrong(_APPLY, 'request.closed = "lapsed"', 'request.closed = ""'),
    # -- what comes of it
    "a card that is asked for may be there": Wrong(
        _APPROVALS, "card = new_card(case, event.card)", "card = event.card"
    ),
    "a card that came meanwhile is set anew": Wrong(
        _APPROVALS, "CardChanged(card=new_card(case, asked.card))", "CardChanged(card=asked.card)"
    ),
    "a budget that came meanwhile is not looked at": Wrong(
        _APPROVALS, "        check_budget(case.department, asked.budget)\n", ""
    ),
    "a card is answered as an increase": Wrong(
        _APPROVALS, 'if increase and asked.kind != "increase":', 'if increase and asked.kind == "":'
    ),
    "a card's budget is of another name": Wrong(
        _APPROVALS, "name=(card.employee or card.card_id)", "name=(card.card_id)"
    ),
    "what was refused may be approved": Wrong(_APPLY, 'request.closed = "refused"', 'request.closed = ""'),
}
