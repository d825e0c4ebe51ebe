"""The path of a call over real sockets: what the client sees, what the provider was asked, what the record says."""

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from harness import PRICE, OpenSpool, Running, provider, running
from upstream import DONE, STOP, USAGE, WHOLE, Upstream, answers, delta, hangs_up, streams, upstream

from patience import PATIENCE_S
from trimtab.gateway.targets import Model
from trimtab.telemetry.records import CallRecord

ASK: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}
STREAM = {**ASK, "stream": True}
FAST = Model(name="fast", provider="lab", upstream="up-1", price=PRICE)


def with_fallback() -> list[Model]:
    first = Model(name="fast", provider="lab", upstream="up-1", fallback=("slow",), price=PRICE)
    return [first, Model(name="slow", provider="spare", upstream="up-2", price=PRICE)]


async def events_of(response: httpx.Response) -> list[Any]:
    return events_in((await response.aread()).decode())


def events_in(text: str) -> list[Any]:
    found = [part.removeprefix("data: ") for part in text.split("\n\n") if part]
    return [part if part == "[DONE]" else json.loads(part) for part in found]


def test_a_whole_answer_passes_through_with_fields_we_do_not_know() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port, api_key="sk-x")], [FAST]) as g:
            response = await g.chat({**ASK, "x_vendor": {"deep": [1]}})
            assert (response.status_code, response.json()) == (200, WHOLE)
            headers, body = up.requests[0]
            assert headers["authorization"] == "Bearer sk-x"
            assert body == {**ASK, "model": "up-1", "x_vendor": {"deep": [1]}}
            record = await g.spool.one()
            assert record.request_id == response.headers["x-request-id"]
            assert record.trace_id == response.headers["trimtab-trace-id"]
            assert (record.outcome, record.status, record.key_id, record.model) == ("answer", 200, "key_1", "fast")
            attempt = record.attempts[0]
            assert attempt.usage is not None
            assert (attempt.usage.input, attempt.usage.output, attempt.cost.amount) == (10, 5, 20_000_000)
            assert json.loads(attempt.response) == WHOLE
            assert [(c.verdict, c.model) for c in record.decision] == [("chosen", "fast")]

    asyncio.run(main())


def test_a_client_cannot_call_itself_a_feature_of_the_servers_own() -> None:
    """Budgets of guards and judges go by these names: whoever takes one would spend them."""

    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            for more in ({"metadata": {"feature": "trimtab.guard.tone"}}, {}):
                headers = {} if more else {"trimtab_feature": "trimtab.guard.tone"}
                told = await g.chat({**ASK, **more}, **headers)
                assert (told.status_code, told.json()["error"]["code"]) == (400, "feature_reserved")
            assert up.requests == []

    asyncio.run(main())


def test_a_stream_passes_through_and_usage_asked_for_by_us_stays_with_us() -> None:
    async def main() -> None:
        script = streams(delta(), delta("he"), delta("llo"), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            response = await g.chat(STREAM)
            chunks = await events_of(response)
            assert response.headers["content-type"].startswith("text/event-stream")
            assert chunks[-1] == "[DONE]"
            assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks[:-1]) == "hello"
            assert not any(c.get("usage") for c in chunks[:-1])
            assert up.requests[0][1]["stream_options"] == {"include_usage": True}
            record = await g.spool.one()
            usage = record.attempts[0].usage
            assert usage is not None
            assert (usage.input, usage.output, usage.estimated) == (10, 5, False)
            assert record.started_ns < record.first_token_ns <= record.ended_ns

    asyncio.run(main())


def test_the_record_is_durable_before_the_last_byte_of_a_whole_answer_and_of_a_stream() -> None:
    async def main() -> None:
        for body, script in ((ASK, answers(WHOLE)), (STREAM, streams(delta("hi"), STOP, USAGE, DONE))):
            async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
                g.spool.gate = asyncio.Event()
                asking = asyncio.ensure_future(g.chat(body))
                await asyncio.wait([asking], timeout=0.3)
                assert not asking.done(), "the client had its whole answer before the record was durable"
                g.spool.gate.set()
                assert (await asking).status_code == 200
                assert len(g.spool.records) == 1

    asyncio.run(main())


def test_an_answer_that_cannot_be_recorded_is_not_given() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            g.spool.broken = True
            response = await g.chat(ASK)
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "spool_unavailable"
            assert "the disk is full" not in response.text, "that is its operator's: it names folders"

    asyncio.run(main())


def test_a_full_spool_refuses_before_any_provider_is_asked() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            g.spool.accepting = False
            assert (await g.chat(ASK)).status_code == 503
            assert up.requests == []

    asyncio.run(main())


def test_one_retry_then_the_fallback_and_each_try_is_in_the_record() -> None:
    async def main() -> None:
        broken = answers({"error": {"message": "overloaded"}}, 503)
        async with (
            upstream(broken) as bad,
            upstream(answers(WHOLE)) as good,
            running([provider("lab", bad.port), provider("spare", good.port)], with_fallback()) as g,
        ):
            assert (await g.chat(ASK)).status_code == 200
            assert (len(bad.requests), len(good.requests)) == (2, 1)
            assert good.requests[0][1]["model"] == "up-2"
            record = await g.spool.one()
            assert [(a.provider, a.outcome, a.status) for a in record.attempts] == [
                ("lab", "error", 503),
                ("lab", "error", 503),
                ("spare", "answer", 200),
            ]
            assert [c.verdict for c in record.decision] == ["failed", "failed", "chosen"]
            assert "overloaded" in record.decision[0].reason

    asyncio.run(main())


@pytest.mark.parametrize(
    "failure",
    [
        streams(delta(), "reset"),
        streams(delta(), b'data: {"error":{"message":"boom"}}\n\n'),
        streams(delta(), end=True),
        hangs_up(),
        answers(b"<html>bad gateway</html>", 502),
        answers(WHOLE),
    ],
    ids=["reset", "error event", "empty stream", "hang up", "html", "not a stream"],
)
def test_a_stream_that_fails_before_its_first_token_falls_back_unseen(failure: Any) -> None:
    async def main() -> None:
        async with (
            upstream(failure) as bad,
            upstream(streams(delta("good"), STOP, USAGE, DONE)) as good,
            running([provider("lab", bad.port), provider("spare", good.port)], with_fallback()) as g,
        ):
            chunks = await events_of(await g.chat(STREAM))
            assert [c["choices"][0]["delta"].get("content") for c in chunks[:-1]] == ["good", None]
            record = await g.spool.one()
            assert record.outcome == "answer"
            assert record.attempts[-1].provider == "spare"
            assert all(a.outcome == "error" and a.fault for a in record.attempts[:-1])

    asyncio.run(main())


@pytest.mark.parametrize("failure", ["reset", b'data: {"error":{"message":"boom"}}\n\n'], ids=["reset", "error event"])
def test_a_stream_that_breaks_after_its_first_token_ends_with_an_error_and_no_splice(failure: Any) -> None:
    async def main() -> None:
        script = streams(delta("some text"), "wait", failure)
        async with (
            upstream(script) as bad,
            upstream(streams(delta("x"), STOP, DONE)) as good,
            running([provider("lab", bad.port), provider("spare", good.port)], with_fallback()) as g,
        ):
            async with g.client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
                source = response.aiter_text()
                text = await anext(source)  # its first token is on its way: from here on nothing is spliced
                bad.go_on.set()
                text += "".join([piece async for piece in source])
            chunks = events_in(text)
            errors = [c["error"] for c in chunks if c != "[DONE]" and "error" in c]
            assert len(errors) == 1
            assert errors[0]["message"]
            assert good.requests == []
            record = await g.spool.one()
            assert (record.outcome, record.attempts[0].outcome) == ("error", "error")
            usage = record.attempts[0].usage
            assert usage is not None
            assert usage.estimated
            assert usage.output > 0
            assert record.attempts[0].cost.amount

    asyncio.run(main())


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_the_provider_finds_wrong_is_not_repeated_and_keeps_its_status(status: int) -> None:
    async def main() -> None:
        wrong = answers({"error": {"message": "temperature must be <= 2", "code": "bad"}}, status)
        async with (
            upstream(wrong) as bad,
            upstream(answers(WHOLE)) as good,
            running([provider("lab", bad.port), provider("spare", good.port)], with_fallback()) as g,
        ):
            response = await g.chat(ASK)
            assert response.status_code == status
            assert "temperature must be <= 2" in response.json()["error"]["message"]
            assert (len(bad.requests), len(good.requests)) == (1, 0)
            assert (await g.spool.one()).status == status

    asyncio.run(main())


def test_a_request_too_large_for_one_target_is_asked_there_once_and_answered_by_the_next_or_keeps_its_status() -> None:
    async def main() -> None:
        large = answers({"error": {"message": "request entity too large", "code": "bad"}}, 413)
        async with upstream(large) as small, upstream(answers(WHOLE)) as good:
            both = [provider("lab", small.port), provider("spare", good.port)]
            async with running(both, with_fallback()) as g:
                assert (await g.chat(ASK)).status_code == 200
                assert (len(small.requests), len(good.requests)) == (1, 1)
                assert [a.status for a in (await g.spool.one()).attempts] == [413, 200]
            async with running(
                [provider("lab", small.port)], [Model(name="fast", provider="lab", upstream="up-1")]
            ) as g:
                response = await g.chat(ASK)
                assert (response.status_code, len(small.requests)) == (413, 2)
                assert "request entity too large" in response.json()["error"]["message"]
                assert (await g.spool.one()).status == 413

    asyncio.run(main())


def test_a_refusal_of_the_servers_own_key_does_not_look_like_one_of_the_clients() -> None:
    async def main() -> None:
        refused = answers({"error": {"message": "Incorrect API key provided: sk-***"}}, 401)
        async with upstream(refused) as up, running([provider("lab", up.port)], [FAST]) as g:
            error = (await g.chat(ASK)).json()["error"]
            assert error["code"] == "provider_key_refused"
            assert "'lab' refused this server's key" in error["message"]
            assert len(up.requests) == 1

    asyncio.run(main())


def test_a_rate_limit_with_no_other_target_comes_back_with_retry_after() -> None:
    async def main() -> None:
        limited = answers({"error": {"message": "slow down"}}, 429, "retry-after: 7\r\n")
        async with upstream(limited) as up, running([provider("lab", up.port)], [FAST]) as g:
            response = await g.chat(ASK)
            assert (response.status_code, response.headers["retry-after"]) == (429, "7")
            assert len(up.requests) == 1

    asyncio.run(main())


async def hang_up_after(g: Running, pieces: int) -> None:
    """Read some of a stream, then leave."""
    async with g.client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
        source = response.aiter_raw()
        for _ in range(pieces):
            await anext(source)


def test_a_client_that_leaves_cuts_the_provider_and_leaves_a_row_that_is_not_free() -> None:
    async def main() -> None:
        script = streams(delta(), delta("some words that were paid for"), "hang")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            await hang_up_after(g, 1)
            async with asyncio.timeout(PATIENCE_S):
                await up.left.wait()
            record = await g.spool.one()
            assert (record.outcome, record.status, record.attempts[0].outcome) == ("cancel", 499, "cancel")
            usage = record.attempts[0].usage
            assert usage is not None
            assert usage.estimated
            assert usage.output > 0
            assert usage.input > 0
            assert record.attempts[0].cost.amount

    asyncio.run(main())


def test_a_client_that_leaves_before_the_first_byte_leaves_a_row_too() -> None:
    async def main() -> None:
        async with upstream(streams("hang")) as up, running([provider("lab", up.port)], [FAST]) as g:
            asking = asyncio.ensure_future(g.chat(ASK))
            async with asyncio.timeout(PATIENCE_S):
                while not up.requests:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            asking.cancel()
            async with asyncio.timeout(PATIENCE_S):
                await up.left.wait()
            record = await g.spool.one()
            assert (record.outcome, record.attempts[0].outcome) == ("cancel", "cancel")
            usage = record.attempts[0].usage
            assert usage is not None, "the provider was asked, so it has read the question"
            assert (usage.input > 0, usage.output, usage.estimated) == (True, 0, True)

    asyncio.run(main())


def test_shutdown_ends_a_stream_in_flight_with_an_error_after_the_drain_bound() -> None:
    async def main() -> None:
        script = streams(delta("begun"), "hang")
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST]) as g:
            async with g.client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
                source = response.aiter_text()
                text = await anext(source)
                g.server.should_exit = True
                text += "".join([piece async for piece in source])
            assert "shutting_down" in text
            assert (await g.spool.one()).outcome == "error"

    asyncio.run(main())


def test_a_stream_in_flight_finishes_while_the_server_drains() -> None:
    async def main() -> None:
        script = streams(delta("begun"), "wait", delta(" and done"), STOP, USAGE, DONE)
        async with upstream(script) as up, running([provider("lab", up.port)], [FAST], drain_s=60) as g:
            async with g.client.stream("POST", "/v1/chat/completions", json=STREAM) as response:
                source = response.aiter_text()
                text = await anext(source)
                g.server.should_exit = True
                async with asyncio.timeout(PATIENCE_S):
                    while any(each.is_serving() for each in g.server.servers):  # noqa: ASYNC110
                        await asyncio.sleep(0.005)
                up.go_on.set()
                text += "".join([piece async for piece in source])
            assert "and done" in text
            assert text.endswith("data: [DONE]\n\n")
            assert (await g.spool.one()).outcome == "answer"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("Basic abc", 401, "missing_api_key"),
        ("Bearer tt_wrong", 401, "invalid_api_key"),
        ("Bearer tt_old", 401, "expired_api_key"),
        ("Bearer tt_reader", 403, "read_only_key"),
    ],
)
def test_a_caller_without_a_right_key_is_told_how_to_get_in_and_reaches_no_provider(
    key: str, status: int, code: str
) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            response = await g.chat(ASK, authorization=key)
            assert (response.status_code, response.json()["error"]["code"]) == (status, code)
            assert up.requests == []
            assert g.spool.records == []

    asyncio.run(main())


def test_an_admin_key_calls_the_default_project_and_chooses_another_by_header() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            admin = "Bearer tt_admin"
            assert (await g.chat(ASK, authorization=admin)).status_code == 200
            assert (await g.chat(ASK, authorization=admin, trimtab_project="other")).status_code == 404
            assert (await g.chat(ASK, authorization=admin, trimtab_project="none")).json()["error"]["code"] == (
                "project_not_found"
            )
            assert (await g.chat(ASK, trimtab_project="other")).json()["error"]["code"] == "wrong_project"

    asyncio.run(main())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"messages":[]}', b'{"model":7,"messages":[]}', b"\xff\xfe", b'{"model":"fast"' + b"[" * 5000],
)
def test_a_malformed_body_is_the_callers_400_in_its_dialect_and_a_row(body: bytes) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            response = await g.client.post("/v1/chat/completions", content=body)
            assert response.status_code == 400
            assert response.json()["error"]["message"]
            assert up.requests == []
            assert (await g.spool.one()).outcome == "error"

    asyncio.run(main())


def test_a_body_above_the_limit_is_refused_with_the_limit_named() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST], max_body=1 << 20) as g:
            response = await g.client.post("/v1/chat/completions", content=b"x" * (3 << 20))
            assert response.status_code == 413
            assert "1 MB" in response.json()["error"]["message"]
            assert (await g.chat(ASK)).status_code == 200

    asyncio.run(main())


def test_context_comes_from_headers_first_and_the_body_second() -> None:
    async def main() -> None:
        trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            await g.chat(
                {**ASK, "user": "body-user", "metadata": {"session_id": "s-1", "feature": "f-1"}},
                trimtab_user="header-üser",
                trimtab_tags="a, b,,a",
                traceparent=f"00-{trace}-{span}-01",
                tracestate="vendor=1",
            )
            record = await g.spool.one()
            assert (record.user, record.session, record.feature) == ("header-üser", "s-1", "f-1")
            assert (record.tags, record.trace_id, record.parent_span_id) == (("a", "b"), trace, span)
            headers = up.requests[0][0]
            assert headers["traceparent"] == f"00-{trace}-{record.attempts[0].span_id}-01"
            assert headers["tracestate"] == "vendor=1"

    asyncio.run(main())


@pytest.mark.parametrize(
    "given", ["", "00-zz-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", "ff-" + "a" * 60]
)
def test_a_broken_traceparent_begins_a_new_trace(given: str) -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            await g.chat(ASK, traceparent=given)
            record = await g.spool.one()
            assert len(record.trace_id) == 32
            assert record.parent_span_id == ""

    asyncio.run(main())


def test_a_project_that_keeps_content_out_leaves_numbers_only() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST], capture=False) as g:
            await g.chat({**ASK, "metadata": {"secret": "planted"}})
            record = await g.spool.one()
            assert (record.request, record.attempts[0].response, record.capture) == (b"", b"", False)
            assert "planted" not in repr(record)
            assert record.attempts[0].usage is not None

    asyncio.run(main())


def test_any_model_of_a_declared_provider_can_be_called_by_its_path() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], []) as g:
            assert (await g.chat({**ASK, "model": "lab/org/some-model"})).status_code == 200
            assert up.requests[0][1]["model"] == "org/some-model"

    asyncio.run(main())


def test_pipelined_requests_are_answered_in_order_hot_and_cold_mixed() -> None:
    async def main() -> None:
        async with upstream(answers(WHOLE)) as up, running([provider("lab", up.port)], [FAST]) as g:
            reader, writer = await asyncio.open_connection("127.0.0.1", g.port)
            body = json.dumps(ASK).encode()
            hot = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tt_client\r\n"
            hot += b"content-length: %d\r\n\r\n%b" % (len(body), body)
            cold = b"GET /elsewhere HTTP/1.1\r\nhost: x\r\n\r\n"
            writer.write(hot + cold + hot + cold)
            text = b""
            async with asyncio.timeout(PATIENCE_S):
                while text.count(b"the other way") < 2:
                    text += await reader.read(65536)
            assert re.findall(rb"HTTP/1\.1 (\d+)", text) == [b"200", b"404", b"200", b"404"]
            assert len(g.spool.records) == 2
            writer.close()

    asyncio.run(main())


def test_a_hundred_calls_at_once_keep_their_answers_apart() -> None:
    async def echo(up: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = up.requests[-1][1]["messages"][0]["content"]
        await asyncio.sleep(0.01 * (hash(asked) % 5))
        choice = {"index": 0, "message": {"role": "assistant", "content": asked}, "finish_reason": "stop"}
        await answers({**WHOLE, "choices": [choice]})(up, reader, writer)

    async def main() -> None:
        async with upstream(echo) as up, running([provider("lab", up.port)], [FAST]) as g:

            async def one(index: int) -> None:
                body = {**ASK, "messages": [{"role": "user", "content": f"question {index}"}]}
                answer = (await g.chat(body, trimtab_session=f"s{index}")).json()
                assert answer["choices"][0]["message"]["content"] == f"question {index}"

            await asyncio.gather(*(one(index) for index in range(100)))
            assert len({r.trace_id for r in g.spool.records}) == 100
            assert all(matches(r) for r in g.spool.records)

    def matches(record: CallRecord) -> bool:
        return f"question {record.session[1:]}" in record.attempts[0].response.decode()

    asyncio.run(main())


def test_the_models_of_the_callers_project_are_listed_in_the_shape_its_client_expects() -> None:
    async def main() -> None:
        async with running([provider("lab", 9)], [FAST]) as g:
            ours = (await g.client.get("/v1/models")).json()
            assert [m["id"] for m in ours["data"]] == ["fast"]
            theirs = await g.client.get(
                "/v1/models", headers={"anthropic-version": "2023-06-01", "x-api-key": "tt_client"}
            )
            assert theirs.json()["data"][0]["type"] == "model"
            assert theirs.json()["has_more"] is False
            refused = await g.client.get("/v1/models", headers={"authorization": "Bearer no"})
            assert refused.status_code == 401

    asyncio.run(main())


def test_a_fake_spool_that_never_records_would_be_noticed() -> None:
    """The harness itself: `one` fails when nothing arrives, so no test above passes by silence."""

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await OpenSpool().one()

    asyncio.run(main())
