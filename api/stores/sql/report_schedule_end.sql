DELETE FROM report_schedule WHERE organization_id = %(organization_id)s AND schedule_id = %(schedule_id)s
RETURNING report, period, format, every, mail_to, paused
