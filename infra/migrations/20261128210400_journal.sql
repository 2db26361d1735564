-- migrate:up

-- Lists of journal entries: a page is the first rows of an index, as in docs/decisions/0038. A company's page is
-- merged from its departments', so this one index serves all lists; entries of one payment are found by its numbers.
CREATE INDEX transfer_of_department ON transfer (
    organization_id, department_id, recorded_at, partition, seq, n, leg);

-- What holds and clearings would hide: a page of the rare kinds must not read all that lies between them.
CREATE INDEX transfer_of_rare_kind ON transfer (
    organization_id, department_id, recorded_at, partition, seq, n, leg)
    WHERE kind NOT IN ('hold', 'release', 'expiry', 'clearing');

-- migrate:down

DROP INDEX transfer_of_department, transfer_of_rare_kind;
