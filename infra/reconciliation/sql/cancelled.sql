-- A posting and what takes it back, of which no line tells: together they are nothing.
WITH pair AS (
    SELECT posting.partition, posting.seq AS posting, correction.seq AS correction
    FROM movement AS correction
    JOIN movement AS posting
        ON posting.partition = correction.partition AND posting.seq = correction.compensates_seq
    WHERE NOT correction.taken AND NOT posting.taken
)
UPDATE movement SET cancelled = true
FROM (SELECT partition, posting AS seq FROM pair UNION ALL SELECT partition, correction FROM pair) AS cancels
WHERE movement.partition = cancels.partition AND movement.seq = cancels.seq
