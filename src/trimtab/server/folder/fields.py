"""What may stand in a folder's ``trimtab.yaml``: the sections of the config file that a team changes by itself, in the
same form, and what only a folder has. Read by `reading.py` and published as a JSON schema (`schema.py`)."""

from typing import Final

from msgspec.structs import replace

from trimtab.server.config.fields import MODEL, TOP, Field

FILE: Final = "trimtab.yaml"
DEFAULT_NAME: Final = "main"

_MODEL = {
    **MODEL,
    "provider": replace(MODEL["provider"], about="The name of a provider of the server's project."),
    "fallback": replace(
        MODEL["fallback"], about="Further models of the project, tried in order until one begins to answer."
    ),
}
FOLDER: Final[dict[str, Field]] = {
    "name": Field(
        about=f"What this folder is called on the server; '{DEFAULT_NAME}' where left out. Two folders of one project "
        "have two names, and each removes only what it made itself."
    ),
    "project": Field(about="The project that it is for (its slug); --project on the command line wins."),
    "models": replace(TOP["models"], fields=_MODEL),
    "routes": TOP["routes"],
    "policies": TOP["policies"],
    "limits": TOP["limits"],
    "prices": TOP["prices"],
    "labels": Field(
        shape="trees",
        about="Labels of prompts: by prompt and label a version's number, or 'latest' for what the folder's file is.",
        one="the labels of",
    ),
    "refusals": Field(
        shape="text_map",
        about="What users are told when a guard stops a call (docs/guards.md), by TEMPLATE[@APP][/LANGUAGE], such as "
        "default/de.",
    ),
    "data": Field(
        shape="trees",
        about="Data classes, of which class apps and datasets are, and what is stated of providers and models "
        "(docs/policies.md).",
        one="the data",
    ),
    "environments": Field(
        shape="trees",
        about="Environments and their protection (docs/environments.md), by name.",
        one="the environment",
    ),
}
ELSEWHERE: Final = {
    "providers": "Providers hold keys: see the server's config file, or 'trimtab providers add'.",
    "forwards": "Destinations hold secrets: see the server's config file, or 'trimtab forwards'.",
    "retention": "It is the operator's to say: in the server's config file, or with 'trimtab retention'.",
    "detectors_off": "It is the operator's to say: in the server's config file, or with 'trimtab detectors'.",
    "prompts": "Each prompt is a file of its own: prompts/NAME.prompt.md.",
    "apps": "Each app is a file of its own: apps/NAME.yaml.",
    "suites": "Each suite is a file of its own: suites/NAME.yaml.",
    "guards": "Each guard is a file of its own: guards/NAME.yaml.",
    "access_policies": "Each set is a file of its own: policies/NAME.cedar.",
    "datasets": "Each dataset is a file of its own: datasets/NAME.jsonl.",
}
"""Keys that people may look for here, and where they belong."""
