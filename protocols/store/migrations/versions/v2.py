"""The drug book's amounts are sealed; it was filled by no program before."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Make it anew."""
    op.drop_table("drug_book")
    op.create_table(
        "drug_book",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind in ('received', 'drawn', 'given', 'wasted')", name=op.f("ck_drug_book_kind")
        ),
        sa.CheckConstraint(
            "witness is null or witness <> person", name=op.f("ck_drug_book_witness")
        ),
        sa.ForeignKeyConstraint(["person"], ["person.name"], name=op.f("fk_drug_book_person")),
        sa.ForeignKeyConstraint(["witness"], ["person.name"], name=op.f("fk_drug_book_witness")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drug_book")),
    )
