-- A job that makes a report now, beside those of its schedule; of one that waits already there is one. No row: there is no
-- such schedule.
SELECT job_ask('reports', 'make', s.schedule_id || ' now',
    jsonb_build_object('schedule_id', s.schedule_id, 'due', clock_timestamp())) AS job_id
FROM report_schedule AS s
WHERE s.organization_id = %(organization_id)s AND s.schedule_id = %(schedule_id)s
