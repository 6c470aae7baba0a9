"""Days that would tell an animal's group are withheld until they have come."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """A column for them."""
    op.add_column("session", sa.Column("due_hidden", sa.Text(), nullable=True))
