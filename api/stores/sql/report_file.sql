SELECT name, media_type, content FROM report_file
WHERE organization_id = %(organization_id)s AND file_id = %(file_id)s
