-- All lines are there: they are matched by a job. `lines`: of the file; `received`: of them. A file that was matched is
-- matched again, for what is open.
WITH file AS (
    SELECT file_id, status, lines, replaces, (
        SELECT count(*) FROM settlement_item
        WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s AND number IS NOT NULL
    ) AS received
    FROM settlement_file
    WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
    FOR UPDATE
), begun AS (
    UPDATE settlement_file SET status = 'matching',
        job_id = job_ask('reconciliation', 'match', file.file_id, jsonb_build_object('file_id', file.file_id))
    FROM file
    WHERE settlement_file.organization_id = %(organization_id)s AND settlement_file.file_id = file.file_id
        AND file.status <> 'replaced' AND file.received = file.lines
    RETURNING job_id
)
SELECT file.status, file.lines, file.received,
    (SELECT job_id FROM begun) AS job_id
FROM file
