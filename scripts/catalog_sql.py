"""Write the statements of a new catalog anew, after a migration: `storage/migrations/newest.py` (`make schemas`)."""

import sys

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from trimtab.server.api import all_routes
from trimtab.server.wiring import wire
from trimtab.storage import migrations
from trimtab.storage.migrations import newest
from trimtab.storage.schema import METADATA


def main() -> None:
    """Refuses to write down what the history does not come to."""
    assert all_routes()  # by importing these, all that a server asks the catalog for is declared
    assert wire
    with create_engine("sqlite://").begin() as conn:
        migrations.lead(conn)
        found = compare_metadata(MigrationContext.configure(conn), METADATA)
    if differences := [str(each) for each in found if "alembic_version" not in str(each)]:
        sys.exit("The history comes to something else than the rooms declare:\n" + "\n".join(differences))
    for kind in newest.KINDS:
        newest.path_of(kind).write_text(newest.written(kind, migrations.known()[-1]))


if __name__ == "__main__":
    main()
