-- Cards that are registered to an employee.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    coalesce(array_agg(card_id), '{}') AS cards,
    coalesce(array_agg(department_id), '{}') AS departments
FROM card
WHERE organization_id = %(organization_id)s AND employee = %(employee)s
