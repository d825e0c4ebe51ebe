"""The page about routing: its example is a route, and it names every node and condition there is."""

import re
from pathlib import Path

import msgspec

from trimtab.gateway.routing.types import If
from trimtab.server.config.file import parse
from trimtab.server.config.routes import KINDS

PAGE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text()
HOUSE = """
providers:
  lab: {base_url: "https://lab.example.com/v1"}
  home: {base_url: "http://127.0.0.1:9000/v1"}
models:
  own: {provider: home}
  small: {provider: lab}
  other: {provider: lab}
  large: {provider: lab}
"""


def test_every_example_of_the_page_is_sound() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for example in examples:
        assert parse(HOUSE + example, "docs/routing.md", {}).routes


def test_the_page_names_every_node_and_condition() -> None:
    conditions = [field.encode_name for field in msgspec.structs.fields(If)]
    missing = [name for name in (*KINDS, *conditions) if f"`{name}`" not in PAGE]
    assert missing == []
