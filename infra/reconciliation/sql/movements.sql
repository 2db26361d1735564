-- What the organization settled with the card network around the days of a file: each decision by which its
-- `card-payable` moved. A temporary table; `taken`: a line has it; `cancelled`: it
-- was taken back, or takes back, and the processor tells neither.
CREATE TEMPORARY TABLE movement ON COMMIT DROP AS
WITH file AS (
    SELECT * FROM settlement_file
    WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
), moved AS (
    SELECT
        t.partition, t.seq, t.department_id, min(t.authorization_id) AS authorization_id,
        min(t.compensates_seq) AS compensates_seq, min(t.currency) AS currency,
        min(coalesce(t.occurred_at, t.recorded_at)) AS at,
        sum(CASE WHEN t.credit_account = payable.name THEN t.amount ELSE -t.amount END) AS net
    FROM file
    CROSS JOIN (SELECT 'organization:' || %(organization_id)s || ':card-payable' AS name) AS payable
    JOIN transfer t ON t.organization_id = file.organization_id
        AND payable.name IN (t.debit_account, t.credit_account)
        AND t.recorded_at >= file.since - %(around_days)s::integer
        AND coalesce(t.occurred_at, t.recorded_at) >= file.since - %(around_days)s::integer
        AND coalesce(t.occurred_at, t.recorded_at) < file.until + %(around_days)s::integer
    GROUP BY t.partition, t.seq, t.department_id
)
SELECT
    m.partition, m.seq, m.department_id, m.compensates_seq, m.at, d.event_id,
    m.authorization_id,
    CASE WHEN m.net < 0 THEN (
        SELECT effect ->> 'refund_id' FROM json_array_elements(d.record::json -> 'effects') AS effect
        WHERE effect ->> 'effect' = 'refunded'
    ) END AS refund_id,
    d.card_id, a.merchant_key, m.currency, abs(m.net)::bigint AS minor, m.net < 0 AS refund,
    (m.at AT TIME ZONE file.time_zone)::date AS day,
    (a.created_at AT TIME ZONE file.time_zone)::date AS bought,
    settles.n IS NOT NULL AS taken, false AS cancelled
FROM moved m
CROSS JOIN file
JOIN decision d ON d.partition = m.partition AND d.seq = m.seq
LEFT JOIN settlement_item AS settles -- at most one, as an index sees to
    ON settles.organization_id = %(organization_id)s AND settles.active AND settles.result <> 'missing_there'
    AND settles.partition = m.partition AND settles.seq = m.seq
LEFT JOIN card_authorization a
    ON a.organization_id = %(organization_id)s AND a.authorization_id = m.authorization_id
    AND a.department_id = m.department_id
WHERE m.net <> 0
