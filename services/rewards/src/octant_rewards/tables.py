"""The rewards schema."""

from octant_chassis.database import AddressColumn, HexColumn, WeiColumn
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Numeric, Table, Text

metadata = MetaData()

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
    Column("index", Integer, primary_key=True),
    Column("from_epoch", Integer, nullable=False),
    Column("to_epoch", Integer, nullable=False),
    Column("from_ts", BigInteger, nullable=False),
    Column("duration", BigInteger, nullable=False),
    Column("decision_window", BigInteger, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", AddressColumn, nullable=False),
)

merkle_roots = Table(
    "merkle_roots",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("root", HexColumn, nullable=False),
    Column("block_number", BigInteger, nullable=False),
)

withdrawn = Table(
    "withdrawn",
    metadata,
    Column("block_number", BigInteger, primary_key=True),
    Column("log_index", Integer, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("amount", WeiColumn, nullable=False),
)

settlements = Table(
    "settlements",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("finalized_at", BigInteger, nullable=False),
    Column("to_block", BigInteger, nullable=False),
    Column("total_effective_deposit", WeiColumn, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", Text, nullable=False),
)

# Only deposits above zero: the others earn nothing.
deposits = Table(
    "deposits",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("user", AddressColumn, primary_key=True),
    Column("effective_deposit", WeiColumn, nullable=False),
)

pending_snapshots = Table(
    "pending_snapshots",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("deposits_digest", Text, nullable=False),
    Column("finalized_at", BigInteger, nullable=False),
    Column("staking_proceeds", WeiColumn, nullable=False),
    Column("total_effective_deposit", WeiColumn, nullable=False),
    Column("locked_ratio", Text, nullable=False),
    Column("total_rewards", WeiColumn, nullable=False),
    Column("vanilla_individual_rewards", WeiColumn, nullable=False),
    Column("operational_cost", WeiColumn, nullable=False),
    Column("ppf", WeiColumn, nullable=False),
    Column("community_fund", WeiColumn, nullable=False),
    Column("budgets_count", Integer, nullable=False),
    Column("budgets_digest", Text, nullable=False),
)

# `position` is the place in code-point order of the EIP-55 text: the order of every answer.
budgets = Table(
    "budgets",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("user", AddressColumn, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("amount", WeiColumn, nullable=False),
)

# Live allocations only, as the allocations service announces them.
allocations = Table(
    "allocations",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("project", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
    Column("uq", Text, nullable=False),
    Column("nonce", BigInteger, nullable=False),
)

# What `allocations` add up to, kept with every change of them. `roots` is the sum of the square
# roots of weighted gifts; the first row's key orders the projects.
funding_sums = Table(
    "funding_sums",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("project", AddressColumn, primary_key=True),
    Column("first_sequence", BigInteger, nullable=False),
    Column("first_place", Integer, nullable=False),
    Column("roots", Numeric, nullable=False),
    Column("amount", WeiColumn, nullable=False),
)

# One more with every change of an epoch's sums.
fundings = Table(
    "fundings",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

patron_events = Table(
    "patron_events",
    metadata,
    Column("sequence", BigInteger, primary_key=True),
    Column("user", AddressColumn, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("time", BigInteger, nullable=False),
)

seals = Table(
    "seals",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("last_sequence", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("patrons_count", Integer, nullable=False),
    Column("patrons_digest", Text, nullable=False),
)

finalized_snapshots = Table(
    "finalized_snapshots",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", HexColumn, nullable=False),
    Column("allocations_digest", Text, nullable=False),
    Column("patrons_digest", Text, nullable=False),
    Column("matched_rewards", WeiColumn, nullable=False),
    Column("patrons_rewards", WeiColumn, nullable=False),
    Column("leftover", WeiColumn, nullable=False),
    Column("total_withdrawals", WeiColumn, nullable=False),
    Column("staking_matched_reserved_for_v2", WeiColumn, nullable=False),
    Column("merkle_root", HexColumn),
)

# `matched` is null for what a user claims, set for what a project earns.
rewards = Table(
    "rewards",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("address", AddressColumn, primary_key=True),
    Column("of_project", Boolean, primary_key=True),
    Column("amount", WeiColumn, nullable=False),
    Column("matched", WeiColumn),
)

leaves = Table(
    "leaves",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", AddressColumn, nullable=False),
    Column("amount", WeiColumn, nullable=False),
)
