"""Run by Alembic, within the transaction that the program began."""

from alembic import context

from protocols.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
