-- A schedule as it is from now on; its days are those of the organization. `schedules`: how many there are then.
WITH calendar AS (
    SELECT coalesce(organization_calendar(%(organization_id)s) ->> 'time_zone', 'UTC') AS time_zone
)
INSERT INTO report_schedule (
    organization_id, schedule_id, report, period, format, every, mail_to, starts_at, next_at, time_zone, paused, set_by)
SELECT
    %(organization_id)s, %(schedule_id)s, %(report)s, %(period)s, %(format)s, %(every)s, %(mail_to)s::text[],
    coalesce(%(starts_at)s::timestamptz, now()), coalesce(%(starts_at)s::timestamptz, now()), time_zone, %(paused)s,
    %(actor)s
FROM calendar
ON CONFLICT (organization_id, schedule_id) DO UPDATE
SET report = excluded.report, period = excluded.period, format = excluded.format, every = excluded.every,
    mail_to = excluded.mail_to, time_zone = excluded.time_zone, paused = excluded.paused, set_by = excluded.set_by,
    -- Who only changes what is made leaves when it is made as it was.
    starts_at = coalesce(%(starts_at)s::timestamptz, report_schedule.starts_at),
    next_at = CASE
        WHEN %(starts_at)s::timestamptz IS NULL AND report_schedule.every = excluded.every THEN report_schedule.next_at
        ELSE excluded.next_at
    END
RETURNING schedule_id
