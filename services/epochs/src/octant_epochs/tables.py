"""All tables of the service: the chain as we follow it, the calendar, the deposits ledger."""

from octant_chassis.database import AddressColumn, HexColumn, WeiColumn
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

metadata = MetaData()

# One row, id 1: the indexed head.
head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", HexColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("final_block", BigInteger, nullable=False),
)

epoch_props = Table(
    "epoch_props",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("from_epoch", BigInteger, nullable=False),
    Column("to_epoch", BigInteger, nullable=False),
    Column("from_ts", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    Column("decision_window", BigInteger, nullable=False),
)

# What has been announced. A row exists once its epoch has started; the window columns are
# those of the window that votes on the row's epoch.
epochs = Table(
    "epochs",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("decision_window", BigInteger, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("window_opens_at", BigInteger),
    Column("window_closes_at", BigInteger),
    Column("window_closed", Boolean, nullable=False),
)

# Locks and unlocks as they are on the chain now; orphans are deleted.
facts = Table(
    "facts",
    metadata,
    Column("block_number", BigInteger, primary_key=True, autoincrement=False),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("transaction_hash", HexColumn, nullable=False),
    Column("kind", Text, nullable=False),
    Column("user", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
)

deposits = Table(
    "deposits",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("user", AddressColumn, primary_key=True),
    Column("effective_deposit", WeiColumn, nullable=False),
    Column("end_balance", WeiColumn, nullable=False),
)

# One row per settled epoch: what was sealed, and what followed from it.
settlements = Table(
    "settlements",
    metadata,
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("starts_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("to_block", BigInteger, nullable=False),
    Column("to_block_hash", HexColumn, nullable=False),
    Column("facts_count", BigInteger, nullable=False),
    Column("facts_digest", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("total_effective_deposit", WeiColumn, nullable=False),
    Column("deposits_count", BigInteger, nullable=False),
    Column("deposits_digest", Text, nullable=False),
)
