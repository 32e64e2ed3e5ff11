"""The chassis' own tables, the same in every schema: outbox, inbox, positions, operators."""

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text

metadata = MetaData()


def _table(name: str, **columns: type) -> Table:
    return Table(name, metadata, *(Column(column, kind) for column, kind in columns.items()))


outbox = _table(
    "outbox",
    id=BigInteger,
    subject=Text,
    payload=LargeBinary,
    correlation_id=Text,
    # Null until the bus has it. After the bus lost it, its old place is kept in
    # `previous_sequence`, so that the stream is rebuilt in the same order.
    stream_sequence=BigInteger,
    previous_sequence=BigInteger,
)
relay_state = _table("relay_state", stream=Text, incarnation=Text)
inbox = _table("inbox", source=Text, event_id=BigInteger)
positions = _table("positions", stream=Text, incarnation=Text, sequence=BigInteger)
operator_actions = _table("operator_actions", who=Text, why=Text, action=Text, details=Text)

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
