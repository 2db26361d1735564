-- How far the ledger is in a partition.
SELECT place.next_seq
FROM (SELECT 1) AS always
LEFT JOIN sink_position AS place
    ON place.sink = 'ledger' AND place.partition = %(partition)s
