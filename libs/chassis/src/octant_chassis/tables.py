"""The chassis' own tables, the same in every schema: outbox, inbox, positions, operators."""

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, MetaData, Table, Text, func

metadata = MetaData()

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    # Null until the bus has it. After the bus lost it, its old place is kept in
    # `previous_sequence`, so that the stream is rebuilt in the same order.
    Column("stream_sequence", BigInteger),
    Column("previous_sequence", BigInteger),
)

relay_state = Table(
    "relay_state",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("incarnation", Text, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("source", Text, primary_key=True),
    Column("event_id", BigInteger, primary_key=True),
)

positions = Table(
    "positions",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("incarnation", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)

operator_actions = Table(
    "operator_actions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("details", Text, nullable=False),
)

# One migration per service runs this first.
DDL = """
CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    subject text NOT NULL,
    payload bytea NOT NULL,
    correlation_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    stream_sequence bigint,
    previous_sequence bigint
);
CREATE INDEX outbox_unpublished ON outbox (previous_sequence NULLS LAST, id)
    WHERE stream_sequence IS NULL;
CREATE INDEX outbox_published ON outbox (stream_sequence);
CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();
CREATE TABLE relay_state (stream text PRIMARY KEY, incarnation text NOT NULL);
CREATE TABLE inbox (
    source text NOT NULL,
    event_id bigint NOT NULL,
    PRIMARY KEY (source, event_id)
);
CREATE TABLE positions (
    stream text PRIMARY KEY,
    incarnation text NOT NULL,
    sequence bigint NOT NULL
);
CREATE FUNCTION notify_applied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_applied', '');
    RETURN NULL;
END $$;
CREATE TRIGGER positions_notify AFTER INSERT OR UPDATE ON positions
    FOR EACH STATEMENT EXECUTE FUNCTION notify_applied();
CREATE TABLE operator_actions (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    why text NOT NULL,
    action text NOT NULL,
    details text NOT NULL
);
"""
