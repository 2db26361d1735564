-- Reports that are made by themselves, each with the last one that was made and what became of sending it; or one of them.
SELECT coalesce(json_agg(found ORDER BY found.schedule_id), '[]') AS schedules
FROM (
    SELECT s.schedule_id, s.report, s.period, s.format, s.every, s.mail_to, s.starts_at, s.next_at, s.time_zone,
        s.paused, s.set_by, f.file_id AS last_file_id, f.made_at AS last_made_at,
        (
            SELECT coalesce(json_agg(sent ORDER BY sent.way, sent."to"), '[]')
            FROM (
                SELECT d.way, d.recipient AS "to",
                    CASE
                        WHEN d.way = 'webhook' THEN coalesce(w.status, 'unknown')
                        WHEN d.delivered_at IS NOT NULL THEN 'delivered'
                        WHEN r.failed_at IS NOT NULL THEN 'failed'
                        WHEN r.job_id IS NULL THEN 'unknown'
                        ELSE 'pending'
                    END AS status,
                    CASE WHEN d.way = 'webhook' THEN coalesce(w.ended_at, w.created_at)
                        ELSE coalesce(d.delivered_at, r.failed_at, d.created_at) END AS at,
                    CASE WHEN d.delivered_at IS NULL THEN r.error END AS error
                FROM report_delivery AS d
                LEFT JOIN webhook_delivery AS w
                    ON d.way = 'webhook' AND w.organization_id = d.organization_id AND w.endpoint_id = d.recipient
                    AND w.event_id = 'rep_' || d.file_id
                LEFT JOIN job_run AS r ON r.job_id = d.job_id
                WHERE d.organization_id = f.organization_id AND d.file_id = f.file_id
            ) AS sent
        ) AS last_deliveries
    FROM report_schedule AS s
    LEFT JOIN LATERAL (
        SELECT l.organization_id, l.file_id, l.made_at FROM report_file AS l
        WHERE l.organization_id = s.organization_id AND l.schedule_id = s.schedule_id
        ORDER BY l.file_id DESC LIMIT 1
    ) AS f ON true
    WHERE s.organization_id = %(organization_id)s
        AND (%(schedule_id)s::text IS NULL OR s.schedule_id = %(schedule_id)s)
) AS found
