"""What is answered where: the API, the console's files, and refusals in one shape."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from house import ADMIN, House, Run

from trimtab.server.app import MAX_BODY, create_app
from trimtab.server.console import StaticConsole

PROBLEM = {"type", "title", "status", "detail", "code", "fix", "request_id", "param", "meanwhile"}


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() == PROBLEM
    assert body["status"] == status
    assert body["type"] == f"urn:trimtab:problem:{body['code']}"
    assert body["fix"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["request_id"].startswith("req_")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Traceback" not in answer.text
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/nope", 404),
        ("GET", "/api/v2/projects", 404),
        ("GET", "/api/v1/projects/nope", 404),
        ("PUT", "/api/v1/projects", 405),
        ("DELETE", "/api/v1/me", 405),
        ("POST", "/some/page", 405),
        ("DELETE", "/", 405),
        ("GET", "/api/v1/projects?limit=0", 400),
        ("GET", "/api/v1/projects?limit=x", 400),
        ("GET", "/api/v1/projects?cursor=%00", 400),
        ("GET", "/api/v1/projects/default/traces?start=2&end=1", 400),
        ("GET", "/api/v1/projects/default/overview?group_by=shoes", 400),
        ("GET", "/api/v1/projects/default/price", 400),
        ("GET", "/api/v1/projects/a%00b", 404),
        ("GET", "/api/v1/projects/%2e%2e%2f", 404),
    ],
)
def test_every_refusal_is_a_problem_with_a_way_out(run: Run, method: str, path: str, status: int) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.request(method, path)

    answer = run(story)
    assert_problem(answer, status)
    if status == 405 and path.startswith("/api"):
        assert "allow" in answer.headers


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/v1", ""),
        ("/v1/nope", ""),
        ("/v1/messages/nope", ""),
        ("/v1/nope", "anthropic-version"),
        ("/v1/responses/resp_1/cancel", ""),
        ("/v1/nope", "x-goog-api-key"),
        ("/v1beta/nope", ""),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_client_of_models_that_asks_for_what_is_not_there_is_told_in_its_own_dialect(
    run: Run, method: str, path: str, header: str
) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.request(method, path, headers={header: "x"} if header else {})

    answer = run(story)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    told: Any = answer.json()
    assert ("type" in told) == ("messages" in path or header == "anthropic-version")  # Anthropic's errors say so
    message = told["error"]["message"]
    assert f"There is nothing at {method} {path}." in message
    assert "/v1/chat/completions" in message
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("path", "what", "way_out"),
    [
        ("/v1/realtime/sessions", "Realtime sessions", "/v1/audio"),
        ("/v1/conversations", "Conversations", "previous_response_id"),
        ("/v1/completions", "Completions of a prompt", "/v1/chat/completions"),
        ("/v1/vector_stores/vs_1/files", "Vector stores", "Call the vendor itself"),
        ("/v1/moderations", "Moderations", "neither limited nor recorded"),
        ("/v1beta/batches/b1", "Google's batches", "/v1/messages/batches"),
        ("/v1beta/cachedContents", "Cached contents", "Call the vendor itself"),
        ("/v1/cachedContents", "Cached contents", "Call the vendor itself"),
        ("/v1/interactions", "Interactions", "Call the vendor itself"),
        ("/upload/v1beta/files", "Google's files", "Call the vendor itself"),
        ("/upload/v1/files", "Google's files", "Call the vendor itself"),
        ("/v1/responses/compact", "Compactions by themselves", "Call the vendor itself"),
    ],
)
def test_what_vendors_have_and_we_do_not_is_refused_by_its_name(run: Run, path: str, what: str, way_out: str) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post(path, json={})

    answer = run(story)
    assert answer.status_code == 404
    told = answer.json()["error"]
    assert f"{what}" in told["message"]
    assert "not offered here" in told["message"]
    assert way_out in told["message"]
    assert "not_offered" in answer.text


@pytest.mark.parametrize(
    ("path", "way_out"),
    [
        ("/chat/completions", "it should call /v1/chat/completions."),
        ("/messages", "it should call /v1/messages."),
        ("/models/fast:generateContent", "it should call /v1beta/models/fast:generateContent."),
        ("/v1/v1/messages", "so that it calls /v1/messages."),
        ("/api/v1/chat/completions", "the client calls /v1/chat/completions."),
        ("/openai/v1/embeddings", "the client calls /v1/embeddings."),
        ("/openai/chat/completions", "the client calls /v1/chat/completions."),
        ("/v1/trace", "or for one signal, has its path."),
        ("/v1/v1/traces", "or for one signal, has its path."),
    ],
)
def test_a_client_with_a_wrong_base_url_is_told_the_right_one(run: Run, path: str, way_out: str) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post(path, json={})

    answer = run(story)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].endswith(way_out)


def test_an_exporter_that_was_given_the_address_alone_in_code_is_told_where_traces_go(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post("/", content=b"", headers={"content-type": "application/x-protobuf"})

    answer = run(story)
    assert answer.status_code == 405
    assert "/v1/traces" in answer.text


def test_a_client_that_lists_models_at_a_wrong_base_url_does_not_get_the_consoles_page(run: Run) -> None:
    async def story(house: House) -> tuple[httpx.Response, httpx.Response]:
        return await house.admin.get("/models"), await house.client().get("/models")

    client, browser = run(story)
    assert client.json()["error"]["message"].endswith("it should call /v1/models.")
    assert "There is nothing at" not in browser.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "param"),
    [
        (b"", "application/json", 400, None),
        (b"{", "application/json", 400, None),
        (b"[]", "application/json", 400, None),
        (b"null", "application/json", 400, None),
        (b"\xff\xfe", "application/json", 400, None),
        (b'{"slug": "\\ud800"}', "application/json", 400, None),
        (b'{"slug": 3}', "application/json", 400, "slug"),
        (b'{"slug": "x", "nam": 1}', "application/json", 400, "nam"),
        (b'{"name": "x"}', "application/json", 400, "slug"),
        (b'{"slug": "x"}', "text/plain", 415, None),
        (b"slug=x", "application/x-www-form-urlencoded", 415, None),
        (b"--b\r\n\r\n--b--", "multipart/form-data; boundary=b", 415, None),
        (b'{"slug": "x", "name": "' + b"y" * MAX_BODY + b'"}', "application/json", 413, None),
        (b"[" * 100_000, "application/json", 400, None),
    ],
)
def test_a_bad_body_is_refused_with_what_is_wrong(
    run: Run, content: bytes, kind: str, status: int, param: str | None
) -> None:
    async def story(house: House) -> httpx.Response:
        return await house.admin.post("/api/v1/projects", content=content, headers={"content-type": kind})

    body = assert_problem(run(story), status)
    if param is not None:
        assert body["param"] == param


def test_a_defect_of_ours_is_told_without_its_trace_and_logged_with_it(run: Run, caplog: Any) -> None:
    async def story(house: House) -> httpx.Response:
        async def broken(*_: object) -> None:
            raise RuntimeError("canary: something internal")

        house.reader.facets = broken  # type: ignore[method-assign]
        return await house.admin.get("/api/v1/projects/default/facets")

    answer = run(story)
    body = assert_problem(answer, 500)
    assert "canary" not in answer.text
    assert body["request_id"] in caplog.text
    assert "canary: something internal" in caplog.text


def test_a_store_that_is_away_is_told_as_such(run: Run) -> None:
    async def story(house: House) -> httpx.Response:
        house.reader.away = True
        return await house.admin.get("/api/v1/projects/default/traces")

    assert_problem(run(story), 503)


# --- open routes ---


def test_health_and_readiness_are_open_and_say_one_word(run: Run) -> None:
    async def story(house: House) -> None:
        client = house.client()
        assert (await client.get("/healthz")).text == "ok\n"
        assert (await client.get("/readyz")).text == "ready\n"
        house.lacking.append("the spool is full: canary detail")
        lacking = await client.get("/readyz")
        assert (lacking.status_code, lacking.text) == (503, "not ready\n")
        assert (await client.get("/healthz")).status_code == 200

    run(story)


def test_metrics_need_a_key_of_the_instance(run: Run) -> None:
    async def story(house: House) -> None:
        assert (await house.client().get("/metrics")).status_code == 401
        answer = await house.admin.get("/metrics")
        assert answer.text == "trimtab_up 1\n"
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")

    run(story)


def test_every_answer_of_the_api_has_its_own_request_id_whatever_the_client_sent(run: Run) -> None:
    async def story(house: House) -> list[str]:
        headers = {"x-request-id": "chosen"}
        return [(await house.admin.get("/api/v1/me", headers=headers)).headers["x-request-id"] for _ in range(3)]

    ids = run(story)
    assert len(set(ids)) == 3
    assert all(each.startswith("req_") for each in ids)


# --- the console's files ---


def built(folder: Path) -> Path:
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>console</title>")
    (static / "assets" / "index-abc123.js").write_text("console.log('hello')")
    (static / "assets" / "index-abc123.js.gz").write_bytes(b"zipped bytes")
    (static / "icon.svg").write_text("<svg/>")
    (folder / "secret.txt").write_text("canary")
    (static / "link.txt").symlink_to(folder / "secret.txt")
    return static


def ask(static: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def story() -> httpx.Response:
        transport = httpx.ASGITransport(app=StaticConsole(static))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(story())


def test_pages_of_the_console_are_its_index_and_nothing_may_run_that_we_did_not_ship(tmp_path: Path) -> None:
    static = built(tmp_path)
    for path in ("/", "/index.html", "/traces", "/projects/default/traces/abc?q=1"):
        answer = ask(static, path)
        assert answer.status_code == 200
        assert answer.text == "<!doctype html><title>console</title>"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe-eval" not in policy
        assert policy.count("unsafe-inline") == 1
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"


def test_hashed_files_are_kept_forever_and_sent_zipped_to_who_can(tmp_path: Path) -> None:
    static = built(tmp_path)
    plain = ask(static, "/assets/index-abc123.js", **{"accept-encoding": "identity"})
    assert plain.text == "console.log('hello')"
    assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in plain.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    head = ask(static, "/assets/index-abc123.js", "HEAD", **{"accept-encoding": "gzip"})
    assert head.headers["content-encoding"] == "gzip"
    assert head.headers["content-length"] == str(len(b"zipped bytes"))
    assert head.content == b""


def test_a_page_that_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    static = built(tmp_path)
    etag = ask(static, "/").headers["etag"]
    again = ask(static, "/", **{"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert ask(static, "/", **{"if-none-match": '"other"'}).status_code == 200


def test_a_hashed_file_has_a_tag_too_and_a_folder_that_is_a_link_none_of_its_files(tmp_path: Path) -> None:
    static = built(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary.js").write_text("canary")
    (static / "assets" / "linked").symlink_to(outside)
    etag = ask(static, "/assets/index-abc123.js", "HEAD").headers["etag"]
    assert ask(static, "/assets/index-abc123.js", **{"if-none-match": etag}).status_code == 304
    assert ask(static, "/assets/linked/canary.js").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/link.txt",
        "//etc/passwd",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/static/../secret.txt\x00.js",
        "/missing.js",
    ],
)
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    static = built(tmp_path)

    async def story() -> tuple[int, bytes]:
        from urllib.parse import unquote

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": unquote(path), "headers": []}
        await StaticConsole(static)(scope, None, send)
        return sent[0]["status"], sent[1]["body"]

    status, body = asyncio.run(story())
    assert b"canary" not in body
    assert b"root:" not in body
    assert status == 404 or b"<title>console</title>" in body


def test_an_unbuilt_console_says_how_to_build_it(tmp_path: Path) -> None:
    answer = ask(tmp_path / "nothing", "/")
    assert answer.status_code == 200
    assert "make console" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_file_that_went_away_under_a_running_server_is_a_404(tmp_path: Path) -> None:
    static = built(tmp_path)
    console = StaticConsole(static)
    (static / "icon.svg").unlink()

    async def story() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=console), base_url="http://t") as client:
            return (await client.get("/icon.svg")).status_code

    assert asyncio.run(story()) == 404


def test_a_console_that_is_built_anew_under_a_running_server_is_served_as_it_is_now(tmp_path: Path) -> None:
    static = built(tmp_path)
    console = StaticConsole(static)

    async def story() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=console), base_url="http://t") as client:
            old = await client.get("/")
            shutil.rmtree(static)
            building = await client.get("/")
            assert (building.status_code, "refresh" in building.text) == (503, True)
            (static / "assets").mkdir(parents=True)
            (static / "assets" / "index-new456.js").write_text("console.log('new')")
            (static / "index.html").write_text("<!doctype html><title>another</title>")
            assert (await client.get("/assets/index-abc123.js")).status_code == 404, "an open page loads itself anew"
            page = await client.get("/traces", headers={"if-none-match": old.headers["etag"]})
            assert (page.status_code, page.text) == (200, "<!doctype html><title>another</title>")
            assert (await client.get("/assets/index-new456.js")).text == "console.log('new')"

    asyncio.run(story())


# --- description ---

ROOT = Path(__file__).parents[2]


def test_no_two_types_of_the_api_share_a_name() -> None:
    """Of two that do, the description tells both by their whole path in this program."""
    from trimtab.server.openapi import document

    assert [name for name in document()["components"]["schemas"] if "." in name] == []


def test_the_committed_description_is_current(run: Run) -> None:
    from trimtab.server.openapi import document

    committed = json.loads((ROOT / "schemas/openapi.json").read_text())
    assert committed == document(), "run: python -m trimtab.server.openapi > schemas/openapi.json"

    async def story(house: House) -> Any:
        assert (await house.client().get("/api/openapi.json")).status_code == 401
        return (await house.client(ADMIN).get("/api/openapi.json")).json()

    assert run(story) == committed


def test_the_description_is_complete_enough_to_generate_clients_from() -> None:
    from trimtab.server.openapi import document

    described = document()
    operations = [(path, method, op) for path, at in described["paths"].items() for method, op in at.items()]
    assert described["openapi"] == "3.1.0"
    assert len({op["operationId"] for *_, op in operations}) == len(operations) > 25
    text = json.dumps(described)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in described["components"]["schemas"]
    for path, _, op in operations:
        assert op["summary"]
        assert op["responses"]
        if op["security"]:
            assert {"401", "403"} <= op["responses"].keys()
        declared = {p["name"] for p in op.get("parameters", ()) if p["in"] == "path"}
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_a_target_that_is_no_path_is_answered(run: Run, method: str) -> None:
    """``OPTIONS * HTTP/1.1`` asks for no path; httpx cannot send it."""

    async def story(house: House) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": "*",
            "raw_path": b"*",
            "headers": [],
            "query_string": b"",
        }
        await house.app(scope, None, send)
        assert sent[0]["status"] == 405

    run(story)


def test_a_server_says_that_it_lives_while_its_api_is_in_the_making(run: Run) -> None:
    async def never(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(f"the API was asked for {scope['path']}")

    async def story(house: House) -> None:
        app = create_app(house.deps, api=cast("Any", never))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://t") as client:
            answer = await client.get("/healthz")
            assert (answer.status_code, answer.text) == (200, "ok\n")
            assert answer.headers["x-request-id"].startswith("req_")
            assert (await client.head("/healthz")).status_code == 200
            with pytest.raises(AssertionError, match="/readyz"):
                await client.get("/readyz")
        said = await house.client().get("/healthz")
        same = ("content-type", "cache-control", "x-content-type-options")
        assert [said.headers[name] for name in same] == [answer.headers[name] for name in same]

    run(story)


@pytest.mark.parametrize("depth", [300, 990, 100_000])
def test_what_is_nested_without_an_end_is_taken_or_refused_with_a_reason(run: Run, depth: int) -> None:
    """Whether it can be read depends on the depth; nothing breaks, and what was taken can be shown."""

    async def story(house: House) -> None:
        at, nested = "/api/v1/projects/default", "[" * depth + "]" * depth
        await house.admin.put(f"{at}/datasets/deep", json={})
        case = f'{{"add": [{{"id": "a", "input": "q", "metadata": {{"k": {nested}}}}}]}}'
        bodies = {f"{at}/datasets/deep/cases": case, f"{at}/keys": nested, f"{at}/boards": f'{{"body": {nested}}}'}
        for path, body in bodies.items():
            answer = await house.admin.post(path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code in (200, 400, 404, 405), (path, answer.text[:300])
        shown = await house.admin.get(f"{at}/datasets/deep/versions/latest/cases")
        assert shown.status_code in (200, 404), shown.text[:300]

    run(story)
