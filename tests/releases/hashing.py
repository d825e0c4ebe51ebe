"""Prints the hash of each content of `hashes.jsonl`, with nothing but the standard library, for other versions of
Python: the wheels of this one are not theirs. msgspec, which only holds the values here, and the room of the audit
trail, of which `releases/types.py` takes a type, are stood in for; what orders, writes and hashes is ours as it is.

    python3.13 tests/releases/hashing.py src tests/releases/hashes.jsonl
"""

import json
import sys
import types
from pathlib import Path
from typing import Any, ClassVar


class Struct:
    __struct_fields__: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **_options: Any) -> None:
        cls.__struct_fields__ = (*cls.__struct_fields__, *cls.__annotations__)

    def __init__(self, **values: Any) -> None:
        assert values.keys() <= set(self.__struct_fields__), values
        for name, value in values.items():
            setattr(self, name, value)


def replace(one: Struct, **changes: Any) -> Struct:
    values = {name: getattr(one, name) for name in one.__struct_fields__}
    return type(one)(**(values | changes))


def nothing(**_bounds: Any) -> None:
    """A bound of a number is none of this program's business."""


def stand_in() -> None:
    unset = types.SimpleNamespace()
    made: dict[str, Any] = {"Struct": Struct, "UNSET": unset, "UnsetType": types.SimpleNamespace}
    made |= {"Meta": nothing, "structs": types.SimpleNamespace(replace=replace)}
    for name, has in (("msgspec", made), ("trimtab.governance.audit", {"Actor": object})):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__dict__.update(has)


def main(src: str, contents: str) -> None:
    stand_in()
    sys.path.insert(0, src)
    from trimtab.prompts import types as prompts
    from trimtab.releases.canonical import content_hash, normal
    from trimtab.releases.types import Content, Pinned, PinnedKnowledge

    def source(of: dict[str, Any]) -> prompts.Source:
        content = dict(of["content"])
        content["messages"] = tuple(prompts.Message(**each) for each in content.get("messages", ()))
        content["variables"] = {n: prompts.Variable(**each) for n, each in content.get("variables", {}).items()}
        made: dict[str, Any] = of | {"content": prompts.Content(**content)}
        return prompts.Source(**made)

    for line in Path(contents).read_text("utf-8").splitlines():
        found: dict[str, Any] = json.loads(line)["content"]
        if "prompt" in found:
            includes = {ref: source(each) for ref, each in found["prompt"]["includes"].items()}
            found["prompt"] = prompts.Bundle(prompt=source(found["prompt"]["prompt"]), includes=includes)
        found["models"] = {name: Pinned(**each) for name, each in found.get("models", {}).items()}
        found["knowledge"] = tuple(PinnedKnowledge(**each) for each in found.get("knowledge", ()))
        print(content_hash(normal(Content(**found))))  # noqa: T201  it is what this program is for


if __name__ == "__main__":
    main(*sys.argv[1:])
