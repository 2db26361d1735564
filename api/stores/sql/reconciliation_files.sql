-- Files with how they stand, newest first, from `before` on; or one. Of lines the results and how many are open.
SELECT coalesce(json_agg(found ORDER BY found.uploaded_at DESC, found.file_id DESC), '[]') AS files
FROM (
    SELECT file.file_id, file.name, file.format, file.status, file.lines, file.account, file.since, file.until,
        file.time_zone, file.days_max, file.replaces, file.uploaded_by, file.uploaded_at, file.matched_at,
        counted.received, counted.results, counted.open,
        (
            SELECT json_build_object('done', run.done, 'total', run.total) FROM job_run AS run
            WHERE run.job_id = file.job_id AND file.status = 'matching' AND run.total IS NOT NULL
        ) AS progress,
        (
            SELECT after.file_id FROM settlement_file AS after
            WHERE after.organization_id = file.organization_id AND after.replaces = file.file_id
                AND file.status = 'replaced'
            ORDER BY after.matched_at
            LIMIT 1
        ) AS replaced_by
    FROM (
        SELECT * FROM settlement_file
        WHERE organization_id = %(organization_id)s
            AND (%(file_id)s::text IS NULL OR file_id = %(file_id)s)
            AND (
                %(before_at)s::timestamptz IS NULL
                OR (uploaded_at, file_id) < (%(before_at)s::timestamptz, %(before_id)s::text))
        ORDER BY uploaded_at DESC, file_id DESC
        LIMIT %(rows_max)s
    ) AS file
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(many) FILTER (WHERE is_line), 0)::bigint AS received,
            coalesce(sum(open), 0)::bigint AS open,
            coalesce(jsonb_object_agg(result, many) FILTER (WHERE result IS NOT NULL), '{}') AS results
        FROM (
            SELECT result, number IS NOT NULL AS is_line, count(*) AS many, count(*) FILTER (WHERE is_open) AS open
            FROM settlement_item
            WHERE organization_id = file.organization_id AND file_id = file.file_id
            GROUP BY result, number IS NOT NULL
        ) AS by_result
    ) AS counted
) AS found
