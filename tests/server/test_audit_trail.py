"""Whatever changes something over the API stands in the audit trail, in the transaction that changed it."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import msgspec
from house import House
from sqlalchemy import func, select

from trimtab.governance import audit
from trimtab.server.api import all_routes
from trimtab.server.routes import Operation
from trimtab.telemetry.spool.drain import Spooled, SpoolReader

if TYPE_CHECKING:
    from house import Run

P: Final = "/api/v1/projects/default"
APP: Final = f"{P}/apps/support"
CORPUS: Final = f"{P}/corpora/handbook"
PRODUCTION: Final = f"{APP}/environments/production"

NO_ENTRY: Final = {
    # They ask something, and the question is too long for an address.
    "previewPrompt": "reads", "replayRoute": "reads", "explainRoute": "reads", "runSql": "reads", "reconcile": "reads",
    "renderPrompt": "reads", "convertPrompt": "reads", "tuneCache": "reads", "planFolder": "reads",
    "askAccessPolicies": "reads", "checkAccessPolicies": "reads", "planAccessPolicies": "reads",
    "estimateRedteam": "reads", "tryGuard": "tries a guard that is not kept", "searchCorpus": "reads",
    # They call a model, as a client does: the trace and the books say who did.
    "runPlayground": "calls", "testModel": "calls",
    "testForward": "sends one packet that holds nothing, and counts nowhere",
    # They write what is a record by itself, with its author, and is never changed.
    "createScores": "a score is a record", "invalidateScore": "a score that is taken back stays on record",
}  # fmt: skip
ELSEWHERE: Final = {
    # These need spans in a store, a model that answers, a sign-in elsewhere or a clock; beside them is who looks.
    "giveFeedback": "a score is a record by itself",
    "tryScorer": "tries a scorer, and keeps nothing", "estimateExperiment": "reads", "getSampleSize": "reads",
    "checkIdentityProvider": "asks the provider, and changes nothing",
    "generateCases": "calls a model, as a client does; what is taken of it is written down",
    "takeNextItem": "who works on an item stands on it, for minutes", "claimReviewItem": "the same",
    "releaseReviewItem": "the same",
    "sendToReview": "tests/server/test_review_api.py", "assignReviewItem": "tests/review",
    "giveVerdict": "tests/review", "makeCaseOfItem": "tests/server/test_review_api.py: a version of a dataset",
    "casesFromTraces": "tests/server/test_dataset_making_api.py: a version of a dataset",
    "decideCaseProposals": "tests/server/test_dataset_making_api.py",
    "calibrateJudge": "the experiment that it starts is written down", "giveScores": "tests/flows/test_experiments.py",
    "unmaskTrace": "tests/flows/test_content_access.py",
    "spendGrant": "tests/server/test_oidc.py", "confirmSecondFactor": "tests/server/test_people_api.py",
    "removeSecondFactor": "the same", "endMySession": "the same", "endMyOtherSessions": "the same",
    "endPersonSessions": "the same",
}  # fmt: skip
"""Operations that the stories of this file do not tell, and why, or where."""


class Does(NamedTuple):
    """A request that changes something; ``{name.field}`` in its path is taken out of an earlier answer."""

    id: str
    method: str
    path: str
    body: Any = None


RULE: Final = {"measure": "requests", "bound": "9", "window": "minute"}
PROMPT: Final = {"content": {"messages": [{"role": "system", "text": "Be brief."}]}}
BOARD: Final[dict[str, Any]] = {"name": "Mine", "tiles": []}
CEDAR: Final = 'forbid(principal, action == Action::"call_model", resource) when { context.data_class == "personal" };'
WIDE: Final = "/api/v1/organisations/default/access-policies"
REFUSAL: Final = {"name": "default", "app": "", "language": "", "text": "Not here."}
STEPS: Final = [{"share": 0.1, "samples": 0}, {"share": 0.5, "samples": 0}]
ROLLOUT: Final = f"{P}/rollouts"
STORY: Final = (
    Does("createProject", "POST", "/api/v1/projects", {"slug": "other", "name": "Other"}),
    Does("changeProject", "PATCH", P, {"name": "Renamed"}),
    Does("createKey", "POST", f"{P}/keys", {"name": "bob", "role": "editor"}),
    Does("setKeyPriority", "PUT", f"{P}/keys/{{createKey.key.id}}/priority", {"highest": "low"}),
    Does("setDataClass", "PUT", f"{P}/data-classes/key/bob", {"data_class": "personal"}),
    Does("revokeKey", "DELETE", f"{P}/keys/{{createKey.key.id}}"),
    Does("createInstanceKey", "POST", "/api/v1/keys", {"name": "eye", "role": "read_only"}),
    Does("revokeInstanceKey", "DELETE", "/api/v1/keys/{createInstanceKey.key.id}"),
    Does("createLoginLink", "POST", "/api/v1/login-links"),
    Does("createProvider", "POST", f"{P}/providers",
         {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "a-very-secret-key"}),
    Does("changeProvider", "PATCH", f"{P}/providers/lab", {"api_key": "another-secret-key"}),
    Does("setProviderResilience", "PUT", f"{P}/providers/lab/resilience", {"attempts": 3}),
    Does("removeProviderResilience", "DELETE", f"{P}/providers/lab/resilience"),
    Does("createModel", "POST", f"{P}/models", {"name": "fast", "provider": "lab", "upstream": "gpt-4o-mini"}),
    Does("changeModel", "PATCH", f"{P}/models/fast", {"upstream": "gpt-4o"}),
    Does("setModelResilience", "PUT", f"{P}/models/fast/resilience", {"attempts": 3}),
    Does("removeModelResilience", "DELETE", f"{P}/models/fast/resilience"),
    Does("putCard", "PUT", f"{P}/models/fast/card",
         {"provider": "lab", "upstream": "gpt-4o", "suite": "1",
          "results": [{"check": "text", "front": "openai_chat", "outcome": "pass", "evidence": "200"}]}),
    Does("createRoute", "POST", f"{P}/routes", {"name": "smart", "tree": {"node": "fallback", "of": ["fast"]}}),
    Does("changeRoute", "PATCH", f"{P}/routes/smart", {"about": "For answers"}),
    Does("deleteRoute", "DELETE", f"{P}/routes/smart"),
    Does("createLimit", "POST", f"{P}/limits", {"name": "few", **RULE}),
    Does("changeLimit", "PUT", f"{P}/limits/few", {**RULE, "bound": "10"}),
    Does("deleteLimit", "DELETE", f"{P}/limits/few"),
    Does("putPolicy", "PUT", f"{P}/policies/fast", {"cache": {"mode": "exact"}}),
    Does("removePolicy", "DELETE", f"{P}/policies/fast"),
    Does("purgeCache", "POST", f"{P}/cache/purge", {}),
    Does("addPrices", "POST", f"{P}/prices",
         {"prices": [{"provider": "lab", "model": "gpt-4o", "rates": {"input": "1", "output": "2"}}]}),
    Does("endPrice", "PATCH", f"{P}/prices/{{addPrices.items.0.id}}", {"valid_to": 4_000_000_000_000}),
    Does("deletePrice", "DELETE", f"{P}/prices/{{addPrices.items.0.id}}"),
    Does("setCurrency", "PATCH", f"{P}/currency", {"code": "EUR", "rate": "0.9"}),
    Does("startRepricing", "POST", f"{P}/repricings", {"since": 1_000}),
    Does("switchDetectors", "PUT", f"{P}/detectors", {"off": ["tool_loop"]}),
    Does("setTextIndex", "PUT", f"{P}/search/text-index", {"on": False}),
    Does("setRetention", "PUT", f"{P}/retention", {"content": 3}),
    Does("startRetentionRun", "POST", f"{P}/retention/runs"),
    Does("startErasure", "POST", f"{P}/erasures", {"subject": "user", "value": "ada"}),
    Does("addLegalHold", "POST", f"{P}/legal-holds", {"subject": "user", "value": "eve", "reason": "Case 7"}),
    Does("releaseLegalHold", "POST", f"{P}/legal-holds/{{addLegalHold.id}}/release", {"reason": "It is over."}),
    Does("setEncryption", "PUT", f"{P}/encryption", {"enabled": True}),
    Does("rotateDataKey", "POST", f"{P}/encryption/rotations"),
    Does("destroyDataKey", "POST", f"{P}/encryption/keys/all/destruction", {"confirm": "destroy all of default"}),
    Does("putAccessPolicies", "PUT", f"{P}/access-policies/house", {"text": CEDAR}),
    Does("switchAccessPolicies", "POST", f"{P}/access-policies/house/switch", {"version": None}),
    Does("deleteAccessPolicies", "DELETE", f"{P}/access-policies/house"),
    Does("putOrganisationPolicies", "PUT", f"{WIDE}/house", {"text": CEDAR}),
    Does("switchOrganisationPolicies", "POST", f"{WIDE}/house/switch", {"version": None}),
    Does("deleteOrganisationPolicies", "DELETE", f"{WIDE}/house"),
    Does("setDataClasses", "PUT", f"{P}/data-classes", {"classes": ["public", "personal", "grave"]}),
    Does("setProviderDataTerms", "PUT", f"{P}/providers/lab/data-terms", {"region": "eu-west-1"}),
    Does("removeProviderDataTerms", "DELETE", f"{P}/providers/lab/data-terms"),
    Does("setModelDataTerms", "PUT", f"{P}/models/fast/data-terms", {"region": "eu-west-1"}),
    Does("removeModelDataTerms", "DELETE", f"{P}/models/fast/data-terms"),
    Does("pushGuard", "POST", f"{P}/guards/leaks/versions", {"spec": {"kind": "secrets", "action": "redact"}}),
    Does("pushGuard", "POST", f"{P}/guards/people/versions", {"spec": {"kind": "pii", "action": "redact"}}),
    Does("chooseGuardPoint", "POST", f"{P}/guards/people/operating-point",
         {"max_false_positives": 0.1, "sample": 0, "benign": ["How do I reset it?"], "apply": True}),
    Does("checkGuardPoint", "POST", f"{P}/guards/people/operating-point/check",
         {"sample": 0, "benign": ["How do I reset it?"]}),
    Does("placeGuard", "PATCH", f"{P}/guards/leaks", {"archived": True}),
    Does("putGuardRefusal", "PUT", f"{P}/guard-refusals", REFUSAL),
    Does("dropGuardRefusal", "DELETE", f"{P}/guard-refusals"),
    Does("putGuardService", "PUT", f"{P}/guard-services/outside", {"url": "https://guards.example.com/look"}),
    Does("dropGuardService", "DELETE", f"{P}/guard-services/outside"),
    Does("startRedteam", "POST", f"{P}/redteam", {"subjects": ["fast"], "attacks": 1}),
    Does("createView", "POST", f"{P}/views", {"name": "Slow", "page": "traces", "q": ""}),
    Does("changeView", "PUT", f"{P}/views/{{createView.id}}",
         {"name": "Slower", "page": "traces", "q": "", "version": 1}),
    Does("deleteView", "DELETE", f"{P}/views/{{createView.id}}"),
    Does("createDashboard", "POST", f"{P}/dashboards", BOARD),
    Does("changeDashboard", "PUT", f"{P}/dashboards/{{createDashboard.id}}", {**BOARD, "name": "Ours", "version": 1}),
    Does("deleteDashboard", "DELETE", f"{P}/dashboards/{{createDashboard.id}}"),
    Does("createForward", "POST", f"{P}/forwards", {"name": "hook", "kind": "webhook", "url": "https://1.1.1.1/in",
                                                  "secret": "a-signing-secret-key"}),
    Does("changeForward", "PATCH", f"{P}/forwards/hook", {"enabled": False}),
    Does("replayForward", "POST", f"{P}/forwards/hook/replay", {}),
    Does("deleteForward", "DELETE", f"{P}/forwards/hook"),
    Does("pushPrompt", "POST", f"{P}/prompts/brief/versions", PROMPT),
    Does("setPromptLabel", "PUT", f"{P}/prompts/brief/labels/live", {"version": 1}),
    Does("removePromptLabel", "DELETE", f"{P}/prompts/brief/labels/live"),
    Does("placePrompt", "PATCH", f"{P}/prompts/brief", {"folder": "desk"}),
    Does("putApp", "PUT", APP, {"spec": {"route": "fast"}}),
    Does("createRelease", "POST", f"{APP}/releases", {}),
    Does("setEnvironment", "PUT", f"{P}/environments/lab", {}),
    Does("removeEnvironment", "DELETE", f"{P}/environments/lab"),
    Does("startRollout", "POST", f"{PRODUCTION}/rollouts", {"release": "r1", "plan": {"kind": "direct"}}),
    Does("putApp", "PUT", APP, {"spec": {"route": "fast", "parameters": {"seed": 1}}}),
    Does("createRelease", "POST", f"{APP}/releases", {}),
    Does("startRollout", "POST", f"{PRODUCTION}/rollouts", {"release": "r2", "plan": {"steps": STEPS}}),
    Does("holdRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/hold", {}),
    Does("resumeRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/resume", {}),
    Does("advanceRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/advance", {}),
    Does("promoteRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/promote", {}),
    Does("rollBackRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/rollback", {}),
    Does("startRollout", "POST", f"{PRODUCTION}/rollouts", {"release": "r2", "plan": {"steps": STEPS}}),
    Does("stopRollout", "POST", f"{ROLLOUT}/{{startRollout.id}}/stop", {}),
    Does("startRollout", "POST", f"{PRODUCTION}/rollouts", {"release": "r2", "plan": {"kind": "direct"}}),
    Does("rollBack", "POST", f"{PRODUCTION}/rollback", {}),
    Does("placeApp", "PATCH", APP, {"archived": True}),
    Does("applyFolder", "POST", f"{P}/apply",
         {"files": {"trimtab.yaml": "name: main\nmodels:\n  slow: {provider: lab, model: gpt-5}\n"}}),
    Does("putCorpus", "PUT", CORPUS, {"description": "How we work", "embedder": {"model": ""}}),
    Does("putDocuments", "POST", f"{CORPUS}/documents", {"items": [{"id": "a", "text": "A secret-key of one."}]}),
    Does("restateDocument", "PATCH", f"{CORPUS}/documents/a", {"access": ["user:ada"]}),
    Does("noteSources", "POST", f"{CORPUS}/sources", {"items": {"a": "changed"}}),
    Does("publishCorpus", "POST", f"{CORPUS}/versions", {}),
    Does("deleteDocument", "DELETE", f"{CORPUS}/documents/a"),
    Does("deleteModel", "DELETE", f"{P}/models/fast"),
    Does("reload", "POST", "/api/v1/reload"),
)  # fmt: skip
SUITE: Final[dict[str, Any]] = {"dataset": "set", "scorers": [{"scorer": "length"}]}
TONES: Final = [{"name": "tone", "kind": "choice", "choices": ["kind", "rude"]}]
RUBRIC: Final = {"kind": "rubric", "options": {"model": "fast", "criteria": "The tone is kind."}}
LENGTH: Final[dict[str, Any]] = {"kind": "online", "app": "support", "scorers": [{"scorer": "length"}]}
ORG: Final = "/api/v1/organisations/default"
COMPANY: Final = {"name": "company", "issuer": "https://login.example.com", "client_id": "trimtab"}
OTHERS: Final = (
    Does("createProvider", "POST", f"{P}/providers", {"name": "lab", "base_url": "http://127.0.0.1:9/v1"}),
    Does("createModel", "POST", f"{P}/models", {"name": "fast", "provider": "lab", "upstream": "gpt-4o-mini"}),
    Does("putDataset", "PUT", f"{P}/datasets/set", {"description": "One"}),
    Does("changeDataset", "PATCH", f"{P}/datasets/set", {"description": "Two"}),
    Does("changeCases", "POST", f"{P}/datasets/set/cases",
         {"add": [{"id": "a", "input": "1", "expected": "1"}, {"id": "b", "input": "2", "expected": "2"}]}),
    Does("splitDataset", "POST", f"{P}/datasets/set/split", {"shares": {"train": 0.5, "test": 0.5}}),
    Does("sampleCases", "POST", f"{P}/datasets/set/sample", {"strategy": "diverse", "size": 1, "save_as": "few"}),
    Does("putSuite", "PUT", f"{P}/suites/quality", {"spec": SUITE}),
    Does("putSuite", "PUT", f"{P}/suites/quality", {"spec": {**SUITE, "description": "More"}}),
    Does("placeSuite", "PATCH", f"{P}/suites/quality", {"archived": True}),
    Does("placeSuite", "PATCH", f"{P}/suites/quality", {"archived": False}),
    Does("startExperiment", "POST", f"{P}/experiments", {"suite": "quality", "subjects": ["fast"], "alone": True}),
    Does("cancelExperiment", "POST", f"{P}/experiments/{{startExperiment.id}}/cancel"),
    Does("resumeExperiment", "POST", f"{P}/experiments/{{startExperiment.id}}/resume", {}),
    Does("pushJudge", "POST", f"{P}/judges/tone/versions", RUBRIC),
    Does("placeJudge", "PATCH", f"{P}/judges/tone", {"archived": True}),
    Does("putOnlineRule", "PUT", f"{P}/online-rules/long", {"spec": LENGTH}),
    Does("putOnlineRule", "PUT", f"{P}/online-rules/long", {"spec": LENGTH, "paused": True}),
    Does("deleteOnlineRule", "DELETE", f"{P}/online-rules/long"),
    Does("putReviewQueue", "PUT", f"{P}/review/queues/desk", {"spec": {"criteria": TONES}}),
    Does("putReviewQueue", "PUT", f"{P}/review/queues/desk", {"spec": {"criteria": []}}),
    Does("archiveReviewQueue", "DELETE", f"{P}/review/queues/desk"),
    Does("addMember", "POST", f"{P}/members", {"email": "ada@example.com", "role": "viewer"}),
    Does("changeMember", "PATCH", f"{P}/members/{{addMember.id}}", {"role": "operator"}),
    Does("removeMember", "DELETE", f"{P}/members/{{addMember.id}}"),
    Does("createServiceAccount", "POST", f"{P}/service-accounts", {"name": "nightly", "role": "operator"}),
    Does("removeServiceAccount", "DELETE", f"{P}/service-accounts/{{createServiceAccount.id}}"),
    Does("addOrganisationMember", "POST", f"{ORG}/members", {"email": "bob@example.com", "role": "viewer"}),
    Does("changeOrganisationMember", "PATCH", f"{ORG}/members/{{addOrganisationMember.id}}", {"role": "operator"}),
    Does("removeOrganisationMember", "DELETE", f"{ORG}/members/{{addOrganisationMember.id}}"),
    Does("addInstanceMember", "POST", "/api/v1/members", {"email": "eve@example.com", "role": "viewer"}),
    Does("changeInstanceMember", "PATCH", "/api/v1/members/{addInstanceMember.id}", {"role": "operator"}),
    Does("changePerson", "PATCH", "/api/v1/people/{addInstanceMember.id}", {"disabled": True}),
    Does("removeInstanceMember", "DELETE", "/api/v1/members/{addInstanceMember.id}"),
    Does("createOrganisation", "POST", "/api/v1/organisations", {"slug": "other", "name": "Other"}),
    Does("changeOrganisation", "PATCH", ORG, {"name": "Renamed"}),
    Does("createOrganisationProject", "POST", f"{ORG}/projects", {"slug": "third", "name": "Third"}),
    Does("createRole", "POST", f"{ORG}/roles", {"name": "writer", "permissions": ["prompt:read"]}),
    Does("changeRole", "PUT", f"{ORG}/roles/writer", {"permissions": ["prompt:read", "prompt:write"]}),
    Does("removeRole", "DELETE", f"{ORG}/roles/writer"),
    Does("putDirectory", "PUT", f"{ORG}/directory", {"label": "Okta"}),
    Does("createDirectoryToken", "POST", f"{ORG}/directory/tokens", {"name": "okta"}),
    Does("endDirectoryToken", "DELETE", f"{ORG}/directory/tokens/{{createDirectoryToken.token.id}}"),
    Does("removeDirectory", "DELETE", f"{ORG}/directory"),
    Does("putDomains", "PUT", f"{ORG}/domains", {"domains": ["house.example"]}),
    Does("createIdentityProvider", "POST", "/api/v1/identity-providers", {**COMPANY, "client_secret": "a-secret-key"}),
    Does("changeIdentityProvider", "PATCH", "/api/v1/identity-providers/company", {"label": "One"}),
    Does("removeIdentityProvider", "DELETE", "/api/v1/identity-providers/company"),
    Does("beginSecondFactor", "POST", "/api/v1/second-factor", {}),
)  # fmt: skip
"""Of the rooms of evaluation, review and people; `importCases` takes a file, and is asked beside."""
BY_OTHERS: Final = frozenset((
    "approveRelease", "withdrawApproval", "recordVerdict", "login", "logout", "deleteProvider", "importDashboard",
    "dropForwardEvent", "replayDeadLetter", "dropDeadLetter", "remapTraces", "rotateSecretKey",
    "importCases",
))  # fmt: skip
"""Those that need a second person, a file, a cookie, a failure or a whole store; below, and beside their own tests."""


def mutating() -> set[str]:
    """Every operation that is not a GET."""
    found: set[str] = set()
    for each in all_routes():
        operation: Operation = each.opt["operation"]
        if each.http_methods != {"GET"}:
            found.add(operation.id)
    return found


def test_every_operation_that_changes_something_is_in_this_story_or_says_why_not() -> None:
    told = {each.id for each in (*STORY, *OTHERS)} | BY_OTHERS | NO_ENTRY.keys() | ELSEWHERE.keys()
    operations = mutating()
    untold = operations - told
    assert not untold, "what these change must leave an entry of the audit log: say with which request"
    assert not {name for name in told if name not in operations}


async def count(house: House) -> int:
    query = select(func.count()).select_from(audit.AUDIT)
    return await house.db.read(lambda conn: conn.execute(query).scalar_one())


async def entries(house: House, after: int) -> list[Any]:
    """What was written after the first ``after`` entries."""
    query = select(audit.AUDIT).order_by(audit.AUDIT.c.at, audit.AUDIT.c.id).offset(after)
    return await house.db.read(lambda conn: list(conn.execute(query)))


SAYS_OTHERWISE: Final = {
    "dataset.written": "a version never changes, and says what it has",
    "legal_hold.set": "it is new, and only ever released",
}
"""Actions that sound of a change, whose entry has no from and to, and why."""


def is_whole(entry: Any) -> bool:
    """Who, what, and what it was and is, where something was changed or is gone."""
    detail = msgspec.json.decode(entry.detail)
    kind, _, act = entry.action.partition(".")
    whole = bool(entry.actor_name and kind and act and entry.subject)
    if act in ("changed", "removed", "set", "written") and entry.action not in SAYS_OTHERWISE:
        whole = whole and {"from", "to"} <= detail.keys() and detail["from"] != detail["to"]
    return whole


async def do(house: House, who: httpx.AsyncClient, each: Does, got: dict[str, Any]) -> None:
    """The request, and that it left an entry that says all."""
    path = each.path
    if "{" in path:
        name, *fields = path[path.index("{") + 1 : path.index("}")].split(".")
        value = got[name]
        for field in fields:
            value = value[int(field)] if field.isdigit() else value[field]
        path = f"{path[: path.index('{')]}{value}{path[path.index('}') + 1 :]}"
    before = await count(house)
    answer = await who.request(each.method, path, json=each.body)
    assert answer.status_code < 300, (each, answer.text)
    made = await entries(house, before)
    assert made, f"{each.id} left nothing in the audit log"
    unclear = [(entry.action, entry.detail) for entry in made if not is_whole(entry)]
    assert not unclear, f"{each.id} does not say who, what, or what it was and is"
    got[each.id] = answer.json() if answer.content else None


def test_whatever_is_changed_over_the_api_stands_in_the_audit_trail(run: "Run") -> None:
    async def story(house: House) -> None:
        got: dict[str, Any] = {}
        for each in STORY:
            await do(house, house.admin, each, got)
        trail = (await house.admin.get(f"{P}/audit", params={"limit": 500})).json()["items"]
        whole = (await house.admin.get("/api/v1/audit", params={"limit": 500})).json()["items"]
        text = msgspec.json.encode([trail, whole]).decode()
        assert "secret-key" not in text
        assert got["createKey"]["secret"] not in text
        assert {each["actor_name"] for each in (*trail, *whole)} == {"admin (TRIMTAB_ADMIN_KEY)"}
        changed = next(each for each in trail if each["action"] == "limit.changed")
        assert [changed["detail"][side]["rule"]["bound"] for side in ("from", "to")] == [9, 10]
        assert {each["action"] for each in whole} >= {"project.created", "key.created", "key.revoked"}
        before = await count(house)
        same = await house.admin.put(f"{P}/retention", json={"content": 3})
        assert (same.status_code, await count(house)) == (200, before), "the same again changes nothing"
        refused = await house.admin.post(f"{P}/limits", json={"name": "few", **RULE, "bound": "no number"})
        assert (refused.status_code, await count(house)) == (400, before)

    run(story)


def test_what_is_changed_in_evaluation_review_and_people_stands_there_with_what_it_was(run: "Run") -> None:
    async def story(house: House) -> None:
        got: dict[str, Any] = {}
        for each in OTHERS:
            await do(house, house.admin, each, got)
        before = await count(house)
        said = await house.admin.post(
            f"{P}/datasets/set/import", params={"format": "jsonl"}, content=b'{"id": "c", "input": "3"}\n',
            headers={"content-type": "application/octet-stream"},
        )  # fmt: skip
        assert said.status_code == 200, said.text
        assert [entry.action for entry in await entries(house, before)] == ["dataset.written"]
        text = msgspec.json.encode([entry.detail for entry in await entries(house, 0)]).decode()
        for secret in ("a-secret-key", got["createDirectoryToken"]["secret"], got["beginSecondFactor"]["secret"]):
            assert secret not in text

    run(story)


def test_a_folder_that_is_applied_says_of_each_thing_what_it_was_and_is(run: "Run") -> None:
    async def story(house: House) -> None:
        got: dict[str, Any] = {}
        await do(house, house.admin, OTHERS[0], got)
        files = "name: main\nmodels:\n  slow: {{provider: lab, model: {0}}}\n"
        for model in ("gpt-5", "gpt-4o"):
            body = {"files": {"trimtab.yaml": files.format(model)}}
            await do(house, house.admin, Does("applyFolder", "POST", f"{P}/apply", body), got)
        trail = (await house.admin.get(f"{P}/audit", params={"subject": "model:slow"})).json()["items"]
        changed, added = trail
        assert (added["action"], added["detail"]["from"], added["detail"]["folder"]) == ("folder.added", None, "main")
        assert changed["action"] == "folder.changed"
        assert ["gpt-5" in str(changed["detail"]["from"]), "gpt-4o" in str(changed["detail"]["to"])] == [True, True]

    run(story)


def test_amounts_of_money_stand_there_in_dollars(run: "Run") -> None:
    async def story(house: House) -> None:
        body = {"name": "spend", "measure": "money", "bound": "7.5", "window": "day", "unknown_price": "amount"}
        made = await house.admin.post(f"{P}/limits", json={**body, "unknown_amount": "0.05"})
        assert made.status_code == 201, made.text
        trail = (await house.admin.get(f"{P}/audit")).json()["items"]
        told = next(each["detail"]["to"]["rule"] for each in trail if each["action"] == "limit.created")
        assert (told["bound"], told["unknown_amount"]) == ("7.5", "0.05")

    run(story)


def test_what_a_second_person_a_file_or_a_cookie_does_stands_there_too(run: "Run") -> None:
    async def story(house: House) -> None:
        got: dict[str, Any] = {}
        file: dict[str, Any] = {"format": "trimtab.dashboard/1", "name": "Ours", "tiles": []}
        board = {"file": file, "replace": False}
        for each in STORY:
            if each.id in ("createProvider", "createModel", "createKey", "putApp", "createRelease"):
                await do(house, house.admin, each, got)
        bob = house.client(got["createKey"]["secret"])
        release = f"{APP}/releases/r1"
        for each in (
            Does("approveRelease", "POST", f"{release}/approvals", {}),
            Does("withdrawApproval", "DELETE", f"{release}/approvals"),
            Does("recordVerdict", "POST", f"{release}/gate", {"outcome": "better", "source": "ci"}),
            Does("importDashboard", "POST", f"{P}/dashboards/import", board),
            Does("login", "POST", "/api/v1/login", {"key": got["createKey"]["secret"]}),
        ):
            await do(house, bob, each, got)
        del bob.headers["authorization"]
        bob.headers["origin"] = "http://trimtab.test"
        await do(house, bob, Does("logout", "POST", "/api/v1/logout"), got)
        await do(house, house.admin, Does("deleteModel", "DELETE", f"{P}/models/fast"), got)
        await do(house, house.admin, Does("deleteProvider", "DELETE", f"{P}/providers/lab"), got)
        reader = SpoolReader(house.folder / "spool")
        reader.reject(Spooled("w0~1", 1, 1000, b"words"), "unreadable")
        await do(house, house.admin, Does("dropDeadLetter", "DELETE", "/api/v1/system/dead-letters/1"), got)
        reader.close()
        before = await count(house)
        assert (await house.admin.delete("/api/v1/system/dead-letters/1")).status_code == 404
        assert await count(house) == before, "what was not there was not dropped"
        assert (await house.admin.post(f"{P}/remap", json={"start": 0})).status_code == 503
        assert await count(house) == before + 1, "what no transaction of the catalog does is written down before"

    run(story)
