"""All tables of chain-sync, and the script that makes them."""

from octant_chassis.database import AddressColumn, HexColumn, WeiColumn
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

metadata = MetaData()

# Indexed heads and blocks with facts; sparse.
blocks = Table(
    "blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", HexColumn, nullable=False),
    Column("parent_hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
)

head = Table(
    "head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("final_block", BigInteger, nullable=False),
)

# Logs of Deposits; `kind` is Locked or Unlocked.
deposit_facts = Table(
    "deposit_facts",
    metadata,
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("transaction_hash", HexColumn, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
    Column("deposit_before", WeiColumn, nullable=False),
)

# Logs of the Vault. Epochs are the caller's choice there: any uint256.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("transaction_hash", HexColumn, nullable=False),
    Column("user", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
    Column("epoch", WeiColumn, nullable=False),
)

merkle_roots = Table(
    "merkle_roots",
    metadata,
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("transaction_hash", HexColumn, nullable=False),
    Column("epoch", WeiColumn, nullable=False),
    Column("root", HexColumn, nullable=False),
)

# `block_number`: where the present value was first seen.
epoch_props = Table(
    "epoch_props",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("from_epoch", BigInteger, nullable=False),
    Column("to_epoch", BigInteger, nullable=False),
    Column("from_ts", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    Column("decision_window", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("addresses", ARRAY(AddressColumn()), nullable=False),
    Column("cid", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)

# `sealed_at`: the final block that allowed the seal.
seals = Table(
    "seals",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("to_block", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
)

# Finalized epochs, as rewards announced them; root null: nobody earned anything.
confirmations = Table(
    "confirmations",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("root", HexColumn),
    Column("total_withdrawals", WeiColumn, nullable=False),
)

# Written before the transaction is sent. `succeeded`: null until there is a receipt.
transactions = Table(
    "transactions",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Text, primary_key=True),
    Column("nonce", BigInteger, nullable=False),
    Column("hash", HexColumn, nullable=False),
    Column("raw", HexColumn, nullable=False),
    Column("succeeded", Boolean),
)

# Names to search projects by; `id` orders the answers.
project_details = Table(
    "project_details",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("address", AddressColumn, nullable=False),
    Column("name", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
)

# Who may claim GLM once. `status`: null until claimed, then `queued` for the payout.
epoch_zero_claims = Table(
    "epoch_zero_claims",
    metadata,
    Column("address", AddressColumn, primary_key=True),
    Column("claim_nonce", BigInteger),
    Column("status", Text),
)

# Streams of GLM as Sablier's indexer last told them, without those to ignore. `number`: the last
# part of the id; it orders streams of one second.
sablier_streams = Table(
    "sablier_streams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("recipient", AddressColumn, nullable=False),
    Column("deposit_amount", WeiColumn, nullable=False),
    Column("intact_amount", WeiColumn, nullable=False),
    Column("end_time", BigInteger, nullable=False),
    Column("canceled", Boolean, nullable=False),
)

# What happened to a stream, in order; amounts A and B mean what the category says.
sablier_actions = Table(
    "sablier_actions",
    metadata,
    Column("stream_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("category", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("transaction_hash", HexColumn, nullable=False),
    Column("address_b", AddressColumn, nullable=False),
    Column("amount_a", WeiColumn),
    Column("amount_b", WeiColumn),
)

DDL = """
CREATE TABLE blocks (
    number bigint PRIMARY KEY,
    hash bytea NOT NULL,
    parent_hash bytea NOT NULL,
    timestamp bigint NOT NULL
);
CREATE INDEX blocks_timestamp ON blocks (timestamp);
CREATE TABLE head (
    id smallint PRIMARY KEY CHECK (id = 1),
    number bigint NOT NULL,
    hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    final_block bigint NOT NULL
);
CREATE TABLE deposit_facts (
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    kind text NOT NULL CHECK (kind IN ('Locked', 'Unlocked')),
    "user" bytea NOT NULL,
    amount numeric(78,0) NOT NULL,
    deposit_before numeric(78,0) NOT NULL,
    PRIMARY KEY (block_number, log_index)
);
CREATE INDEX deposit_facts_timestamp ON deposit_facts (timestamp);
CREATE INDEX deposit_facts_user ON deposit_facts ("user", timestamp);
CREATE TABLE withdrawals (
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    "user" bytea NOT NULL,
    amount numeric(78,0) NOT NULL,
    epoch numeric(78,0) NOT NULL,
    PRIMARY KEY (block_number, log_index)
);
CREATE INDEX withdrawals_user ON withdrawals ("user", timestamp);
CREATE TABLE merkle_roots (
    block_number bigint NOT NULL,
    log_index bigint NOT NULL,
    block_hash bytea NOT NULL,
    timestamp bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    epoch numeric(78,0) NOT NULL,
    root bytea NOT NULL,
    PRIMARY KEY (block_number, log_index)
);
CREATE TABLE epoch_props (
    index bigint PRIMARY KEY,
    from_epoch bigint NOT NULL,
    to_epoch bigint NOT NULL,
    from_ts bigint NOT NULL,
    duration bigint NOT NULL,
    decision_window bigint NOT NULL,
    block_number bigint NOT NULL
);
CREATE TABLE projects (
    epoch bigint PRIMARY KEY,
    addresses bytea[] NOT NULL,
    cid text NOT NULL,
    block_number bigint NOT NULL
);
CREATE TABLE seals (
    epoch bigint PRIMARY KEY,
    to_block bigint NOT NULL,
    sealed_at bigint NOT NULL,
    count bigint NOT NULL,
    digest text NOT NULL
);
CREATE TABLE confirmations (
    epoch bigint PRIMARY KEY,
    root bytea,
    total_withdrawals numeric(78,0) NOT NULL
);
CREATE TABLE transactions (
    epoch bigint NOT NULL,
    step text NOT NULL,
    nonce bigint NOT NULL,
    hash bytea NOT NULL,
    raw bytea NOT NULL,
    succeeded boolean,
    PRIMARY KEY (epoch, step)
);
CREATE TABLE project_details (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    address bytea NOT NULL,
    name text NOT NULL,
    epoch integer NOT NULL,
    CONSTRAINT one_name_per_epoch UNIQUE (epoch, address)
);
CREATE TABLE epoch_zero_claims (
    address bytea PRIMARY KEY,
    claim_nonce bigint UNIQUE,
    status text,
    CHECK ((claim_nonce IS NULL) = (status IS NULL))
);
CREATE TABLE sablier_streams (
    id text PRIMARY KEY,
    number bigint NOT NULL,
    created_at bigint NOT NULL,
    recipient bytea NOT NULL,
    deposit_amount numeric(78,0) NOT NULL,
    intact_amount numeric(78,0) NOT NULL,
    end_time bigint NOT NULL,
    canceled boolean NOT NULL
);
CREATE INDEX sablier_streams_recipient ON sablier_streams (recipient);
CREATE TABLE sablier_actions (
    stream_id text NOT NULL REFERENCES sablier_streams ON DELETE CASCADE,
    position integer NOT NULL,
    category text NOT NULL CHECK (category IN ('Create', 'Withdraw', 'Cancel')),
    timestamp bigint NOT NULL,
    transaction_hash bytea NOT NULL,
    address_b bytea NOT NULL,
    amount_a numeric(78,0),
    amount_b numeric(78,0),
    PRIMARY KEY (stream_id, position),
    CHECK (CASE category WHEN 'Withdraw' THEN amount_b ELSE amount_a END IS NOT NULL)
);
"""
