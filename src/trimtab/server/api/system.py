"""The server itself: alive, ready, how it fares, and what its API is."""

from litestar import Response

from trimtab import __version__
from trimtab.core.compiled import is_compiled
from trimtab.server.bodies.common import CheckView, ServerStatus
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import Deps, Operation, route

TAG = "system"
_OPEN = {"cache-control": "no-store"}


@route(
    "GET", "/healthz", None, Operation(id="healthz", summary="Is the process alive", tag=TAG, media_type="text/plain")
)
async def healthz() -> Response[str]:
    return Response("ok\n", media_type="text/plain", headers=_OPEN)


@route("GET", "/readyz", None, Operation(id="readyz", summary="Can it take calls", tag=TAG, media_type="text/plain"))
async def readyz(deps: Deps) -> Response[str]:
    """503 until the configuration is there and records can be kept, and while draining. Says no more than one word."""
    lacking = not deps.snapshots.ready or bool(deps.ready())
    return Response(
        "not ready\n" if lacking else "ready\n",
        status_code=503 if lacking else 200,
        media_type="text/plain",
        headers=_OPEN,
    )


@route(
    "GET",
    "/metrics",
    "metrics:read",
    Operation(id="metrics", summary="Counters in Prometheus' text format", tag=TAG, media_type="text/plain"),
)
async def metrics(deps: Deps) -> Response[str]:
    return Response(await deps.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8", headers=_OPEN)


@route("GET", "/api/openapi.json", "self", Operation(id="openapi", summary="This description", tag=TAG))
async def openapi(deps: Deps) -> Response[bytes]:
    """OpenAPI 3.1 of everything here."""
    return Response(deps.describe(), media_type="application/json")


@route("GET", "/api/v1/status", "system:read", Operation(id="getStatus", summary="How the server fares", tag=TAG))
async def get_status(deps: Deps) -> ServerStatus:
    return ServerStatus(
        version=__version__,
        compiled=is_compiled(),
        started=deps.started,
        workers=deps.settings.workers,
        catalog=_catalog(deps),
        telemetry=await deps.reader.health(),
        config_file=deps.config.path,
        data_dir=str(deps.settings.data_dir.absolute()),
        config=_config(deps),
    )


def _config(deps: Dependencies) -> CheckView:
    if trouble := deps.snapshots.watch.trouble:
        fix = "Correct the file: it is read again when it changes. Until then the one before is in force."
        return CheckView(name="config", state="failed", detail=trouble, fix=fix)
    detail = f"{deps.config.path} is in force" if deps.config.path else "There is no config file"
    return CheckView(name="config", state="ok", detail=detail, fix="")


def _catalog(deps: Dependencies) -> CheckView:
    if deps.snapshots.away:
        return CheckView(
            name="catalog",
            state="failed",
            detail=deps.snapshots.away,
            fix="Bring the database back; nothing else needs to be done.",
        )
    return CheckView(
        name="catalog", state="ok", detail=f"{deps.db.dialect}, configuration {deps.snapshots.current.version}", fix=""
    )


ROUTES = (healthz, readyz, metrics, openapi, get_status)
