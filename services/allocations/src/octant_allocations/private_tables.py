"""Tables of what never leaves the service: consents, antisybil records, delegations, multisig
requests; and their DDL.

`time` and `expires_at` are unix seconds of chain time; timestamps are wall clock, for ages and
leases.
"""

from octant_chassis.database import AddressColumn, HexColumn
from sqlalchemy import BigInteger, Boolean, Column, DateTime, Double, Integer, Table, Text

from octant_allocations.tables import metadata

consents = Table(
    "consents",
    metadata,
    Column("user", AddressColumn, primary_key=True),
    Column("ip", Text),
    Column("text_hash", HexColumn, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("accepted_at", DateTime(timezone=True), nullable=False),
)

antisybil_records = Table(
    "antisybil_records",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("score", Double, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("stamps", Text, nullable=False),
    Column("delegated_epoch", Integer),
    Column("time", BigInteger, nullable=False),
    Column("refreshed_at", DateTime(timezone=True), nullable=False),
    Column("refresh_failed", Boolean, nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("hash", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
)

multisig_requests = Table(
    "multisig_requests",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("type", Text, nullable=False),
    Column("epoch", Integer),
    Column("message", Text, nullable=False),
    Column("digest", HexColumn, nullable=False),
    Column("message_hash", HexColumn, nullable=False),
    Column("ip", Text),
    Column("status", Text, nullable=False),
    Column("confirmed_signature", Text),
    Column("failures", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("leased_until", DateTime(timezone=True)),
)

DDL = """
-- ip is null once its time is over; text_hash tells which terms were signed.
CREATE TABLE consents (
    "user" bytea PRIMARY KEY,
    ip text,
    text_hash bytea NOT NULL,
    time bigint NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX consents_with_ip ON consents (accepted_at) WHERE ip IS NOT NULL;

-- The newest counts. delegated_epoch: the score was given by somebody else, for this epoch only.
CREATE TABLE antisybil_records (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "user" bytea NOT NULL,
    score double precision NOT NULL,
    expires_at bigint NOT NULL,
    stamps text NOT NULL,
    delegated_epoch integer,
    time bigint NOT NULL,
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    refresh_failed boolean NOT NULL DEFAULT false
);
CREATE INDEX antisybil_records_of_user ON antisybil_records ("user", id);

-- Three salted hashes are all that is known of a delegation.
CREATE TABLE delegations (
    epoch integer NOT NULL,
    hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('primary', 'secondary', 'both')),
    time bigint NOT NULL,
    PRIMARY KEY (epoch, hash)
);

-- digest is of the message, message_hash what the contract wallet makes of it.
CREATE TABLE multisig_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "user" bytea NOT NULL,
    type text NOT NULL CHECK (type IN ('tos', 'allocation')),
    epoch integer,
    message text NOT NULL,
    digest bytea NOT NULL,
    message_hash bytea NOT NULL,
    ip text,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'approved', 'rejected', 'failed', 'superseded')),
    confirmed_signature text,
    failures integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz
);
CREATE INDEX pending_multisig_requests ON multisig_requests ("user", type)
    WHERE status = 'pending';
"""
