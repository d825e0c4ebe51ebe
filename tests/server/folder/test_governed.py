"""Guards, policies, data and datasets in a folder: applied with everything else, exported as they are, removed with the
folder's word, and refused by line."""

from typing import Any

import httpx
import msgspec
import pytest
from house import House, Run
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from trimtab.evaluation.cases import NewCase, made
from trimtab.evaluation.types import Case
from trimtab.server.folder import governed
from trimtab.server.folder.governed import NOBODY
from trimtab.server.folder.reading import read_folder

BASE = "/api/v1/projects/default"
TOP = """
name: main
models:
  fast: {provider: lab, model: gpt-4o-mini}
data:
  classes: [open, secret]
  standard: open
  apps: {helpdesk: secret}
  datasets: {questions: secret}
  providers: {lab: {region: eu-west-1, data_classes: [open], terms: [no-training]}}
  models: {fast: {region: eu-west-1}}
refusals:
  default: "Not here. Reference {reference}"
  default@helpdesk/de: "Hier nicht."
"""
GUARD = "kind: pii\naction: redact\ndata_class: secret\nstages: [input]\n"
CEDAR = """// What is secret stays with the lab.
@id("secret-stays")
forbid(principal, action == Action::"call_model", resource)
  when { context.data_class == "secret" && resource.provider != "lab" };
"""
TERMS = """
tests:
  - name: elsewhere
    expect: deny
    action: call_model
    resource: {provider: openai}
    context: {data_class: secret}
"""
CASES = """{"id": "one", "input": "Where is my order?", "expected": "On its way."}

{"input": "Hello", "tags": ["b", "a"]}
"""
FILES = {
    "trimtab.yaml": TOP,
    "guards/personal.yaml": GUARD,
    "policies/stays.cedar": CEDAR,
    "policies/stays.yaml": TERMS,
    "datasets/questions.jsonl": CASES,
    "apps/helpdesk.yaml": "route: fast\nguards: [personal]\n",
}
ADDED = [
    "add model fast", "add classes data", "add terms model:fast", "add terms provider:lab", "add access stays",
    "add refusal default", "add refusal default@helpdesk/de", "add guard personal", "add dataset questions",
    "add app helpdesk", "add mark app:helpdesk", "add mark dataset:questions",
]  # fmt: skip


async def provide(house: House) -> None:
    body = {"name": "lab", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "dialect": "openai_chat"}
    made = await house.admin.post(f"{BASE}/providers", json=body)
    assert made.status_code == 201, made.text


async def ask(house: House, path: str, files: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = await house.admin.post(f"{BASE}/{path}", json={"files": files, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(answer: dict[str, Any]) -> list[str]:
    return [f"{each['action']} {each['kind']} {each['name']}" for each in answer["changes"]]


async def exported(house: House, client: httpx.AsyncClient | None = None, **query: Any) -> dict[str, Any]:
    answer = await (client or house.admin).get(f"{BASE}/export", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_governs_is_applied_exported_and_then_nothing_is_to_do(run: Run, catalog_url: str) -> None:
    async def story(house: House) -> None:
        await provide(house)
        planned = await ask(house, "plan", FILES)
        assert (planned["mistakes"], told(planned)) == ([], ADDED)
        done = await ask(house, "apply", FILES, message="First", plan=planned["hash"])
        assert told(done) == ADDED
        release = (await house.admin.get(f"{BASE}/apps/helpdesk/releases/1")).json()
        assert [(each["name"], each["version"]) for each in release["content"]["guards"]] == [("personal", 1)]
        for files in (FILES, (await exported(house))["files"]):
            again = await ask(house, "plan", files)
            assert (again["clean"], again["changes"], again["releases"]) == (True, [], []), again
        assert sorted((await exported(house))["files"]) == sorted(FILES)
        (policy,) = (await house.admin.get(f"{BASE}/access-policies")).json()["items"]
        assert (policy["name"], policy["in_force"]) == ("stays", 1)
        trail = [each["action"] for each in (await house.admin.get(f"{BASE}/audit")).json()["items"]]
        for action in ("policy.written", "guard.pushed", "data_classes.set", "data_terms.set", "dataset.written"):
            assert action in trail

    run(story, url=catalog_url)


def test_what_is_changed_on_the_server_is_drift_and_the_folders_word_replaces_it(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES)
        spec = {"kind": "pii", "action": "block"}
        pushed = await house.admin.post(f"{BASE}/guards/personal/versions", json={"spec": spec})
        assert pushed.status_code == 201
        off = await house.admin.post(f"{BASE}/access-policies/stays/switch", json={"version": None})
        assert off.status_code in (200, 201), off.text
        more = {"add": [{"id": "two", "input": "And mine?"}]}
        written = await house.admin.post(f"{BASE}/datasets/questions/cases", json=more)
        assert written.status_code in (200, 201), written.text
        drift = (await house.admin.get(f"{BASE}/drift")).json()["drifted"]
        assert [(each["kind"], each["what"]) for each in drift] == [
            ("access", "changed"),
            ("guard", "changed"),
            ("dataset", "changed"),
        ]
        kept = (await exported(house))["files"]
        assert "And mine?" in kept["datasets/questions.jsonl"]
        assert (await ask(house, "plan", kept))["changes"] == []
        planned = await ask(house, "plan", FILES)
        assert [each["drifted"] for each in planned["changes"]] == [True, True, True]
        assert [(r["app"], r["number"]) for r in planned["releases"]] == [("helpdesk", 2)]
        await ask(house, "apply", FILES)
        assert (await ask(house, "plan", FILES))["clean"]
        newest = (await house.admin.get(f"{BASE}/guards/personal")).json()
        assert (newest["version"], newest["spec"]["action"]) == (3, "redact")
        release = (await house.admin.get(f"{BASE}/apps/helpdesk/releases/2")).json()
        assert [each["version"] for each in release["content"]["guards"]] == [3]

    run(story)


def test_what_left_the_folder_goes_and_comes_back(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES)
        bare = {"trimtab.yaml": "name: main\nmodels: {fast: {provider: lab, model: gpt-4o-mini}}\n"}
        without_guard = {name: text for name, text in FILES.items() if not name.startswith("guards/")}
        refused = await ask(house, "plan", without_guard)
        assert [(each["path"], "guard" in each["what"]) for each in refused["mistakes"]] == [
            ("apps/helpdesk.yaml", True)
        ]
        gone = await ask(house, "apply", bare)
        assert sorted(told(gone)) == sorted(each.replace("add", "remove") for each in ADDED if "model fast" not in each)
        assert (await house.admin.get(f"{BASE}/data-classes")).json()["classes"][0] == "public"
        assert (await house.admin.get(f"{BASE}/access-policies")).json()["items"] == []
        assert (await ask(house, "plan", bare))["clean"]
        back = await ask(house, "apply", FILES)
        assert back["mistakes"] == []
        assert (await ask(house, "plan", FILES))["clean"]

    run(story)


def test_each_kind_needs_its_own_permission_and_datasets_leave_only_to_who_may_read_them(run: Run) -> None:
    async def story(house: House) -> None:
        await provide(house)
        await ask(house, "apply", FILES)
        made_key = await house.admin.post(f"{BASE}/keys", json={"name": "ci", "role": "editor"})
        editor = house.client(made_key.json()["secret"])
        for name, text, missing in (
            ("guards/personal.yaml", GUARD + "order: 7\n", "guard:write"),
            ("policies/stays.cedar", CEDAR + "\n// more\n", "policy:write"),
            ("trimtab.yaml", TOP.replace("Hier nicht", "Hier nie"), "guard:write"),
            ("trimtab.yaml", TOP.replace("eu-west-1, data", "us, data"), "policy:write"),
        ):
            answer = await editor.post(f"{BASE}/apply", json={"files": FILES | {name: text}})
            assert (answer.status_code, missing in answer.json()["detail"]) == (403, True), answer.text
        cases = FILES | {"datasets/questions.jsonl": CASES + '{"input": "More"}\n'}
        assert (await editor.post(f"{BASE}/apply", json={"files": cases})).status_code == 200
        auditor = house.client(
            (await house.admin.post(f"{BASE}/keys", json={"name": "a", "role": "auditor"})).json()["secret"]
        )
        seen = await exported(house, auditor)
        assert "datasets/questions.jsonl" not in seen["files"]
        assert "1 datasets, which you may not read" in seen["left_out"]
        assert "datasets/questions.jsonl" in (await exported(house, editor))["files"]

    run(story)


@pytest.mark.parametrize(
    ("path", "text", "line", "what"),
    [
        ("guards/personal.yaml", "kind: pi\n", 1, "no kind of guard"),
        ("guards/personal.yaml", "kind: pii\n\nacton: block\n", 3, "acton"),
        ("guards/personal.yaml", "kind: pii\nstages: [output]\naction: nothing\n", 3, "action"),
        ("guards/Upper.yaml", "kind: pii\n", 1, "cannot be a guard's name"),
        ("policies/stays.cedar", "\n\nforbid(principal, action resource);", 3, "Cedar cannot read"),
        ("policies/alone.yaml", "otherwise: deny\n", 1, "no policies that this is about"),
        ("policies/stays.yaml", "otherwise: perhaps\n", 1, "perhaps"),
        ("datasets/questions.jsonl", '{"input": "a"}\n{"input": ""}\n', 2, "input is empty"),
        ("datasets/questions.jsonl", '{"input": "a"}\n{"input": "a"}\n', 2, "stands on line 1"),
        ("datasets/questions.jsonl", '{"input": "a", "outpt": 1}\n', 1, "outpt"),
        ("datasets/questions.jsonl", "[" * 5_000 + "\n", 1, ""),
        ("datasets/questions.jsonl", "\n", 1, "no case"),
        ("trimtab.yaml", "data:\n  classes: [a, A]\n", 2, "'A' cannot be a class"),
        ("trimtab.yaml", "data:\n  apps: 5\n", 2, "object"),
        ("trimtab.yaml", "refusals:\n  default/DE: x\n", 2, "language"),
    ],
)
def test_a_mistake_is_told_with_its_line(path: str, text: str, line: int, what: str) -> None:
    files = {"trimtab.yaml": "name: main\n", "policies/stays.cedar": CEDAR, path: text}
    found = read_folder(files).mistakes
    assert [(each.path, each.line) for each in found] == [(path, line)], found
    assert what in found[0].what


def test_a_rule_that_only_the_catalog_knows_is_told_by_the_plan(run: Run) -> None:
    async def story(house: House) -> list[dict[str, Any]]:
        files = {
            "trimtab.yaml": "data:\n  apps: {helpdesk: hidden}\n  providers: {nowhere: {region: eu}}\n",
            "guards/personal.yaml": "kind: pii\ndata_class: hidden\n",
            "policies/stays.cedar": CEDAR,
            "policies/stays.yaml": TERMS.replace("deny", "allow"),
        }
        return (await ask(house, "plan", files))["mistakes"]

    mistakes = run(story)
    assert [(each["path"], each["line"]) for each in mistakes] == [
        ("guards/personal.yaml", 1),
        ("policies/stays.cedar", 1),
        ("trimtab.yaml", 2),
        ("trimtab.yaml", 3),
    ]


CASE = st.builds(
    NewCase,
    id=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    input=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1).filter(str.strip),
    expected=st.one_of(
        st.none(), st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.integers(), max_size=3)
    ),
    tags=st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), max_size=3).map(tuple),
    weight=st.floats(0.1, 100),
    group=st.sampled_from(("", "g")),
)


@given(st.lists(CASE, max_size=4, unique_by=lambda each: each.id))
def test_cases_written_and_read_are_the_same_cases(new: list[NewCase]) -> None:
    cases: list[Case] = [made(each, NOBODY) for each in new]
    lines = governed.case_lines(cases)
    again = [governed.read_case(line) for line in lines.split("\n") if line]
    assert governed.dataset_item("d", again).plain == governed.dataset_item("d", cases).plain
    assert all(msgspec.json.decode(line)["id"] for line in lines.split("\n") if line)


@pytest.mark.parametrize(
    "wrong",
    ['data: {apps: {"a\\0": personal}}', f"data: {{apps: {{{'a' * 201}: personal}}}}", 'refusals: {default: "a\\0b"}'],
)
def test_what_no_column_takes_is_a_mistake_of_its_file(run: Run, wrong: str, catalog_url: str) -> None:
    async def story(house: House) -> None:
        files = {"trimtab.yaml": f"name: main\n{wrong}\n"}
        plan = await house.admin.post(f"{BASE}/plan", json={"files": files})
        assert (plan.status_code, len(plan.json()["mistakes"])) == (200, 1)
        applied = await house.admin.post(f"{BASE}/apply", json={"files": files})
        assert (applied.status_code, applied.json()["code"]) == (400, "folder_refused")
        marked = await house.admin.put(f"{BASE}/data-classes/app/{'a' * 201}", json={"data_class": "personal"})
        assert marked.status_code == 400

    run(story, url=catalog_url)


def test_a_plan_that_meets_what_somebody_applies_meanwhile_is_made_anew(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        rehearse, times = house.db.rehearse, [0]

        async def met(*given: Any) -> Any:
            times[0] += 1
            if times[0] == 1:
                raise IntegrityError("INSERT", None, Exception("duplicate key"))
            return await rehearse(*given)

        monkeypatch.setattr(house.db, "rehearse", met)
        plan = await house.admin.post(f"{BASE}/plan", json={"files": {"trimtab.yaml": "name: main\n"}})
        assert (plan.status_code, plan.json()["clean"], times) == (200, True, [2])

    run(story)
