-- What names can mean in questions about an organization: its departments, teams, people, merchants, cards, as far as
-- the one who asks may see them. `departments`: those within reach, null for all; `own`: as cards name him, null for
-- whoever sees more than his own.
WITH RECURSIVE holder AS (
    -- Each name once, by the index: there are millions of purchases, and thousands who made them.
    (
        SELECT cardholder
        FROM card_authorization
        WHERE organization_id = %(organization_id)s AND cardholder > ''
        ORDER BY cardholder
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT a.cardholder
        FROM card_authorization AS a
        WHERE a.organization_id = %(organization_id)s AND a.cardholder > holder.cardholder
        ORDER BY a.cardholder
        LIMIT 1
    )
    FROM holder
    WHERE holder.cardholder IS NOT NULL
), seen_card AS MATERIALIZED (
    SELECT card_id, department_id, employee, team, body ->> 'last_four' AS last_four
    FROM card
    WHERE organization_id = %(organization_id)s
        AND (%(departments)s::text[] IS NULL OR department_id = ANY(%(departments)s))
        AND (%(own)s::text[] IS NULL OR employee = ANY(%(own)s))
    ORDER BY card_id
    LIMIT %(rows_max)s
), seen_person AS (
    SELECT employee FROM seen_card WHERE employee > ''
    UNION
    SELECT cardholder
    FROM holder
    WHERE cardholder IS NOT NULL
        AND %(own)s::text[] IS NULL
        AND (%(departments)s::text[] IS NULL OR EXISTS (
            SELECT FROM card_authorization AS a
            WHERE a.organization_id = %(organization_id)s AND a.cardholder = holder.cardholder
                AND a.department_id = ANY(%(departments)s)
        ))
    UNION
    SELECT unnest(%(own)s::text[])
), own_department AS (
    SELECT department_id, name, currency, time_zone, start_month, start_day, calendar
    FROM budget
    WHERE organization_id = %(organization_id)s AND budget_id = 'department' AND NOT removed
)
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    (
        SELECT coalesce(json_agg(json_build_object('department_id', department_id, 'name', name)
            ORDER BY department_id), '[]')
        FROM own_department
        WHERE (%(departments)s::text[] IS NULL OR department_id = ANY(%(departments)s))
            AND (%(own)s::text[] IS NULL OR department_id IN (SELECT department_id FROM seen_card))
    ) AS departments,
    (
        SELECT coalesce(json_agg(json_build_object('team', team, 'name', name) ORDER BY team, name), '[]')
        FROM (
            SELECT team, team AS name FROM seen_card WHERE team IS NOT NULL
            UNION
            SELECT subject, name
            FROM budget
            WHERE organization_id = %(organization_id)s AND level = 'team' AND NOT removed AND %(own)s::text[] IS NULL
                AND (%(departments)s::text[] IS NULL OR department_id = ANY(%(departments)s))
        ) AS found
    ) AS teams,
    (
        SELECT coalesce(json_agg(json_build_object('employee', employee, 'email', email, 'name', name)
            ORDER BY employee), '[]')
        FROM seen_person
        LEFT JOIN (
            SELECT m.employee_id, p.email, p.name
            FROM membership AS m
            JOIN person AS p USING (person_id)
            WHERE m.organization_id = %(organization_id)s
        ) AS member ON member.employee_id = seen_person.employee
    ) AS people,
    (
        SELECT coalesce(json_agg(json_build_object('merchant_key', merchant_key, 'name', name)
            ORDER BY merchant_key), '[]')
        FROM (
            SELECT merchant_key, name
            FROM merchant AS m
            WHERE organization_id = %(organization_id)s
                AND (%(departments)s::text[] IS NULL OR EXISTS (
                    SELECT FROM card_authorization AS a
                    WHERE a.organization_id = %(organization_id)s AND a.merchant_key = m.merchant_key
                        AND a.department_id = ANY(%(departments)s)
                ))
                AND (%(own)s::text[] IS NULL OR EXISTS (
                    SELECT FROM card_authorization AS a
                    LEFT JOIN card AS c
                        ON c.organization_id = a.organization_id AND c.department_id = a.department_id
                        AND c.card_id = a.card_id
                    WHERE a.organization_id = %(organization_id)s AND a.merchant_key = m.merchant_key
                        AND coalesce(c.employee, a.cardholder) = ANY(%(own)s)
                ))
            LIMIT %(rows_max)s
        ) AS found
    ) AS merchants,
    (
        SELECT coalesce(json_agg(json_build_object('card_id', card_id, 'last_four', last_four)
            ORDER BY card_id), '[]')
        FROM seen_card
    ) AS cards,
    (SELECT coalesce(array_agg(DISTINCT currency ORDER BY currency), '{}') FROM own_department) AS currencies,
    organization_calendar(%(organization_id)s) AS calendar
FROM (SELECT 1) AS always
