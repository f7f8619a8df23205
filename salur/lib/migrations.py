"""Hand-written SQL in a migration: a file beside it, so that a reader sees SQL as SQL."""

from pathlib import Path

from django.db.migrations import RunSQL


def sql_file(migration_file: str, name: str, *, reverse: str) -> RunSQL:
    """Run ``name`` from the folder of the migration; ``reverse`` is the statement that takes it back."""
    return RunSQL(Path(migration_file).with_name(name).read_text(encoding="utf-8"), reverse)
