"""The first schema: head, epoch props, calendar, facts, settled deposits."""

from alembic import op
from octant_chassis import tables
from octant_chassis.migrations import run_script

revision = "0001"
down_revision = None

DDL = """
CREATE TABLE head (
    id integer PRIMARY KEY CHECK (id = 1),
    number bigint NOT NULL,
    hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    final_block bigint NOT NULL
);
CREATE TABLE epoch_props (
    index bigint PRIMARY KEY,
    from_epoch bigint NOT NULL,
    to_epoch bigint NOT NULL,
    from_ts bigint NOT NULL,
    duration bigint NOT NULL,
    decision_window bigint NOT NULL
);
CREATE TABLE epochs (
    epoch bigint PRIMARY KEY,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    decision_window bigint NOT NULL,
    ended boolean NOT NULL,
    window_opens_at bigint,
    window_closes_at bigint,
    window_closed boolean NOT NULL
);
CREATE TABLE facts (
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_hash bytea NOT NULL,
    transaction_hash bytea NOT NULL,
    kind text NOT NULL CHECK (kind IN ('Locked', 'Unlocked')),
    "user" bytea NOT NULL,
    amount numeric(78,0) NOT NULL CHECK (amount >= 0),
    timestamp bigint NOT NULL,
    PRIMARY KEY (block_number, log_index)
);
CREATE INDEX facts_timestamp ON facts (timestamp);
CREATE INDEX facts_user_timestamp ON facts ("user", timestamp);
CREATE TABLE settlements (
    epoch bigint PRIMARY KEY,
    starts_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    to_block bigint NOT NULL,
    to_block_hash bytea NOT NULL,
    facts_count bigint NOT NULL,
    facts_digest text NOT NULL,
    rules text NOT NULL,
    total_effective_deposit numeric(78,0) NOT NULL,
    deposits_count bigint NOT NULL,
    deposits_digest text NOT NULL
);
CREATE TABLE deposits (
    epoch bigint NOT NULL REFERENCES settlements (epoch),
    "user" bytea NOT NULL,
    effective_deposit numeric(78,0) NOT NULL,
    end_balance numeric(78,0) NOT NULL,
    PRIMARY KEY (epoch, "user")
);
"""


def upgrade() -> None:
    run_script(op.get_bind(), tables.DDL + DDL)
