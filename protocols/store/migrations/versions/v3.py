"""Days: dates, procedures, deviations, decisions, running orders, guesses, who drew."""

import sqlalchemy as sa
from alembic import op

from protocols.store import tables as t

revision = "3"
down_revision = "1"

_NEW = (t.procedure, t.deviation, t.decision, t.running_order, t.guess, t.draw)


def upgrade() -> None:
    """Make them; an animal may have several labels a session."""
    op.add_column("session", sa.Column("planned_first", sa.Text(), nullable=True))
    op.add_column("session", sa.Column("outside", sa.Integer(), nullable=True))
    with op.batch_alter_table("label") as label:
        label.drop_constraint("uq_label_session", type_="unique")
    for table in _NEW:
        table.create(op.get_bind())
