-- migrate:up

-- To whom each report that is kept was sent: a mail's address, or an endpoint of webhooks. `job_id`: of a mail.
CREATE TABLE report_delivery (
    organization_id text        NOT NULL CHECK (length(organization_id) BETWEEN 1 AND 64),
    file_id         bigint      NOT NULL,
    way             text        NOT NULL CHECK (way IN ('mail', 'webhook')),
    recipient       text        NOT NULL CHECK (length(recipient) BETWEEN 1 AND 320),
    job_id          bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    delivered_at    timestamptz, -- of a mail: when the server took it; what became of a webhook its delivery says
    PRIMARY KEY (organization_id, file_id, way, recipient),
    FOREIGN KEY (organization_id, file_id) REFERENCES report_file ON DELETE CASCADE
);
SELECT tenant_wall('report_delivery');
GRANT SELECT, INSERT, UPDATE ON report_delivery TO spendlog_api;
GRANT SELECT ON report_delivery TO spendlog_auditor;
CREATE INDEX report_file_of_schedule ON report_file (organization_id, schedule_id, file_id DESC);

-- migrate:down

DROP INDEX report_file_of_schedule;
DROP TABLE report_delivery;
