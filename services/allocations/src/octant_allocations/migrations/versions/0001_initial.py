"""The chassis' tables and those of this service."""

from alembic import op
from octant_chassis import tables as chassis_tables
from octant_chassis.migrations import run_script

from octant_allocations import private_tables, tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_script(op.get_bind(), chassis_tables.DDL + tables.DDL + private_tables.DDL)
