"""How a database of an older program is brought to this one's tables (Alembic)."""
