"""Statements that delete or change rows, on one node and on a cluster: the only place that writes them.

On a cluster each shard's rows lie in a table of its own, and a statement reaches them ``ON CLUSTER``: it is queued for
every host, and one that is away does it when it is back. An ``ALTER`` is done once for all replicas of a shard. A
``DELETE FROM`` is done by each of them, whenever it comes to it (`DDLWorker::taskShouldBeExecutedOnLeader`): an hour
later it would delete the rows that were written again since. So a cluster is sent none.
"""

from typing import Final

LOCAL: Final = "_local"
"""On a cluster a table's rows of one shard lie in ``<name>_local``; ``<name>`` reads and writes those of all shards."""
DDL_S: Final = 60
"""So long a statement for all hosts is waited for at those that are there."""


def alter(cluster: str, table: str, command: str) -> str:
    """A change that is not waited for: somebody asks for its end."""
    return f"ALTER TABLE {_of(cluster, table)} {command}"


def alter_now(cluster: str, table: str, command: str) -> str:
    """A change that is waited for. On a cluster by the replica that makes it, not by the others: one that is away would
    be waited for, and what is inserted after the change is not touched by it, wherever it is made late."""
    return f"{alter(cluster, table, command)} SETTINGS mutations_sync = {1 if cluster else 2}"


def delete_now(cluster: str, table: str, partition: str, where: str) -> str:
    """Rows of one partition, waited for, so that others may take their place."""
    if cluster:
        return alter_now(cluster, table, f"DELETE IN PARTITION ID '{partition}' WHERE {where}")
    return f"DELETE FROM {table} IN PARTITION ID '{partition}' WHERE {where}"  # noqa: S608  the caller binds its values


def settings(cluster: str) -> dict[str, str]:
    """What every statement to a cluster says besides."""
    if not cluster:
        return {}
    return {
        # An insert is acknowledged when every shard has its rows, under the same token; a table within IN is that of
        # all shards (https://clickhouse.com/docs/operations/settings/settings).
        "distributed_foreground_insert": "1",
        "distributed_product_mode": "global",
        # A replica that is away must keep no server from its store: it catches up with what is queued for it.
        "distributed_ddl_output_mode": "throw_only_active",
        "distributed_ddl_task_timeout": str(DDL_S),
    }


def _of(cluster: str, table: str) -> str:
    return f"{table}{LOCAL} ON CLUSTER `{cluster}`" if cluster else table
