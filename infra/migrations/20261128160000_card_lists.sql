-- migrate:up

-- What lists of an organization's cards go through, by id; the API compares ids byte by byte.
CREATE INDEX card_by_id ON card (organization_id, card_id COLLATE "C", department_id COLLATE "C");
CREATE INDEX card_by_status ON card (
    organization_id, status, card_id COLLATE "C", department_id COLLATE "C"
) WHERE status <> 'active';
CREATE INDEX card_by_employee ON card (
    organization_id, employee, card_id COLLATE "C", department_id COLLATE "C"
) WHERE employee IS NOT NULL;

-- migrate:down

DROP INDEX card_by_id, card_by_status, card_by_employee;
