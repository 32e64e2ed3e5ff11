"""Tables of allocations and of what they depend on, and their DDL; the others: private_tables.

Times are unix seconds of chain time, amounts wei. `sequence` numbers come from one Postgres
sequence and order allocations and patron events alike.
"""

from octant_chassis.database import AddressColumn, HexColumn, WeiColumn
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Integer,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
)

metadata = MetaData()

allocation_sequence = Sequence("allocation_sequence", metadata=metadata)

head = Table(
    "head",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("final_block", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", AddressColumn, nullable=False),
)

epochs = Table(
    "epochs",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("start_at", BigInteger, nullable=False),
    Column("end_at", BigInteger, nullable=False),
    Column("decision_window", BigInteger, nullable=False),
    Column("finalized_at", BigInteger, nullable=False),
)

windows = Table(
    "windows",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    Column("sealed_at_sequence", BigInteger),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("budgets_count", Integer, nullable=False),
    Column("budgets_digest", Text, nullable=False),
    Column("finalized", Boolean, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("user", AddressColumn, primary_key=True),
    Column("budget", WeiColumn, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("address", AddressColumn, primary_key=True),
    Column("next_nonce", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

uniqueness_quotients = Table(
    "uniqueness_quotients",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("user", AddressColumn, primary_key=True),
    Column("score", Numeric, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("sequence", BigInteger, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("user", AddressColumn, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("signature", Text, nullable=False),
    Column("is_manually_edited", Boolean),
    Column("time", BigInteger, nullable=False),
    Column("leverage", Double),
)

allocations = Table(
    "allocations",
    metadata,
    Column("sequence", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("user", AddressColumn, nullable=False),
    Column("project", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
    Column("deleted_sequence", BigInteger),
)

patron_events = Table(
    "patron_events",
    metadata,
    Column("sequence", BigInteger, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("revoked_epoch", Integer),
)

DDL = """
CREATE SEQUENCE allocation_sequence AS bigint;

CREATE TABLE head (
    id smallint PRIMARY KEY CHECK (id = 1),
    number bigint NOT NULL,
    hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    final_block bigint NOT NULL
);

CREATE TABLE projects (
    epoch integer NOT NULL,
    position integer NOT NULL,
    address bytea NOT NULL,
    PRIMARY KEY (epoch, position)
);

CREATE TABLE epochs (
    epoch integer PRIMARY KEY,
    start_at bigint NOT NULL,
    end_at bigint NOT NULL,
    decision_window bigint NOT NULL,
    finalized_at bigint NOT NULL
);

-- Open from opens_at to closes_at, both inclusive. sealed_at_sequence is the last in the seal.
CREATE TABLE windows (
    epoch integer PRIMARY KEY,
    opens_at bigint NOT NULL,
    closes_at bigint NOT NULL,
    sealed_at_sequence bigint
);
-- Never open: what a patron toggle holds FOR SHARE before the first window has opened.
INSERT INTO windows VALUES (0, 0, -1, 0);

CREATE TABLE snapshots (
    epoch integer PRIMARY KEY,
    budgets_count integer NOT NULL,
    budgets_digest text NOT NULL,
    finalized boolean NOT NULL DEFAULT false
);

CREATE TABLE budgets (
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    budget numeric(78, 0) NOT NULL CHECK (budget >= 0),
    PRIMARY KEY (epoch, "user")
);

-- The lock of one user, and what changes under it. Who has a budget has a row.
-- revision counts the changes: a statement that waited for the lock sees it read the past.
CREATE TABLE users (
    address bytea PRIMARY KEY CHECK (length(address) = 20),
    next_nonce bigint NOT NULL DEFAULT 0,
    revision bigint NOT NULL DEFAULT 0
);

-- sequence is that of the request that froze the score, or was taken when an operator set it.
CREATE TABLE uniqueness_quotients (
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    score numeric NOT NULL CHECK (score BETWEEN 0 AND 1),
    sequence bigint NOT NULL,
    PRIMARY KEY (epoch, "user")
);
CREATE INDEX uniqueness_quotients_by_sequence ON uniqueness_quotients (epoch, sequence);

-- leverage is what rewards computed of the request, null until then.
CREATE TABLE requests (
    sequence bigint PRIMARY KEY,
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    nonce bigint NOT NULL,
    signature text NOT NULL,
    is_manually_edited boolean,
    time bigint NOT NULL,
    leverage double precision,
    CONSTRAINT one_request_per_nonce UNIQUE ("user", nonce)
);

-- Live while deleted_sequence is null, which otherwise names what ended it.
CREATE TABLE allocations (
    sequence bigint NOT NULL,
    place integer NOT NULL,
    epoch integer NOT NULL,
    "user" bytea NOT NULL,
    project bytea NOT NULL,
    amount numeric(78, 0) NOT NULL CHECK (amount >= 0),
    deleted_sequence bigint,
    PRIMARY KEY (sequence, place)
);
CREATE INDEX live_allocations_of_epoch ON allocations (epoch, sequence, place)
    WHERE deleted_sequence IS NULL;
CREATE INDEX live_allocations_of_user ON allocations ("user", epoch)
    WHERE deleted_sequence IS NULL;
CREATE INDEX live_allocations_of_project ON allocations (project, epoch, sequence, place)
    WHERE deleted_sequence IS NULL;
CREATE INDEX ended_allocations_of_epoch ON allocations (epoch, deleted_sequence)
    WHERE deleted_sequence IS NOT NULL;

CREATE TABLE patron_events (
    sequence bigint PRIMARY KEY,
    "user" bytea NOT NULL,
    enabled boolean NOT NULL,
    time bigint NOT NULL,
    revoked_epoch integer
);
CREATE INDEX patron_events_by_sequence ON patron_events ("user", sequence);
CREATE INDEX patron_events_by_time ON patron_events ("user", time, sequence);
"""
