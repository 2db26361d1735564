-- A decision as it stands on the log, byte for byte.
SELECT
    place.next_seq,
    (
        SELECT record
        FROM decision
        WHERE partition = %(partition)s AND seq = %(seq)s
    ) AS record
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
