"""The schema of the first release."""

from alembic import op
from octant_chain_sync import first_rows
from octant_chain_sync.tables import DDL
from octant_chassis import tables as chassis
from octant_chassis.migrations import run_script

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op.get_bind(), chassis.DDL + DDL)
    first_rows.install(op.get_bind())
