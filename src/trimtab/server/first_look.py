"""What a start does before there is a server: the config file is read, the catalog brought up to date, a way in made.

A supervisor of workers does this and no more, so it imports nothing of what answers calls.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from msgspec import Struct

from trimtab.core.errors import Unavailable
from trimtab.governance import bootstrap, sessions
from trimtab.server.config import file as config_file
from trimtab.server.config.file import ConfigFile
from trimtab.server.settings import Settings
from trimtab.storage.database import Database

logger = logging.getLogger("trimtab.wiring")
CATALOG_PAUSE_S = 3.0


class FirstLook(Struct, frozen=True, kw_only=True):
    """What the first start has to show a person, and nobody later: empty at any other start."""

    admin_secret: str = ""
    login_link: str = ""


def read_config(settings: Settings) -> ConfigFile:
    """The config file, or an empty one. Raises `InvalidRequest` with every mistake in it."""
    return config_file.load(settings.config) if settings.config is not None else ConfigFile()


async def prepare_catalog(settings: Settings) -> FirstLook | None:
    """Migrate the catalog and see that a project and a way in exist. None while it is away: the last snapshot may still
    serve, and `prepare_catalog_later` does it when the catalog is back."""
    config = read_config(settings)
    db = Database.open(settings.catalog_url)
    try:
        return await _prepare(db, settings, config)
    finally:
        await db.close()


async def prepare_catalog_later(settings: Settings, show: Callable[[FirstLook], None]) -> None:
    """Try again until the catalog is there, then ``show`` what a first start has to show."""
    while True:
        await asyncio.sleep(CATALOG_PAUSE_S)
        if (look := await prepare_catalog(settings)) is not None:
            break
    logger.info("the catalog is there")
    show(look)


async def _prepare(db: Database, settings: Settings, config: ConfigFile) -> FirstLook | None:
    now = time.time_ns() // 1_000_000
    try:
        await db.prepare()
        first = await db.write(
            lambda conn: bootstrap.ensure(conn, admin_key=settings.admin_key, project=config.project, now=now)
        )
        if first.admin_secret is None:
            return FirstLook()
        link = await db.write(lambda conn: sessions.make_link(conn, first.admin_key_id, now))
    except Unavailable as error:
        logger.warning("the catalog is away: %s", error.sentence())
        return None
    return FirstLook(admin_secret=first.admin_secret, login_link=f"{settings.address}/login?token={link.secret}")
