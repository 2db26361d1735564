-- What is in force in a page of an organization's departments, and which drafts wait there: kept ones (the last
-- 10), newer than what is in force, that never were. A policy's text is told once, by its `content`: most
-- departments of a company have the same. `counts` is of all departments; `defaults` are the contents that
-- any of them was opened with.
WITH department AS MATERIALIZED (
    SELECT own.organization_id, own.department_id, own.name, own.partition, now.version, now.activated_seq,
        now.activated_at, now.policy::text AS policy, md5(now.policy::text) AS content
    FROM budget AS own
    JOIN policy_version AS now
        ON now.organization_id = own.organization_id
        AND now.department_id = own.department_id
        AND now.active
    WHERE own.organization_id = %(organization_id)s AND own.budget_id = 'department'
),
page AS (
    SELECT *
    FROM department
    WHERE %(after)s::text IS NULL OR department_id COLLATE "C" > %(after)s
    ORDER BY department_id COLLATE "C"
    LIMIT %(rows_max)s
),
draft AS MATERIALIZED (
    SELECT page.department_id, one.version, one.partition, one.drafted_seq, one.drafted_at,
        one.policy::text AS policy, md5(one.policy::text) AS content
    FROM page
    JOIN policy_version AS one
        ON one.organization_id = page.organization_id
        AND one.department_id = page.department_id
        AND one.activated_seq IS NULL
        AND one.drafted_seq IS NOT NULL
        AND one.version > page.version
    WHERE one.version > (
        SELECT max(latest.version) - %(drafts_max)s
        FROM policy_version AS latest
        WHERE latest.organization_id = page.organization_id AND latest.department_id = page.department_id
    )
)
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_object_agg(content, departments), '{}')
        FROM (SELECT content, count(*) AS departments FROM department GROUP BY content) AS found
    ) AS counts,
    (
        SELECT coalesce(json_agg(DISTINCT md5(policy::text)), '[]')
        FROM policy_version
        WHERE organization_id = %(organization_id)s AND version = 0
    ) AS defaults,
    (
        SELECT coalesce(json_agg(found ORDER BY found.department_id COLLATE "C"), '[]')
        FROM (
            SELECT department_id, name, partition, version, activated_seq, activated_at, content FROM page
        ) AS found
    ) AS departments,
    (
        SELECT coalesce(json_agg(found ORDER BY found.version DESC), '[]')
        FROM (SELECT department_id, version, partition, drafted_seq, drafted_at, content FROM draft) AS found
    ) AS drafts,
    (
        SELECT coalesce(json_object_agg(found.content, found.policy), '{}')
        FROM (
            SELECT content, policy FROM department
            UNION
            SELECT content, policy FROM draft
        ) AS found
    ) AS policies
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
