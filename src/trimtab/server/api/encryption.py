"""Encryption of content at rest: a project's data keys, and the instance's secret key that they are wrapped with."""

import asyncio

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import Conflict
from trimtab.governance import checkpoints, data_keys, sealings, secrets
from trimtab.governance.access import Project
from trimtab.governance.data_key import DataKey
from trimtab.governance.sealings import Sealing
from trimtab.server import backup_notes
from trimtab.server.auditing import Deed, noted, written
from trimtab.server.bodies.encryption import (
    CatalogSealingView,
    DataKeyView,
    DestroyKey,
    EncryptionBody,
    EncryptionView,
    RotateSecretKey,
    SecretKeyView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.duties import resealing
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "encryption"
BASE = "/api/v1/projects/{project:str}/encryption"


async def _view(deps: Dependencies, tenant: Project) -> EncryptionView:
    def work(conn: Connection) -> tuple[list[DataKey], Sealing | None]:
        return data_keys.of_project(conn, tenant.id), sealings.of_project(conn, tenant.id)

    keys, sealing = await deps.db.read(work)
    shown = [
        DataKeyView(id=key.id, state=key.state, created=key.created, retired=key.retired, destroyed=key.destroyed)
        for key in keys
    ]
    enabled = any(key.state == "active" for key in keys)
    catalog = sealing and CatalogSealingView(
        state=sealing.state, rows=sealing.rows, asked=sealing.asked, ended=sealing.ended
    )
    since = data_keys.unbroken_since(keys) if enabled else None
    return EncryptionView(enabled=enabled, keys=shown, catalog=catalog, traces_since=since)


@route(
    "GET",
    BASE,
    "encryption:read",
    Operation(id="getEncryption", summary="Whether content is encrypted at rest", tag=TAG, errors=(404,)),
)
async def get_encryption(deps: Deps, tenant: Tenant) -> EncryptionView:
    return await _view(deps, tenant)


@route(
    "PUT",
    BASE,
    "encryption:write",
    Operation(id="setEncryption", summary="Encrypt content, or do not", tag=TAG, errors=(404,)),
)
async def set_encryption(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[EncryptionBody]
) -> EncryptionView:
    """In force on every worker when this answers. What lies in the catalog already is encrypted by a job that begins at
    once and goes on after a crash (``catalog`` says how far it is); texts of earlier traces stay as they are."""
    now, box = deps.now(), deps.secrets
    deed = Deed(
        project=tenant,
        action="encryption.set",
        subject="encryption",
        detail={"enabled": data.enabled},
        state=lambda conn: {"enabled": data_keys.is_on(conn, tenant.id)},
    )
    if data.enabled:
        await written(deps, caller, deed, lambda conn: data_keys.switch_on(conn, box, tenant.id, now))
    else:
        await written(deps, caller, deed, lambda conn: data_keys.switch_off(conn, tenant.id, now))
    await deps.snapshots.changed()
    deps.wake_encrypting()
    return await _view(deps, tenant)


@route(
    "POST",
    BASE + "/rotations",
    "encryption:write",
    Operation(id="rotateDataKey", summary="Encrypt what is new with a new key", tag=TAG, status=201, errors=(404, 409)),
)
async def rotate_data_key(deps: Deps, caller: CallerNow, tenant: Tenant) -> EncryptionView:
    """The key before goes on opening what it sealed. Calls go on meanwhile."""
    if not (await _view(deps, tenant)).enabled:
        raise Conflict(
            "Content of this project is not encrypted, so there is no key to be changed.",
            fix="Switch it on: trimtab encryption on.",
            code="not_encrypted",
        )
    now, box = deps.now(), deps.secrets

    def subject(key: DataKey) -> str:
        return f"data-key:{key.id}"

    deed = Deed(project=tenant, action="data_key.rotated", subject=subject)
    await written(deps, caller, deed, lambda conn: data_keys.rotate(conn, box, tenant.id, now))
    await deps.snapshots.changed()
    return await _view(deps, tenant)


@route(
    "POST",
    BASE + "/keys/{key:str}/destruction",
    "encryption:write",
    Operation(id="destroyDataKey", summary="Destroy a key and what it sealed", tag=TAG, status=200, errors=(404, 409)),
)
async def destroy_data_key(
    deps: Deps, caller: CallerNow, tenant: Tenant, key: FromPath[str], data: JSONBody[DestroyKey]
) -> EncryptionView:
    """``key`` is an id, or ``all``. Everything that was encrypted with it is unreadable from then on, for ever and for
    everybody; in backups that this server knows of, too. Where the active key was destroyed a new one takes its
    place."""
    data_keys.check_confirmed(data.confirm, tenant.slug, key)
    now, box = deps.now(), deps.secrets

    def subject(gone: list[DataKey]) -> str:
        return f"data-key:{','.join(each.id for each in gone)}"

    deed = Deed(project=tenant, action="data_key.destroyed", subject=subject, detail={"asked": key})
    gone = await written(deps, caller, deed, lambda conn: data_keys.destroy(conn, box, tenant.id, key, now))
    await deps.snapshots.changed()
    await deps.db.settle()  # the wrapped key is gone from the database's log, too
    folder, ids = deps.settings.data_dir.absolute(), [each.id for each in gone]
    said = await asyncio.to_thread(backup_notes.destroy_keys, folder, ids)
    told = {"backups from before": said}
    await noted(deps, caller, Deed(project=tenant, action="data_key.backups", subject=subject(gone), detail=told))
    return await _view(deps, tenant)


# --- the instance's key ---


async def _secret_keys(deps: Dependencies) -> SecretKeyView:
    behind = await deps.db.read(lambda conn: resealing.behind(conn, deps.secrets))
    return SecretKeyView(keys=deps.secrets.key_ids, from_environment=bool(deps.settings.secret_key), behind=behind)


@route(
    "GET",
    "/api/v1/system/secret-key",
    "system:read",
    Operation(id="getSecretKey", summary="Which keys the instance's secrets are sealed with", tag=TAG),
)
async def get_secret_key(deps: Deps) -> SecretKeyView:
    """Their ids: digests that tell nothing of them."""
    return await _secret_keys(deps)


@route(
    "POST",
    "/api/v1/system/secret-key/rotations",
    "system:write",
    Operation(
        id="rotateSecretKey", summary="Seal the instance's secrets with a new key", tag=TAG, status=200, errors=(409,)
    ),
)
async def rotate_secret_key(deps: Deps, caller: CallerNow, data: JSONBody[RotateSecretKey]) -> SecretKeyView:
    """A new key is put into the key file, and every secret sealed with it; the old key still opens. Where the key comes
    from the environment, its first key is the new one: change it there first, on every machine. Calls go on."""
    box, folder = deps.secrets, deps.settings.data_dir.absolute()
    if not deps.settings.secret_key:
        await asyncio.to_thread(secrets.rotate, folder)
        box.refresh()
    deed = Deed(project=None, action="secret_key.rotated", subject=f"secret-key:{box.key_ids[0]}")
    await written(deps, caller, deed, lambda conn: resealing.reseal(conn, box))
    await deps.snapshots.changed()
    if data.forget_old:
        if deps.settings.secret_key:
            raise Conflict(
                "The key comes from the environment, and cannot be taken out of it here.",
                fix="All is sealed with the first key now: leave only that in TRIMTAB_SECRET_KEY, and restart.",
                code="key_in_environment",
            )
        deed = Deed(project=None, action="secret_key.forgotten", subject="secret-key")

        def vouch(conn: Connection) -> None:
            resealing.reseal(conn, box)  # what another process was just writing down with the old one
            checkpoints.sign_again(conn, box)

        await written(deps, caller, deed, vouch)
        await asyncio.to_thread(secrets.forget, folder)
    return await _secret_keys(deps)


ROUTES = (
    get_encryption,
    set_encryption,
    rotate_data_key,
    destroy_data_key,
    get_secret_key,
    rotate_secret_key,
)
