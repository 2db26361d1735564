-- Every name by which the books know a movement: a line that says one of them is that, and nothing that looks like it.
CREATE TEMPORARY TABLE known ON COMMIT DROP AS
SELECT event_id AS name FROM movement WHERE event_id IS NOT NULL
UNION
SELECT refund_id FROM movement WHERE refund_id IS NOT NULL
UNION
SELECT authorization_id FROM movement WHERE authorization_id IS NOT NULL
