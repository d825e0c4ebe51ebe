"""The management API: one file of thin handlers per room. A handler decodes, calls a room and answers; it decides
nothing."""

from litestar.handlers import HTTPRouteHandler


def all_routes() -> tuple[HTTPRouteHandler, ...]:
    """Every route of the API, for the app, its description and its tests."""
    from trimtab.server.api import (
        boards,
        cache,
        cards,
        costs,
        dead_letters,
        detectors,
        export,
        forwards,
        kept,
        keys,
        limits,
        live,
        models,
        prices,
        projects,
        providers,
        reconciliations,
        remap,
        replay,
        repricings,
        resilience,
        routing,
        scores,
        search,
        seen,
        session,
        system,
        traces,
    )

    return (
        *system.ROUTES,
        *session.ROUTES,
        *projects.ROUTES,
        *keys.ROUTES,
        *providers.ROUTES,
        *resilience.ROUTES,
        *models.ROUTES,
        *cards.ROUTES,
        *cache.ROUTES,
        *routing.ROUTES,
        *replay.ROUTES,
        *live.ROUTES,
        *traces.ROUTES,
        *search.ROUTES,
        *boards.ROUTES,
        *scores.ROUTES,
        *seen.ROUTES,
        *detectors.ROUTES,
        *prices.ROUTES,
        *limits.ROUTES,
        *costs.ROUTES,
        *repricings.ROUTES,
        *reconciliations.ROUTES,
        *dead_letters.ROUTES,
        *remap.ROUTES,
        *kept.ROUTES,
        *export.ROUTES,
        *forwards.ROUTES,
    )
