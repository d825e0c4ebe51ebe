"""The SDK may not import the server's bodies, so it has its own. Each must be a subset of the server's."""

import msgspec
import pytest
from msgspec.structs import FieldInfo, fields

from trimtab.gateway.kept.cache_tune import Point
from trimtab.releases import diff
from trimtab.releases import types as releases
from trimtab.retrieval import freshness
from trimtab.retrieval import types as retrieval
from trimtab.sdk import (
    cache_types,
    cost_types,
    folder_types,
    knowledge_types,
    limit_types,
    release_types,
    scorers,
    search_types,
    seen,
)
from trimtab.sdk import types as ours
from trimtab.server.api import remap
from trimtab.server.bodies import app as app_bodies
from trimtab.server.bodies import board as board_bodies
from trimtab.server.bodies import cache as cache_bodies
from trimtab.server.bodies import common as bodies
from trimtab.server.bodies import corpus as corpus_bodies
from trimtab.server.bodies import cost as cost_bodies
from trimtab.server.bodies import detector as detector_bodies
from trimtab.server.bodies import folder as folder_bodies
from trimtab.server.bodies import limit as limit_bodies
from trimtab.server.bodies import resilience as resilience_bodies
from trimtab.server.bodies import scorer as scorer_bodies
from trimtab.telemetry import views
from trimtab.telemetry.costs import views as cost_views
from trimtab.telemetry.search import aggregate_views, complete
from trimtab.telemetry.seen import views as seen_views
from trimtab.telemetry.sql import door as sql_door

PAIRS: dict[type[msgspec.Struct], type[msgspec.Struct]] = {
    ours.Me: bodies.Me,
    seen.SessionRow: seen_views.SessionRow,
    seen.SessionPage: seen_views.SessionPage,
    seen.SessionView: seen_views.SessionView,
    seen.UserRow: seen_views.UserRow,
    seen.UserPage: seen_views.UserPage,
    seen.CauseExample: seen_views.CauseExample,
    seen.CauseRow: seen_views.CauseRow,
    seen.CauseReport: seen_views.CauseReport,
    seen.ToolRow: seen_views.ToolRow,
    seen.ToolReport: seen_views.ToolReport,
    seen.GraphNode: seen_views.GraphNode,
    seen.GraphEdge: seen_views.GraphEdge,
    seen.AgentGraph: seen_views.AgentGraph,
    seen.PairRow: seen_views.PairRow,
    seen.TraceComparison: seen_views.TraceComparison,
    cost_types.DatedPrice: cost_bodies.DatedPriceView,
    cost_types.PriceBook: cost_bodies.PriceBookView,
    cost_types.Currency: cost_bodies.CurrencyView,
    cost_types.RepricingLine: cost_bodies.RepricingLine,
    cost_types.Repricing: cost_bodies.RepricingView,
    cost_types.CostSide: cost_bodies.CostLine,
    cost_types.ReconciledLine: cost_bodies.ReconciledLine,
    cost_types.Reconciliation: cost_bodies.ReconciliationView,
    cost_types.Energy: cost_views.EnergyView,
    cost_types.CostTotals: cost_views.CostTotals,
    cost_types.CostGroup: cost_views.CostRow,
    cost_types.CostReport: cost_views.CostReport,
    cost_types.WasteLine: cost_views.WasteLine,
    cost_types.Waste: cost_views.WasteReport,
    cost_types.Attempt: cost_views.CostlyCall,
    cost_types.HeldLine: cost_bodies.HeldLine,
    cost_types.Batch: cost_bodies.BatchView,
    cost_types.CostlyPrompt: cost_views.CostlyPrompt,
    cost_types.Costly: cost_views.Costly,
    limit_types.Standing: limit_bodies.StandingView,
    limit_types.Limit: limit_bodies.LimitView,
    limit_types.LimitEvent: limit_bodies.LimitEventView,
    ours.Remapped: remap.Remapped,
    ours.Detector: detector_bodies.DetectorView,
    ours.DetectorList: detector_bodies.DetectorList,
    ours.LoginLink: bodies.LoginLink,
    ours.StoreHealth: views.StoreHealth,
    ours.Check: bodies.CheckView,
    ours.ServerStatus: bodies.ServerStatus,
    ours.Project: bodies.ProjectView,
    ours.Key: bodies.KeyView,
    ours.IssuedKey: bodies.IssuedKey,
    ours.Provider: bodies.ProviderView,
    ours.Price: bodies.PriceView,
    ours.Model: bodies.ModelView,
    ours.CheckResult: bodies.CheckResultView,
    ours.Card: bodies.CardView,
    ours.TestCall: bodies.TestResult,
    ours.Tokens: views.Tokens,
    ours.Span: views.SpanRow,
    ours.TracePage: views.TracePage,
    ours.DecisionLine: views.DecisionLine,
    ours.Known: views.Known,
    ours.StepLine: views.StepLine,
    ours.CacheLine: views.CacheLine,
    ours.ContextLine: views.ContextLine,
    ours.LimitLine: views.LimitLine,
    ours.Score: views.ScoreView,
    ours.Trace: views.TraceDetail,
    ours.KnowledgeLine: views.KnowledgeLine,
    ours.Message: views.MessageView,
    ours.SpanIO: views.SpanIO,
    ours.Totals: views.Totals,
    ours.Group: views.GroupRow,
    ours.Overview: views.Overview,
    ours.Resilience: resilience_bodies.ResilienceView,
    ours.TargetKey: resilience_bodies.TargetKeyView,
    ours.Target: resilience_bodies.TargetView,
    cache_types.CacheName: cache_bodies.CacheNameView,
    cache_types.CacheStats: cache_bodies.CacheView,
    cache_types.Purged: cache_bodies.Purged,
    cache_types.Point: Point,
    cache_types.Tuning: cache_bodies.TuningView,
    cache_types.PolicyPage: cache_bodies.PolicyPage,
    folder_types.FolderMistake: folder_bodies.FolderMistake,
    folder_types.FolderChange: folder_bodies.FolderChange,
    folder_types.FolderRelease: folder_bodies.FolderRelease,
    folder_types.FolderPromotion: folder_bodies.FolderPromotion,
    folder_types.CostEstimate: folder_bodies.CostEstimate,
    folder_types.FolderPlan: folder_bodies.FolderPlan,
    folder_types.FolderFiles: folder_bodies.FolderFiles,
    folder_types.DriftLine: folder_bodies.DriftLine,
    folder_types.DriftReport: folder_bodies.DriftReport,
    knowledge_types.Chunker: retrieval.ChunkerSpec,
    knowledge_types.EmbedderOf: retrieval.EmbedderSpec,
    knowledge_types.Corpus: corpus_bodies.CorpusView,
    knowledge_types.Document: corpus_bodies.DocumentView,
    knowledge_types.DocumentText: corpus_bodies.DocumentText,
    knowledge_types.DocumentsPut: corpus_bodies.DocumentsPut,
    knowledge_types.DocumentsGone: corpus_bodies.DocumentsGone,
    knowledge_types.CorpusVersion: corpus_bodies.CorpusVersionView,
    knowledge_types.CorpusPublished: corpus_bodies.CorpusPublished,
    knowledge_types.FoundPassage: corpus_bodies.PassageView,
    knowledge_types.FoundPassages: corpus_bodies.SearchResult,
    knowledge_types.AgedDocument: freshness.Aged,
    knowledge_types.CorpusFreshness: corpus_bodies.CorpusFreshness,
    release_types.App: app_bodies.AppView,
    release_types.AppDetail: app_bodies.AppDetail,
    release_types.Release: app_bodies.ReleaseRow,
    release_types.Tried: releases.Tried,
    release_types.ReleaseDetail: app_bodies.ReleaseDetail,
    release_types.Created: app_bodies.CreatedRelease,
    release_types.ReleaseChange: diff.ReleaseChange,
    release_types.PromptChanges: diff.PromptChanges,
    release_types.ReleaseDiff: app_bodies.ReleaseDiff,
    scorers.TrialVerdict: scorer_bodies.TrialVerdict,
    search_types.TopValue: aggregate_views.TopValue,
    search_types.Metric: aggregate_views.MetricView,
    search_types.AggregateGroup: aggregate_views.AggregateGroup,
    search_types.AggregatePoint: aggregate_views.AggregatePoint,
    search_types.Aggregate: aggregate_views.AggregateReport,
    search_types.CompletionItem: complete.CompletionItem,
    search_types.Completion: complete.Completion,
    search_types.SqlColumn: sql_door.SqlColumn,
    search_types.SqlResult: sql_door.SqlResult,
    search_types.SavedView: board_bodies.SavedViewBody,
    search_types.Dashboard: board_bodies.DashboardView,
}


def test_every_struct_of_the_sdk_has_its_counterpart() -> None:
    own = {
        thing
        for module in (ours, cache_types, cost_types, folder_types, knowledge_types, release_types, search_types)
        for thing in vars(module).values()
        if isinstance(thing, type) and thing.__module__ == module.__name__
    }
    assert own - {cache_types.Policy, ours.KeyScope, ours.Besides} <= set(PAIRS), (
        "a policy is plain JSON to the SDK, a scope and what a provider has besides are parts of bodies"
    )


@pytest.mark.parametrize(
    ("part", "whole"), [(ours.KeyScope, bodies.NewKey), (ours.Besides, bodies.NewProvider)], ids=["key", "provider"]
)
def test_a_part_of_a_body_has_fields_that_the_server_takes(part: type, whole: type[msgspec.Struct]) -> None:
    assert set(part.__annotations__) <= {field.encode_name for field in fields(whole)}


@pytest.mark.parametrize("ours_", PAIRS, ids=lambda kind: kind.__name__)
def test_every_field_is_one_that_the_server_sends_and_of_its_kind(ours_: type[msgspec.Struct]) -> None:
    theirs = {field.name: field for field in fields(PAIRS[ours_])}
    for field in fields(ours_):
        assert field.name in theirs, f"{ours_.__name__}.{field.name} is not in the server's body"
        assert kind_of(field) == kind_of(theirs[field.name]), f"{ours_.__name__}.{field.name}"


def kind_of(field: FieldInfo) -> str:
    """The JSON a field is made of: structs by any name are objects, literals are strings."""
    schema = msgspec.json.schema(field.type)
    return _flat(schema, schema.get("$defs", {}))


def _flat(schema: dict[str, object], definitions: dict[str, dict[str, object]]) -> str:
    if "$ref" in schema:
        schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
    if "anyOf" in schema:
        options: list[dict[str, object]] = schema["anyOf"]  # type: ignore[assignment]  # pyright: ignore
        return "|".join(sorted(_flat(option, definitions) for option in options))
    if "enum" in schema:
        return "string"
    kind = str(schema.get("type"))
    if kind == "array":
        return f"array[{_flat(schema.get('items', {}), definitions)}]"  # type: ignore[arg-type]  # pyright: ignore
    return kind


def test_a_comparison_of_a_server_that_does_not_count_what_differs_is_read() -> None:
    told: dict[str, object] = {
        "a": "1", "b": "2", "pairs": [], "more": 0, "duration_change": 0.0, "tokens_change": 0, "cost_change": None,
        "only_a": 0, "only_b": 0,
    }  # fmt: skip
    assert msgspec.convert(told, seen.TraceComparison).differing == 0
