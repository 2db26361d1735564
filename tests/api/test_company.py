"""Departments, teams and employees: as the log knows them."""

from __future__ import annotations

from tests.api.books import Organization, usd


def test_departments_teams_and_employees_are_listed(company: Organization) -> None:
    company.start()
    company.done("budget.set", department_id="sales", name="Sales", limit={"minor": 5, "currency": "EUR"})
    for number, (employee, team) in enumerate([("Ada", "platform"), ("Bob", "platform"), ("Ada", None)]):
        card = {"card_id": f"c{number}", "employee": employee, "team": team}
        company.done("card.set", card={name: value for name, value in card.items() if value})
    company.done("card.set", department_id="sales", card={"card_id": "c9", "employee": "Ada"})
    company.read("/v1/departments", company.done("clock.ticked", department_id="sales")["position"])
    last = company.done("budget.set", name="Ops", level="team", subject="ops", limit=usd(100))["position"]
    first = company.read("/v1/departments", last, limit=1)
    assert [(one["department_id"], one["currency"], one["cards"]) for one in first["departments"]] == [
        ("engineering", "USD", 3)
    ]
    rest = company.read("/v1/departments", limit=1, after=first["next"])
    assert ([one["department_id"] for one in rest["departments"]], rest["next"]) == (["sales"], None)
    assert company.read("/v1/departments/sales") == rest["departments"][0]
    assert company.client.get("/v1/departments/none").json()["code"] == "unknown_department"
    teams = company.read("/v1/teams")["teams"]
    assert [(one["team"], one["cards"]) for one in teams] == [("ops", 0), ("platform", 2)]
    employees = company.read("/v1/employees")["employees"]
    assert [(one["employee"], one["cards"], one["departments"]) for one in employees] == [
        ("Ada", 3, ["engineering", "sales"]),
        ("Bob", 1, ["engineering"]),
    ]
    assert [one["employee"] for one in company.read("/v1/employees", department_id="sales")["employees"]] == [
        "Ada"
    ]
    assert company.read("/v1/employees", department_id="a/b")["employees"] == []
