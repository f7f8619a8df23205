"""What the application may do in the database: read everything, add facts, but change or delete none.

The tables belong to the user that salur connects as (the owner). Serving pages and phones, every connection lays the owner's rights down
and works as the role ``salur_app``: it may not make or alter tables, and may not UPDATE, DELETE or TRUNCATE a table of facts, whatever a
bug or a smuggled statement asks for. A model says that its rows are facts with ``append_only = True``; its partitions count as well.

Migrations and the operator's commands work as the owner; ``as_owner`` takes the owner's rights up again for a few statements. This guards
against the application, not against an operator with the database's password: against him stands the audit trail's seal and printed head.

Beneath the pages there is a second line: who works below the nation and asks for a page does so as ``salur_page``, for whom row-level
security hides the rows of other branches in the hot tables, whatever the page's own statement asks for (``narrowed_to``). It costs the phones
nothing: to ``salur_app`` every row is there.

Rights are given after every migration (``give_rights``), so that a new table needs no grant of its own.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.apps import AppConfig, apps
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.db.utils import ProgrammingError
from psycopg.errors import DuplicateObject, InsufficientPrivilege
from psycopg.pq import TransactionStatus

APPLICATION = "salur_app"
PAGE = "salur_page"
# The branches that a page may read, with commas between them; without it a page reads none.
SCOPE = "salur.branches"
# Set in the server's processes (web/wsgi.py): the role that connections work as.
VARIABLE = "SALUR_DATABASE_ROLE"

NO_ROLE = (
    "Facts are not protected from the application: the database user {user} may not make the role salur_app. As a superuser run"
    ' CREATE ROLE salur_app NOLOGIN; CREATE ROLE salur_page NOLOGIN; GRANT salur_app, salur_page TO "{user}"; and then `salur migrate`.'
)

NOT_YET = "Facts are not protected from the application yet: run `salur migrate`."


def fact_tables() -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False))


def install() -> None:
    """Called once when Django starts: rights follow every migration, and connections take the role that the environment names."""
    post_migrate.connect(_after_migration, dispatch_uid="salur.lib.rights")
    connection_created.connect(_lay_down, dispatch_uid="salur.lib.rights")


def _after_migration(sender: AppConfig, **_: Any) -> None:
    if sender is list(apps.get_app_configs())[-1]:  # Django tells every folder; the last one's tables exist too by then
        give_rights()


def _lay_down(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Work as the role, when it exists and may be taken: an unprotected server serves on, and `salur doctor` says so."""
    role = os.environ.get(VARIABLE)
    if role:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, %s)",
                [role, _may_take(connection)],
            )


def _may_take(connection: Any) -> str:
    """The word of ``pg_has_role`` for "may SET ROLE to": since PostgreSQL 16 being a member is not enough."""
    return "SET" if connection.pg_version >= 160_000 else "MEMBER"


@contextmanager
def as_owner() -> Iterator[None]:
    """The owner's rights, for making and attaching tables; nothing changes where they were not laid down.

    A statement that fails inside a transaction spoils it, and rolling back restores the role too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        (role, owner) = cursor.fetchone()
        if role == owner:
            yield
            return
        cursor.execute("SET ROLE NONE")
        try:
            yield
        finally:
            if connection.connection.info.transaction_status != TransactionStatus.INERROR:
                cursor.execute("SELECT set_config('role', %s, false)", [role])


def narrow(branches: Sequence[int]) -> bool:
    """From here on this connection reads the hot tables' rows of these branches alone, until ``widen``.

    Nothing happens where the connection does not work as the application (a test, a command) or the role is not there yet.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT set_config(%s, %s, false), set_config('role', rolname, false)
            FROM pg_roles WHERE current_user = %s AND rolname = %s AND pg_has_role(session_user, oid, %s)""",
            [SCOPE, ",".join(map(str, branches)), APPLICATION, PAGE, _may_take(connection)],
        )
        return cursor.fetchone() is not None


def widen() -> None:
    """Take the application's own rights up again. A connection that cannot be asked to is closed: nobody inherits another one's scope."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('role', %s, false), set_config(%s, '', false)", [APPLICATION, SCOPE])
    except DatabaseError:
        connection.close()


@contextmanager
def beyond_scope() -> Iterator[None]:
    """For a figure that somebody may know of other branches than their own, like the ranking of a region's meeting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user = %s, current_setting(%s, true)", [PAGE, SCOPE])
        narrowed, branches = cursor.fetchone()
        if narrowed:
            cursor.execute("SELECT set_config('role', %s, false)", [APPLICATION])
    try:
        yield
    finally:
        if narrowed and connection.connection is not None:
            narrow([int(branch) for branch in branches.split(",") if branch])


@transaction.atomic
def give_rights() -> str | None:
    """Make the role and give it its rights on every table there is; says in one sentence what stands in the way, if something does."""
    if not _make_role(APPLICATION) or not _make_role(PAGE):
        return unprotected()
    facts = fact_tables()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('salur rights', 0))"
        )  # grants at once would trip over each other
        cursor.execute(
            """SELECT c.oid::regclass::text, c.relispartition,
                c.relname = ANY(%(facts)s) OR EXISTS (
                    SELECT FROM pg_partition_ancestors(c.oid) AS above JOIN pg_class AS a ON a.oid = above WHERE a.relname = ANY(%(facts)s)
                )
            FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')""",
            {"facts": facts},
        )
        tables = cursor.fetchall()
        # A page reaches a partition through its table alone: policies are the table's.
        for role, given in ((APPLICATION, tables), (PAGE, [table for table in tables if not table[1]])):
            append_only = ", ".join(name for name, _, is_fact in given if is_fact)
            others = ", ".join(name for name, _, is_fact in given if not is_fact)
            cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
            if others:
                cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {others} TO {role}")
            if append_only:
                cursor.execute(f"REVOKE ALL ON {append_only} FROM {role}")
                cursor.execute(f"GRANT SELECT, INSERT ON {append_only} TO {role}")
            cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        _hide_other_branches(cursor, {name for name, _, _ in tables})
        # What is made later, a stage's partitions for example, is written through its parent; no table starts with more than this.
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO {APPLICATION}")
        cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APPLICATION}")
    return unprotected()


# Tables without a model whose rows are a branch's; the folder that owns them adds them.
BY_BRANCH: set[str] = set()


def hidden_tables() -> list[str]:
    """The tables whose rows a page sees of its own branches alone: ``by_branch = True`` in the model, or in ``BY_BRANCH``."""
    return sorted(
        BY_BRANCH | {model._meta.db_table for model in apps.get_models() if getattr(model, "by_branch", False)}
    )


def _hide_other_branches(cursor: Any, there: Collection[str]) -> None:
    """Policies: everybody sees every row, a page those of its branches. The first is a constant, which the planner drops."""
    cursor.execute("SELECT tablename FROM pg_policies WHERE policyname = 'page_sees_its_branches'")
    done = {name for (name,) in cursor.fetchall()}
    for table in hidden_tables():
        if table in there and table not in done:
            cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            cursor.execute(f"CREATE POLICY everybody ON {table} USING (true) WITH CHECK (true)")
            cursor.execute(
                f"""CREATE POLICY page_sees_its_branches ON {table} AS RESTRICTIVE TO {PAGE}
                USING (branch = ANY ((SELECT string_to_array(current_setting('{SCOPE}', true), ',')::integer[])::integer[])) WITH CHECK (true)"""
            )


def _make_role(role: str) -> bool:
    """Roles belong to the whole server, so another database's salur may have made it, perhaps at this moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [role])
        if not cursor.fetchone()[0] and not _try(f"CREATE ROLE {role} NOLOGIN"):
            return False
        cursor.execute("SELECT pg_has_role(%s, %s)", [role, _may_take(connection)])
        return bool(cursor.fetchone()[0]) or _try(f"GRANT {role} TO CURRENT_USER")


def _try(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        if isinstance(error.__cause__, DuplicateObject):
            return True
        if isinstance(error.__cause__, InsufficientPrivilege):
            return False
        raise
    return True


def unprotected() -> str | None:
    """What is wrong with the protection of facts, in one sentence; ``None`` when the application can change none of them."""
    with connection.cursor() as cursor:
        may_take = "SELECT pg_has_role(session_user, oid, %s) FROM pg_roles WHERE rolname = %s"
        may_make = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = session_user"
        cursor.execute(f"SELECT session_user, ({may_take}), ({may_make})", [_may_take(connection), APPLICATION])
        (user, taken, may) = cursor.fetchone()
        if not taken:
            return NOT_YET if may else NO_ROLE.format(user=user)
        cursor.execute(
            """SELECT c.oid::regclass::text FROM pg_class AS c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                AND (c.relname = ANY(%(facts)s) OR EXISTS (
                    SELECT FROM pg_partition_ancestors(c.oid) AS above JOIN pg_class AS a ON a.oid = above WHERE a.relname = ANY(%(facts)s)
                ))
                AND (has_table_privilege(%(role)s, c.oid, 'UPDATE') OR has_any_column_privilege(%(role)s, c.oid, 'UPDATE')
                    OR has_table_privilege(%(role)s, c.oid, 'DELETE') OR has_table_privilege(%(role)s, c.oid, 'TRUNCATE'))
            ORDER BY 1""",
            {"facts": fact_tables(), "role": APPLICATION},
        )
        open_tables = [name for (name,) in cursor.fetchall()]
    if open_tables:
        return f"The application may change facts in {', '.join(open_tables)}: run `salur migrate`."
    return None
