"""Each detector finds what it is for, and leaves alone what only looks like it."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.core.errors import NotFound
from trimtab.llm.types import Message, ResponseFormat, Text, Tool, ToolCall, ToolResult
from trimtab.telemetry.detectors import DETECTORS, Check, Detector, Detectors, Memory, Recent, Said
from trimtab.telemetry.detectors.language_switch import language_of
from trimtab.telemetry.rows import Rows

PLAIN = Said(
    "p", "t", "s1", "", "m", "chat", 1, "stop", "How do I reset my password, please?",
    "Open the settings, choose Security, and press the button that says so.", (), (), False, (), None,
)  # fmt: skip


def said(question: str = PLAIN.question, answer: str = PLAIN.answer, **fields: Any) -> Said:
    system = fields.pop("system", "")
    messages = (Message("system", (Text(system),)),) if system else ()
    messages += fields.pop("messages", (Message("user", (Text(question),)),))
    return replace(PLAIN, question=question, answer=answer, messages=messages, **fields)


def found(name: str, answer: Said, memory: Memory | None = None) -> str:
    """The label of what a detector finds, "" for nothing."""
    finding = DETECTORS.get(name).check(answer, memory or Memory())
    return finding.label if finding else ""


def test_an_ordinary_answer_is_left_alone_by_all_of_them() -> None:
    assert Detectors().find(said(session="s", system="You are a helpful assistant.")) == []


# --- empty, truncated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "fields", "label"),
    [
        ("", {}, "empty"),
        (" \n\t", {}, "empty"),
        ("", {"stop": "length"}, "thinking_only"),
        ("", {"calls": (ToolCall("1", "look", "{}"),), "stop": "tool_calls"}, ""),
        ("", {"refused": True}, ""),
        ("0", {}, ""),
    ],
)
def test_an_answer_without_a_word_is_empty_unless_it_calls_a_tool(
    answer: str, fields: dict[str, Any], label: str
) -> None:
    assert found("empty_answer", said(answer=answer, **fields)) == label


def test_an_answer_is_truncated_where_the_output_limit_ended_it() -> None:
    assert found("truncated", said(stop="length")) == "text"
    call = ToolCall("1", "look", '{"a": ')
    assert found("truncated", said(answer="", stop="length", calls=(call,))) == "tool_call"
    assert found("truncated", said(answer="", stop="length")) == ""
    assert found("truncated", said(stop="stop_sequence")) == ""


# --- refusal -------------------------------------------------------------------------------------------------------

REFUSALS = (
    "I'm sorry, but I can't assist with that request.",
    "I’m sorry, but I cannot help you with this.",
    "I cannot provide instructions for that.",
    "I can't help with that.",
    "Sorry, I am unable to comply with this request.",
    "As an AI language model, I cannot generate such content.",
    "I'm sorry, but as a language model AI, I cannot diagnose medical conditions.",
    "No, I won’t help you scam people.",
    "I apologize, but I'm not able to discuss that topic.",
    "Unfortunately, I cannot share personal data.",
    "I must be clear: no. I can't help.",
    "Es tut mir leid, aber dabei kann ich Ihnen nicht helfen.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Je suis désolé, mais je ne peux pas vous aider.",
    "抱歉，我无法协助您完成这个请求。",
    "申し訳ありませんが、そのご依頼にはお応えできません。",
)
NO_REFUSALS = (
    "I'm sorry to hear that your parcel is late. It will arrive tomorrow.",
    "Sorry for the wait! Here is your invoice.",
    "I can help you with that. First, open the settings.",
    "You cannot return a product after 30 days.",
    "As an AI language model, I can suggest several approaches.",
    "As an AI, I do not have feelings, but here is a poem about the sea.",
    "Unfortunately, the store is closed on Sundays.",
    "Subject: Apology\n\nDear customer, we are deeply sorry that we cannot deliver.",
    "The door can't be opened from outside.",
    "I cannot recommend this book enough: read it!",
    "Es tut mir leid zu hören, dass das Paket fehlt. Ich habe es neu bestellt.",
)


@pytest.mark.parametrize("answer", [each for each in REFUSALS if not each.startswith("I must")])
def test_refusals_are_told_by_how_they_begin(answer: str) -> None:
    assert found("refusal", said(answer=answer)) == "worded"


@pytest.mark.parametrize("answer", NO_REFUSALS)
def test_apologies_and_negations_that_answer_are_no_refusals(answer: str) -> None:
    assert found("refusal", said(answer=answer)) == ""


def test_what_the_provider_says_is_taken_at_its_word() -> None:
    assert found("refusal", said(refused=True)) == "declared"
    assert found("refusal", said(stop="refusal")) == "declared"
    assert found("refusal", said(stop="content_filter")) == "filtered"


# --- language ------------------------------------------------------------------------------------------------------

TEXTS = {
    "en": "The report is ready and it shows that the costs have not changed for this quarter, as you asked.",
    "de": "Der Bericht ist fertig und zeigt, dass die Kosten sich nicht geändert haben, wie es auch zu erwarten war.",
    "fr": "Le rapport est prêt et les coûts ne sont pas plus élevés que dans les mois qui ont précédé, pour vous.",
    "es": "El informe está listo y los costes no han cambiado en este trimestre, como se esperaba, pero hay más.",
    "cyrillic": "Отчёт готов, и он показывает, что расходы в этом квартале не изменились, как и ожидалось.",
    "chinese": "报告已经准备好了，它显示本季度的成本没有变化，正如您所要求的那样，请您查看一下附件中的内容。",
    "japanese": "報告書の準備ができました。今四半期の費用は変わっていないことを示しています。ご確認ください。",
    "arabic": "التقرير جاهز ويظهر أن التكاليف لم تتغير في هذا الربع كما طلبت، يرجى الاطلاع عليه.",
}


@pytest.mark.parametrize("name", list(TEXTS))
def test_languages_are_known_by_script_or_by_their_frequent_words(name: str) -> None:
    assert language_of(TEXTS[name]) == name


@pytest.mark.parametrize("asked", list(TEXTS))
@pytest.mark.parametrize("answered", list(TEXTS))
def test_an_answer_in_another_language_is_told_and_one_in_the_same_is_not(asked: str, answered: str) -> None:
    label = found("language_switch", said(TEXTS[asked], TEXTS[answered]))
    same = asked == answered or {asked, answered} == {"chinese", "japanese"}
    assert label == ("" if same else f"{asked}>{answered}")


@pytest.mark.parametrize(
    ("question", "system"),
    [
        ("Please translate this for me: the report is ready.", ""),
        ("What is the report about? Answer in German, please.", ""),
        ("What is the report about, and what does it cost?", "Always answer in German."),
    ],
)
def test_whoever_names_a_language_gets_what_they_asked_for(question: str, system: str) -> None:
    assert found("language_switch", said(question, TEXTS["de"], system=system)) == ""


def test_short_texts_and_code_are_not_judged() -> None:
    assert found("language_switch", said("Wie geht es dir?", TEXTS["en"])) == ""
    assert (
        found("language_switch", said(TEXTS["de"], "```python\nfor the in of: print(this)\n``` " + TEXTS["en"])) == ""
    )
    assert language_of("x = 1; y = 2; z = 3; a = 4; b = 5") == ""


# --- repeated ------------------------------------------------------------------------------------------------------


def test_the_same_answer_to_another_question_of_a_session_is_told() -> None:
    memory = Memory()
    assert found("repeated_answer", said("One?", session="s"), memory) == ""
    assert found("repeated_answer", said("Two?", session="s", span_id="s2"), memory) == "session"
    assert found("repeated_answer", said("Two?", session="other", span_id="s3"), memory) == ""
    assert found("repeated_answer", said("Two?", session="s", span_id="s4", project="q"), memory) == ""


def test_a_question_asked_again_may_get_the_same_answer_and_so_may_anyone_without_a_session() -> None:
    memory = Memory()
    for number in range(3):
        assert found("repeated_answer", said("One?", session="s", span_id=f"s{number}"), memory) == ""
        assert found("repeated_answer", said(f"{number}?", span_id=f"t{number}"), memory) == ""
        assert found("repeated_answer", said(f"{number}?", "Yes.", session="s", span_id=f"u{number}"), memory) == ""


def test_a_record_that_is_mapped_twice_repeats_nothing() -> None:
    memory = Memory()
    assert found("repeated_answer", said("One?", session="s"), memory) == ""
    assert found("repeated_answer", said("Other words", session="s"), memory) == ""


def test_an_answer_that_goes_round_in_circles_is_told() -> None:
    loop = "It begins well enough. " + "And then the reaction is a reaction that both of them react to. " * 20
    assert found("repeated_answer", said(answer=loop)) == "loop"
    table = "| a | b |\n| --- | --- |\n" + "| 1 | 2 |\n" * 200
    assert found("repeated_answer", said(answer=table)) == ""
    assert found("repeated_answer", said(answer="x" * 2_000)) == ""
    numbered = " ".join(f"Step {n} of the whole procedure is to turn the valve {n} times." for n in range(60))
    assert found("repeated_answer", said(answer=numbered)) == ""


# --- what users do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "label"),
    [
        ({}, {}, "same"),
        ({}, {"question": "How do I reset my old password, please?"}, "edited"),
        ({}, {"question": "And how long does the delivery of my parcel take?"}, ""),
        ({}, {"trace_id": "t"}, ""),
        ({}, {"at_ns": 11 * 60 * 10**9}, ""),
        ({}, {"user": "ben"}, ""),
        ({}, {"user": "", "session": ""}, ""),
        ({}, {"messages": (Message("user", (Text("x"),)), Message("tool", (ToolResult("1", (Text("y"),)),)))}, ""),
        ({"question": "Go on"}, {"question": "Go on"}, ""),
        ({"question": "reset my password please"}, {"question": "Reset my password, please?"}, "edited"),
        ({"question": "注文をキャンセルするには?"}, {"question": "注文をキャンセルするには?"}, "same"),
        ({"question": "注文をキャンセルするには?"}, {"question": "注文をキャンセルしたいのですが"}, ""),
        ({"question": "注文をキャンセルするには?"}, {"question": "ご注文をキャンセルするには"}, "edited"),
        ({"question": "続けて"}, {"question": "続けて"}, ""),
    ],
)
def test_a_question_asked_again_soon_tells_of_the_first_answer(
    first: dict[str, Any], then: dict[str, Any], label: str
) -> None:
    memory = Memory()
    check = DETECTORS.get("asked_again").check
    one = said(user="ada", trace_id="t", span_id="s1", **first)
    fields: dict[str, Any] = {"user": "ada", "trace_id": "t2", "span_id": "s2", "at_ns": 5, **then}
    two = said(**fields)
    assert check(one, memory) is None
    finding = check(two, memory)
    assert (finding.label if finding else "") == label
    if finding:
        assert finding.of == ("t", "s1", one.session)
        assert check(two, memory) is None  # mapped once more


def test_a_user_and_a_session_of_one_name_are_two() -> None:
    memory = Memory()
    check = DETECTORS.get("asked_again").check
    assert check(said(user="ada", session="", trace_id="t", span_id="s1"), memory) is None
    assert check(said(user="", session="ada", trace_id="t2", span_id="s2", at_ns=5), memory) is None


def test_a_user_who_asks_again_in_another_session_leaves_the_score_in_the_first() -> None:
    memory = Memory()
    check = DETECTORS.get("asked_again").check
    assert check(said(user="ada", session="one", trace_id="t", span_id="s1"), memory) is None
    finding = check(said(user="ada", session="two", trace_id="t2", span_id="s2", at_ns=5), memory)
    assert finding is not None
    assert finding.of == ("t", "s1", "one")


# --- tools ---------------------------------------------------------------------------------------------------------


def turn(call: ToolCall) -> tuple[Message, ...]:
    return Message("assistant", (call,)), Message("tool", (ToolResult(call.id, (Text("nothing"),)),))


def test_a_tool_called_again_and_again_with_the_same_arguments_is_a_loop() -> None:
    call = ToolCall("c", "search", '{"q": "x"}')
    start = (Message("user", (Text("Find x"),)),)
    once = said(answer="", calls=(call,), messages=(*start, *turn(call)))
    assert found("tool_loop", once) == ""
    twice = said(answer="", calls=(call,), messages=(*start, *turn(call), *turn(call)))
    assert found("tool_loop", twice) == "search"
    other = said(answer="", calls=(ToolCall("d", "search", '{"q": "y"}'),), messages=twice.messages)
    assert found("tool_loop", other) == ""
    again = said(answer="", calls=(call,), messages=(*twice.messages, Message("user", (Text("Once more"),))))
    assert found("tool_loop", again) == ""


def test_a_loop_is_seen_over_the_calls_of_one_trace_too() -> None:
    call = ToolCall("c", "search", "{}")
    memory = Memory()
    labels = [
        found("tool_loop", said(answer="", calls=(call,), span_id=span), memory) for span in ("a", "b", "b", "c", "d")
    ]
    assert labels == ["", "", "", "search", "search"]
    assert found("tool_loop", said(answer="", calls=(call,), span_id="e", trace_id="other"), memory) == ""


def test_a_misused_tool_is_told() -> None:
    tool = Tool(name="find", parameters={"type": "object", "required": ["id"]})
    assert found("tool_misuse", said(answer="", calls=(ToolCall("c", "find", "{}"),), tools=(tool,))) == "invalid"
    good = ToolCall("c", "find", '{"id": 1}')
    assert found("tool_misuse", said(answer="", calls=(good,), tools=(tool,))) == ""


# --- JSON ----------------------------------------------------------------------------------------------------------

OBJECT = ResponseFormat(kind="json_object")


@pytest.mark.parametrize(
    ("answer", "fields", "label"),
    [
        ('{"a": 1}', {}, ""),
        ("[1, 2]", {}, ""),
        ('{"a": 1', {}, "invalid"),
        ('{"a": 1', {"stop": "length"}, "cut_off"),
        ('```json\n{"a": 1}\n```', {}, "fenced"),
        ("There is none.", {}, "invalid"),
        ("", {}, ""),
        ("", {"calls": (ToolCall("1", "look", "{}"),)}, ""),
        ("I won't.", {"refused": True}, ""),
    ],
)
def test_json_that_a_response_format_asked_for_must_parse_as_it_stands(
    answer: str, fields: dict[str, Any], label: str
) -> None:
    assert found("invalid_json", said(answer=answer, format=OBJECT, **fields)) == label


@pytest.mark.parametrize(
    ("question", "answer", "label"),
    [
        ("Respond only with JSON.", 'Here: {"a": 1}', ""),
        ("Respond only with JSON.", "```json\n[1]\n```", ""),
        ("Respond only with JSON.", "The answer is one.", "prose"),
        ("Return the result in JSON format.", '{"a": 1}{"b": 2}', "invalid"),
        ("Write a function that returns the rows as JSON.", "def rows(): ...", ""),
        ("What is JSON?", "A format.", ""),
        ("How do I read a JSON file in Python?", "With the json module.", ""),
    ],
)
def test_json_that_was_asked_for_in_words_may_stand_among_words(question: str, answer: str, label: str) -> None:
    assert found("invalid_json", said(question, answer)) == label


def test_standing_instructions_may_ask_for_json_too() -> None:
    assert found("invalid_json", said("Hello?", "Hello!", system="Always reply in valid JSON.")) == "prose"
    assert found("invalid_json", said("Hello?", "Hello!", system="You know JSON well.")) == ""
    text = ResponseFormat(kind="text")
    assert found("invalid_json", said("Hello?", "Hello!", format=text)) == ""


# --- length --------------------------------------------------------------------------------------------------------


def test_a_feature_with_short_and_long_answers_has_not_changed_when_several_of_the_rarer_come_together() -> None:
    memory = Memory()
    usual = [800, 800, 250] * 22
    lengths(memory, usual)
    assert set(lengths(memory, [250, 250, 250, 250, 250, 800, 800, 800], len(usual))) == {""}
    assert "shorter" in lengths(memory, [40] * 8, len(usual) + 8), "a level that was not there before is still told"


def lengths(memory: Memory, sizes: list[int], start: int = 0) -> list[str]:
    return [
        found("length_change", said(answer="x" * size, span_id=f"s{start + place}"), memory)
        for place, size in enumerate(sizes)
    ]


def test_a_new_level_of_lengths_is_told_once() -> None:
    memory = Memory()
    before = [180 + 7 * (n % 11) for n in range(64)]
    assert set(lengths(memory, before)) == {""}
    shorter = lengths(memory, [30] * 64, 64)
    assert shorter.count("shorter") == 1
    assert shorter.index("shorter") == 7
    longer = lengths(memory, [900] * 8, 128)
    assert longer.count("longer") == 1


def test_single_answers_of_any_length_and_a_wide_spread_are_no_change() -> None:
    memory = Memory()
    sizes = [200] * 64
    sizes[40] = 9_000
    assert set(lengths(memory, sizes)) == {""}
    wide = Memory()
    assert set(lengths(wide, [20 if n % 2 else 2_000 for n in range(200)])) == {""}


def test_what_is_new_has_no_baseline_yet() -> None:
    memory = Memory()
    assert set(lengths(memory, [10] * 24 + [1_000] * 8)) == {""}


# --- all of them ---------------------------------------------------------------------------------------------------

ANY = st.text(max_size=300)


@given(ANY, ANY, st.sampled_from(["stop", "length", "tool_calls", "unknown"]), st.booleans(), ANY)
def test_no_text_breaks_a_detector(question: str, answer: str, stop: str, strict: bool, arguments: str) -> None:
    memory = Memory()
    call = (ToolCall("c", "f", arguments),)
    tools = (Tool(name="f", parameters={"properties": 1, "required": "x", "additionalProperties": False}),)
    one = said(question, answer, stop=stop, format=OBJECT if strict else None, calls=call, tools=tools, system=question)
    for plug in DETECTORS.all().values():
        for each in (one, replace(one, calls=(), span_id="s2", session="s")):
            finding = plug.check(each, memory)
            assert finding is None or (finding.label and finding.why)


def test_findings_become_scores_of_the_span_and_the_same_ones_again() -> None:
    detectors = Detectors()
    one = said(answer="", session="s")
    first, second = Rows(), Rows()
    detectors.add(first, 3, one)
    detectors.add(second, 0, one)
    (row,) = first.scores.rows()
    assert (row["name"], row["value"], row["label"], row["source"]) == ("empty_answer", 1.0, "empty", "detector")
    assert (row["target"], row["trace_id"], row["span_id"], row["session"]) == ("span", "t", "s1", "s")
    assert row["evaluator"] == "trimtab/empty_answer"
    assert first.scores.owners == [3]
    assert second.scores.rows() == first.scores.rows()


@pytest.mark.parametrize("off", ["empty_answer", "*"])
def test_what_is_switched_off_for_a_project_writes_nothing_there(off: str) -> None:
    detectors = Detectors(lambda project: frozenset([off]) if project == "p" else frozenset())
    rows = Rows()
    detectors.add(rows, 0, said(answer=""))
    assert rows.scores.rows() == []
    detectors.add(rows, 0, said(answer="", project="q"))
    assert [row["name"] for row in rows.scores.rows()] == ["empty_answer"]


def test_a_detector_that_breaks_loses_nothing_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(answer: Said, memory: Memory) -> None:
        raise RuntimeError(answer.span_id, memory)

    check: Check = broken
    plugs = {"aaa": Detector(version="1", about="", check=check), "empty_answer": DETECTORS.get("empty_answer")}
    monkeypatch.setattr(DETECTORS, "all", lambda: plugs)
    assert [name for name, _, _ in Detectors().find(said(answer=""))] == ["empty_answer"]


def test_memory_is_bounded() -> None:
    recent: Recent[int, list[int]] = Recent(10)
    for number in range(100):
        recent.get(number, list).append(number)
    assert len(recent) == 10
    assert recent.get(99, list) == [99]
    assert recent.get(50, list) == []


def test_every_detector_says_what_it_is_for() -> None:
    assert len(DETECTORS.all()) == 11
    assert all(plug.about and plug.version for plug in DETECTORS.all().values())
    with pytest.raises(NotFound):
        DETECTORS.get("nothing")
    assert not dataclasses.is_dataclass(Said)
