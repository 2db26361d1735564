-- One organization's entries by currency and layer of their accounts: every total must be 0.
SELECT
    place.next_seq,
    (
        SELECT coalesce(json_agg(found ORDER BY found.currency, found.layer), '[]')
        FROM (
            SELECT entry.currency, coalesce(account.layer, 'not opened') AS layer,
                sum(entry.amount) AS total, count(*) AS entries
            FROM entry
            LEFT JOIN account ON account.name = entry.account
            WHERE entry.organization_id = %(organization_id)s
            GROUP BY entry.currency, coalesce(account.layer, 'not opened')
        ) AS found
    ) AS lines
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
