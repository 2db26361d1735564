-- Reports that are made by themselves, each with the last one that was made; or one of them.
SELECT coalesce(json_agg(found ORDER BY found.schedule_id), '[]') AS schedules
FROM (
    SELECT s.schedule_id, s.report, s.period, s.format, s.every, s.mail_to, s.starts_at, s.next_at, s.time_zone,
        s.paused, s.set_by,
        (
            SELECT max(f.made_at) FROM report_file AS f
            WHERE f.organization_id = s.organization_id AND f.schedule_id = s.schedule_id
        ) AS last_made_at
    FROM report_schedule AS s
    WHERE s.organization_id = %(organization_id)s
        AND (%(schedule_id)s::text IS NULL OR s.schedule_id = %(schedule_id)s)
) AS found
