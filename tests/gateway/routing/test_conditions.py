"""Conditions of a call: which hold, and how they read."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import asked

from trimtab.gateway.routing.conditions import test_of as as_test
from trimtab.gateway.routing.conditions import words_of
from trimtab.gateway.routing.types import If
from trimtab.scoring.language import language_of

IMAGE = [{"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}, {"type": "text", "text": "what is it"}]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


def holds(condition: Any, *said: Any, **more: Any) -> bool:
    return as_test(msgspec.convert(condition, If))(asked(*said, **more))


@pytest.mark.parametrize(
    ("condition", "call", "expected"),
    [
        ({"tags": ["a"]}, {"headers": {"trimtab-tags": "b,a"}}, True),
        ({"tags": ["a"]}, {"headers": {"trimtab-tags": "ab"}}, False),
        ({"tags": ["a*"]}, {"headers": {"trimtab-tags": "ab"}}, True),
        ({"user": ["u1", "vip-*"]}, {"user": "vip-7"}, True),
        ({"user": ["*"]}, {}, False),
        ({"user": ["*"]}, {"user": "anyone"}, True),
        ({"session": ["s"]}, {"headers": {"trimtab-session": "s"}}, True),
        ({"feature": ["chat"]}, {"headers": {"trimtab-feature": "chat"}}, True),
        ({"metadata": {"tier": ["gold"]}}, {"metadata": {"tier": "gold"}}, True),
        ({"metadata": {"tier": ["gold"]}}, {}, False),
        ({"headers": {"x-any": []}}, {"headers": {"X-Any": "whatever"}}, True),
        ({"headers": {"x-any": ["*"]}}, {}, False),
        ({"key": ["key_1"]}, {}, True),
        ({"key": ["key_2"]}, {}, False),
        ({"longer_than": 100}, {"said": "x" * 100}, True),
        ({"shorter_than": 100}, {"said": "x" * 100}, False),
        ({"stream": True}, {"stream": True}, True),
        ({"stream": False}, {"stream": True}, False),
        ({"tools": True}, {"tools": TOOLS}, True),
        ({"tools": True}, {"said": 'I have "tools" here'}, False),
        ({"tools": False}, {}, True),
        ({"images": True}, {"said": IMAGE}, True),
        ({"images": True}, {"said": "an image of a file"}, False),
        ({"needs": ["json_schema"]}, {"response_format": SCHEMA}, True),
        ({"needs": ["json_schema"]}, {"response_format": {"type": "json_object"}, "said": "schema"}, False),
        ({"needs": ["thinking", "tools"]}, {"reasoning_effort": "low"}, True),
        ({"language": ["de"]}, {"said": "Wie kann ich meine Bestellung ändern, wenn sie schon unterwegs ist?"}, True),
        ({"language": ["de"]}, {"said": "How can I change my order when it is on its way?"}, False),
        ({"not": {"tags": ["a"]}}, {}, True),
        ({"tags": ["a"], "not": {"user": ["u"]}}, {"headers": {"trimtab-tags": "a"}, "user": "u"}, False),
    ],
)
def test_a_condition_holds_for_the_calls_it_names(condition: Any, call: dict[str, Any], expected: bool) -> None:
    said = call.pop("said", "hello")
    assert holds(condition, said, **call) is expected


def test_a_body_that_cannot_be_read_in_full_has_no_text_and_no_tools() -> None:
    assert holds({"tools": True}, tools="strange") is False
    assert holds({"language": ["en"]}, tools="strange") is False


def test_conditions_read_as_a_person_would_say_them() -> None:
    condition = msgspec.convert(
        {"tags": ["a", "b"], "headers": {"x-t": ["1"]}, "longer_than": 5, "tools": False, "not": {"user": ["u"]}}, If
    )
    assert words_of(condition) == "tags a or b; header x-t 1; longer than 5; no tools; not (user u)"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "What is the best way to learn how this works?"),
        ("de", "Ich möchte wissen, warum die Rechnung nicht stimmt."),
        ("fr", "Je voudrais savoir comment changer mon adresse, est-ce que vous pouvez m'aider ?"),
        ("es", "¿Cómo puedo cambiar la dirección de mi pedido? Está mal."),
        ("it", "Vorrei sapere perché la mia ordinazione non è arrivata, come posso fare?"),
        ("pt", "Como eu posso mudar o endereço do meu pedido? Não está certo."),
        ("nl", "Hoe kan ik het adres van mijn bestelling wijzigen? Het is niet goed."),
        ("pl", "Jak mogę zmienić adres, i dlaczego nie ma go na stronie?"),
        ("sv", "Hur kan jag ändra min adress, och varför är det inte rätt?"),
        ("tr", "Siparişim neden gelmedi, bu nasıl olur ve ne kadar daha beklemem gerekir?"),
        ("ja", "注文の住所を変更するにはどうすればいいですか"),
        ("zh", "我怎样才能更改订单的地址"),
        ("ko", "주문 주소를 어떻게 변경하나요"),
        ("ru", "Как мне изменить адрес заказа?"),
        ("uk", "Як мені змінити адресу замовлення? Її немає."),
        ("ar", "كيف يمكنني تغيير عنوان الطلب"),
        ("he", "איך אני משנה את הכתובת"),
        ("el", "Πώς μπορώ να αλλάξω τη διεύθυνση"),
        ("th", "ฉันจะเปลี่ยนที่อยู่ได้อย่างไร"),
        ("hi", "मैं पता कैसे बदल सकता हूँ"),
        ("", "OK"),
        ("", ""),
        ("", "12345 + 67890 = ?"),
    ],
)
def test_a_language_is_told_or_nothing_is(language: str, text: str) -> None:
    assert language_of(text) == language


@given(st.text(max_size=300))
def test_any_text_has_a_language_or_none(text: str) -> None:
    assert len(language_of(text)) in (0, 2)
