"""The OpenTelemetry provider that spans come from: the application's own where it has one, else a new one for all."""

from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


def new_provider(ratio: float, resource: Mapping[str, str]) -> TracerProvider:
    """A provider that keeps ``ratio`` of the traces that begin here, and of others what their parents decided. It
    becomes OpenTelemetry's own, so that what other libraries trace joins in; unless the application has set one: then
    that one is used as it is."""
    found = trace.get_tracer_provider()
    if isinstance(found, TracerProvider) and not getattr(found, "trimtab", False):
        return found
    sampler = ParentBased(TraceIdRatioBased(ratio))
    provider = TracerProvider(sampler=sampler, resource=Resource.create(dict(resource)), shutdown_on_exit=False)
    provider.trimtab = True  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(found, TracerProvider):
        trace.set_tracer_provider(provider)
    return provider
