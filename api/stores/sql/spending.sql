-- What a department's purchases cost since a moment: by local day, and the merchants, categories and people that
-- cost the most. Reads the purchases by their index of department and time.
WITH purchase AS MATERIALIZED (
    SELECT
        ((created_at AT TIME ZONE 'UTC') + make_interval(secs => %(offset_s)s))::date AS day,
        coalesce(body -> 'merchant' ->> 'name', '') AS merchant,
        coalesce(mcc, '') AS mcc,
        coalesce(cardholder, '') AS holder,
        greatest(0, posted - refunded) + held AS minor
    FROM card_authorization
    WHERE organization_id = %(organization_id)s
        AND department_id = %(department_id)s
        AND created_at >= %(since)s
        AND status NOT IN ('declined', 'voided')
)
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.day), '[]')
        FROM (SELECT day, sum(minor)::bigint AS minor, count(*) AS purchases FROM purchase GROUP BY day) AS found
    ) AS days,
    (
        SELECT coalesce(json_agg(found ORDER BY found.minor DESC, found.name), '[]')
        FROM (
            SELECT merchant AS name, sum(minor)::bigint AS minor, count(*) AS purchases
            FROM purchase
            GROUP BY merchant
            ORDER BY 2 DESC, 1
            LIMIT %(rows_max)s
        ) AS found
    ) AS merchants,
    (
        SELECT coalesce(json_agg(found ORDER BY found.minor DESC, found.name), '[]')
        FROM (
            SELECT mcc AS name, sum(minor)::bigint AS minor, count(*) AS purchases
            FROM purchase
            GROUP BY mcc
            ORDER BY 2 DESC, 1
            LIMIT %(rows_max)s
        ) AS found
    ) AS categories,
    (
        SELECT coalesce(json_agg(found ORDER BY found.minor DESC, found.name), '[]')
        FROM (
            SELECT holder AS name, sum(minor)::bigint AS minor, count(*) AS purchases
            FROM purchase
            GROUP BY holder
            ORDER BY 2 DESC, 1
            LIMIT %(rows_max)s
        ) AS found
    ) AS people
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
