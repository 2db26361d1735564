-- Reports that were made and are kept, newest first, from `before` on.
SELECT coalesce(json_agg(found ORDER BY found.file_id DESC), '[]') AS files
FROM (
    SELECT file_id, schedule_id, name, media_type, due_at, made_at, octet_length(content) AS bytes
    FROM report_file
    WHERE organization_id = %(organization_id)s AND (%(before)s::bigint IS NULL OR file_id < %(before)s)
    ORDER BY file_id DESC
    LIMIT %(rows_max)s
) AS found
