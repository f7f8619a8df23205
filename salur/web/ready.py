"""Before a command touches the database: is it there, and is it of this version?"""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from salur.lib.database import ensure_running
from salur.lib.problem import Problem


class DatabaseOutdated(Problem):
    code = "database_outdated"


def ready_database(*, migrating: bool = False) -> None:
    """Start the embedded database if there is no other, and make the tables of a new one.

    An older database is never changed by the way: that is an operator's decision, taken with `salur migrate`.
    """
    ensure_running()
    if migrating:
        return
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return
    if executor.loader.applied_migrations:
        raise DatabaseOutdated(
            f"The database lacks {len(pending)} changes of this version of salur: make a backup, then run `salur migrate`."
        )
    call_command("migrate", verbosity=0, interactive=False)
