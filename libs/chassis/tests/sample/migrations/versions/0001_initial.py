from alembic import op
from octant_chassis import tables
from octant_chassis.migrations import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(
        op.get_bind(),
        tables.DDL + "CREATE TABLE effects (id bigserial PRIMARY KEY, what text NOT NULL);",
    )
