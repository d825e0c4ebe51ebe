"""The management API: one file of thin handlers per room. A handler decodes, calls a room and answers; it decides
nothing."""

from litestar.handlers import HTTPRouteHandler


def all_routes() -> tuple[HTTPRouteHandler, ...]:
    """Every route of the API, for the app, its description and its tests."""
    from trimtab.server.api import (
        apps,
        audit,
        boards,
        cache,
        calibrations,
        cards,
        costs,
        dataset_files,
        dataset_making,
        datasets,
        dead_letters,
        detectors,
        environments,
        experiments,
        export,
        feedback,
        folder,
        forwards,
        guards,
        holds,
        judges,
        kept,
        keys,
        limits,
        live,
        models,
        online_rules,
        playground,
        prices,
        projects,
        prompt_preview,
        prompts,
        providers,
        quality,
        reconciliations,
        redteam,
        releases,
        remap,
        replay,
        repricings,
        resilience,
        review_items,
        review_queues,
        rollouts,
        routing,
        scorers,
        scores,
        search,
        seen,
        session,
        suites,
        system,
        traces,
    )

    rooms = (
        system, session, projects, keys, providers, resilience, models, cards, cache, routing,
        replay, live, traces, search, boards, scores, seen, detectors, prices, limits, costs,
        repricings, reconciliations, dead_letters, remap, kept, export, forwards, prompts, folder,
        environments, rollouts, audit, apps, releases, prompt_preview, playground,
        feedback, review_queues, review_items, holds, calibrations, judges, scorers, guards,
        suites, experiments, datasets, dataset_files, online_rules, quality, dataset_making,
        redteam,
    )  # fmt: skip
    return tuple(each for room in rooms for each in room.ROUTES)
