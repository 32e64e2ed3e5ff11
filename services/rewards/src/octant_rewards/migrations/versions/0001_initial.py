"""The schema of the first release."""

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
    index integer PRIMARY KEY,
    from_epoch integer NOT NULL,
    to_epoch integer NOT NULL,
    from_ts bigint NOT NULL,
    duration bigint NOT NULL,
    decision_window bigint NOT NULL
);
CREATE TABLE projects (
    epoch integer NOT NULL,
    position integer NOT NULL,
    address bytea NOT NULL,
    PRIMARY KEY (epoch, position)
);
CREATE TABLE merkle_roots (
    epoch integer PRIMARY KEY,
    root bytea NOT NULL,
    block_number bigint NOT NULL
);
CREATE TABLE withdrawn (
    block_number bigint NOT NULL,
    log_index integer NOT NULL,
    "user" bytea NOT NULL,
    epoch integer NOT NULL,
    amount numeric(78,0) NOT NULL,
    PRIMARY KEY (block_number, log_index)
);
CREATE INDEX withdrawn_user ON withdrawn ("user", epoch);
CREATE TABLE settlements (
    epoch integer PRIMARY KEY,
    finalized_at bigint NOT NULL,
    to_block bigint NOT NULL,
    total_effective_deposit numeric(78,0) NOT NULL,
    count integer NOT NULL,
    digest text NOT NULL
);
CREATE TABLE deposits (
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    effective_deposit numeric(78,0) NOT NULL,
    PRIMARY KEY (epoch, "user")
);
CREATE TABLE pending_snapshots (
    epoch integer PRIMARY KEY,
    rules text NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    deposits_digest text NOT NULL,
    finalized_at bigint NOT NULL,
    staking_proceeds numeric(78,0) NOT NULL,
    total_effective_deposit numeric(78,0) NOT NULL,
    locked_ratio text NOT NULL,
    total_rewards numeric(78,0) NOT NULL,
    vanilla_individual_rewards numeric(78,0) NOT NULL,
    operational_cost numeric(78,0) NOT NULL,
    ppf numeric(78,0) NOT NULL,
    community_fund numeric(78,0) NOT NULL,
    budgets_count integer NOT NULL,
    budgets_digest text NOT NULL
);
CREATE TABLE budgets (
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    position integer NOT NULL,
    amount numeric(78,0) NOT NULL,
    PRIMARY KEY (epoch, "user"),
    UNIQUE (epoch, position)
);
CREATE TABLE allocations (
    epoch integer NOT NULL,
    sequence bigint NOT NULL,
    place integer NOT NULL,
    "user" bytea NOT NULL,
    project bytea NOT NULL,
    amount numeric(78,0) NOT NULL,
    uq text NOT NULL,
    nonce bigint NOT NULL,
    PRIMARY KEY (epoch, sequence, place)
);
CREATE INDEX allocations_user ON allocations (epoch, "user");
CREATE INDEX allocations_project ON allocations (epoch, project, sequence, place);
CREATE TABLE funding_sums (
    epoch integer NOT NULL,
    project bytea NOT NULL,
    first_sequence bigint NOT NULL,
    first_place integer NOT NULL,
    roots numeric NOT NULL,
    amount numeric(78,0) NOT NULL,
    PRIMARY KEY (epoch, project)
);
CREATE TABLE fundings (
    epoch integer PRIMARY KEY,
    revision bigint NOT NULL
);
CREATE TABLE patron_events (
    sequence bigint PRIMARY KEY,
    "user" bytea NOT NULL,
    enabled boolean NOT NULL,
    time bigint NOT NULL
);
CREATE INDEX patron_events_user ON patron_events ("user", time DESC, sequence DESC);
CREATE TABLE seals (
    epoch integer PRIMARY KEY,
    last_sequence bigint NOT NULL,
    count integer NOT NULL,
    digest text NOT NULL,
    patrons_count integer NOT NULL,
    patrons_digest text NOT NULL
);
CREATE TABLE finalized_snapshots (
    epoch integer PRIMARY KEY,
    rules text NOT NULL,
    block_number bigint NOT NULL,
    block_hash bytea NOT NULL,
    allocations_digest text NOT NULL,
    patrons_digest text NOT NULL,
    matched_rewards numeric(78,0) NOT NULL,
    patrons_rewards numeric(78,0) NOT NULL,
    leftover numeric(78,0) NOT NULL,
    total_withdrawals numeric(78,0) NOT NULL,
    staking_matched_reserved_for_v2 numeric(78,0) NOT NULL,
    merkle_root bytea
);
CREATE TABLE rewards (
    epoch integer NOT NULL,
    address bytea NOT NULL,
    of_project boolean NOT NULL,
    amount numeric(78,0) NOT NULL,
    matched numeric(78,0),
    PRIMARY KEY (epoch, address, of_project)
);
CREATE TABLE leaves (
    epoch integer NOT NULL,
    position integer NOT NULL,
    address bytea NOT NULL,
    amount numeric(78,0) NOT NULL,
    PRIMARY KEY (epoch, position)
);
CREATE INDEX leaves_address ON leaves (address, epoch);
"""


def upgrade() -> None:
    run_script(op.get_bind(), tables.DDL + DDL)
