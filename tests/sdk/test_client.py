"""The client against a real server and simulated providers."""

import time
from collections.abc import Iterator

import pytest
from live import ADMIN, Live, until

from patience import PATIENCE_S
from trimtab.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from trimtab.sdk import Client, call_headers, openai_options
from trimtab.sdk.connection import Unreachable


@pytest.fixture
def client(server: Live) -> Iterator[Client]:
    with Client(server.url, ADMIN) as opened:
        yield opened


@pytest.fixture
def project(client: Client, upstream: str, request: pytest.FixtureRequest) -> str:
    """A project with one provider and the model ``fast``."""
    slug = f"p-{abs(hash(request.node.name))}"
    client.create_project(slug)
    client.create_provider(slug, "lab", base_url=f"{upstream}/v1")
    client.create_model(slug, "fast", provider="lab", upstream="gpt-4o-mini", price={"input": 1.0, "output": 2.0})
    return slug


def test_it_knows_who_it_is(client: Client) -> None:
    me = client.me()
    assert me.role == "admin"
    assert "default" in me.projects


def test_the_server_tells_how_it_fares(client: Client) -> None:
    status = client.status()
    assert status.catalog.state == "ok"
    assert status.workers == 1


def test_what_was_declared_is_listed(client: Client, project: str) -> None:
    assert [provider.name for provider in client.providers(project)] == ["lab"]
    (model,) = client.models(project)
    assert (model.name, model.upstream, model.price.known) == ("fast", "gpt-4o-mini", True)


def test_a_key_works_until_it_is_revoked(client: Client, project: str, server: Live) -> None:
    issued = client.create_key(project, "app")
    assert [key.state for key in client.keys(project)] == ["active"]
    with Client(server.url, issued.secret) as as_app:
        assert as_app.me().role == "client"
        client.revoke_key(project, issued.key.id)
        with pytest.raises(Unauthenticated):
            as_app.me()


def test_a_call_of_an_official_client_becomes_a_trace_with_what_its_headers_said(
    client: Client, project: str, server: Live
) -> None:
    from openai import OpenAI

    key = client.create_key(project, "app").secret
    headers = call_headers(session="s-1", user="ada", feature="greeting", tags=["a", "b"])
    answer = OpenAI(**openai_options(server.url, key)).chat.completions.with_raw_response.create(
        model="fast", messages=[{"role": "user", "content": "Hello"}], extra_headers=headers
    )
    trace_id = answer.headers["trimtab-trace-id"]
    server.settled()
    (row,) = client.traces(project, q="feature:greeting")
    assert (row.trace_id, row.session, row.user, row.tags) == (trace_id, "s-1", "ada", ["a", "b"])
    trace = client.trace(project, trace_id)
    assert trace.cost is not None
    assert trace.tokens.total > 0
    io = client.span_io(project, trace_id, trace.spans[0].span_id)
    assert io.input[-1].parts == [{"type": "text", "text": "Hello"}]
    assert client.overview(project, group_by="feature").groups[0].group == "greeting"


def test_a_list_longer_than_a_page_is_followed_to_its_end(client: Client, project: str, server: Live) -> None:
    from openai import OpenAI

    key = client.create_key(project, "app").secret
    openai = OpenAI(**openai_options(server.url, key))
    for _ in range(7):
        openai.chat.completions.create(model="fast", messages=[{"role": "user", "content": "x"}])
    server.settled()
    first = client.trace_page(project, limit=3)
    second = client.trace_page(project, limit=3, cursor=first.cursor)
    assert len(first.rows) == len(second.rows) == 3
    assert not {row.trace_id for row in first.rows} & {row.trace_id for row in second.rows}
    assert len(list(client.traces(project))) == 7


def test_a_test_call_goes_the_live_path(client: Client, project: str) -> None:
    result = client.test_model(project, "fast")
    assert result.ok
    assert result.trace_id


def test_a_model_whose_name_has_parts_can_be_removed(client: Client, project: str) -> None:
    client.create_model(project, "team/fast", provider="lab", upstream="gpt-4o-mini")
    client.delete_model(project, "team/fast")
    assert [model.name for model in client.models(project)] == ["fast"]


def test_a_login_link_leads_to_the_console(client: Client, server: Live) -> None:
    link = client.login_link()
    assert link.url.startswith(f"{server.url}/login?token=")
    assert link.expires > time.time() * 1000


def test_the_servers_refusals_are_our_errors(client: Client, project: str, server: Live) -> None:
    with pytest.raises(NotFound):
        client.trace(project, "0" * 31 + "1")
    with pytest.raises(Conflict):
        client.create_project(project)
    with pytest.raises(InvalidRequest) as refused:
        client.create_project("No Slug")
    assert refused.value.param == "slug"
    assert refused.value.fix
    app = client.create_key(project, "app").secret
    with Client(server.url, app) as as_app, pytest.raises(Forbidden):
        as_app.keys(project)


def test_a_wrong_key_is_told_with_the_way_out(server: Live) -> None:
    with Client(server.url, "tt_wrong") as stranger, pytest.raises(Unauthenticated) as refused:
        stranger.me()
    assert "TRIMTAB_ADMIN_KEY" in refused.value.fix


def test_a_proxy_in_the_environment_is_not_asked_for_this_machine(
    server: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Client(server.url, ADMIN) as direct:
        assert direct.me().role == "admin"


def test_no_server_is_told_with_the_way_out() -> None:
    with Client("http://127.0.0.1:9", "tt_x") as lonely, pytest.raises(Unreachable) as away:
        lonely.me()
    assert "trimtab up" in away.value.fix


def test_an_answer_that_is_not_ours_is_told(upstream: str) -> None:
    with Client(upstream, "tt_x") as lost, pytest.raises(Unreachable) as strange:
        lost.me()
    assert strange.value.code == "not_trimtab"


def test_feedback_goes_by_what_the_official_client_returned(client: Client, project: str, server: Live) -> None:
    """The openai client keeps the id of the request that it got in a header."""
    from openai import OpenAI

    issued = client.create_key(project, "app")
    options = openai_options(server.url, issued.secret)
    made = OpenAI(**options).chat.completions.create(model="fast", messages=[{"role": "user", "content": "Hi"}])
    with Client(server.url, issued.secret) as as_app:
        ids = as_app.feedback(made, thumbs="down", comment="not what I asked", user="ada")
        assert as_app.feedback(made, thumbs="down", user="ada") == ids
        with pytest.raises(InvalidRequest):
            as_app.feedback(made, rating=9)
        with pytest.raises(InvalidRequest):
            as_app.feedback(object(), thumbs="up")
    until(lambda: client.feedback_summary(project)["all"]["responded"] == 1, PATIENCE_S, server.told)
    (score,) = client.scores.list(project, q="source:user")
    assert (score.name, score.value, score.trace_id) == ("thumbs", 0.0, str(made._request_id).removeprefix("req_"))  # pyright: ignore[reportPrivateUsage]
    told = client.feedback_summary(project)
    assert (told["all"]["answers"], told["all"]["mean"]["value"]) == (1, 0.0)
