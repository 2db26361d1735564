-- migrate:up

-- Which job matches a file: how far it is stands in job_run.
ALTER TABLE settlement_file ADD COLUMN job_id bigint;

-- migrate:down

ALTER TABLE settlement_file DROP COLUMN job_id;
