-- Merchants whose name has all of the words, at most `keys_max`.
SELECT
    (SELECT next_seq FROM sink_position WHERE sink = 'ledger' AND partition = %(partition)s) AS next_seq,
    ARRAY(
        SELECT merchant_key
        FROM merchant
        WHERE organization_id = %(organization_id)s AND merchant_key LIKE ALL(%(words)s::text[])
        LIMIT %(keys_max)s
    ) AS keys
