"""The identity of the machine in place of a key: Azure's and AWS's endpoints of their own, on loopback."""

import asyncio
import base64
import json
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trimtab.core.errors import InvalidRequest, UpstreamFailure, UpstreamRejected
from trimtab.gateway.provider_options import check_options, default_base_url, stands_in
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.gateway.store import Sealed
from trimtab.llm import aws, google
from trimtab.llm.counting import count_body
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.entra import EntraTokens, Source, source_of
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.renewed import Renewed
from trimtab.llm.sigv4 import Credentials, Signer

Serve = Callable[[Any], str]
ENDS = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
KEYS = {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "ST", "Expiration": ENDS}
XML = (
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
    f"<SessionToken>ST</SessionToken><SecretAccessKey>SK</SecretAccessKey><Expiration>{ENDS}</Expiration>"
    "<AccessKeyId>AK</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
)


class Cloud:
    """Answers each path as it is told to, and keeps what it was asked: method, path, query, headers, form."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, dict[str, list[str]], dict[str, str], dict[str, list[str]]]] = []

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode())
        self.asked.append((scope["method"], scope["path"], query, headers, parse_qs(body.decode())))
        status, told = self.answers.get(scope["path"], (404, "nothing here"))
        raw = told.encode() if isinstance(told, str) else json.dumps(told).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": raw})


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine that the tests run on."""
    for name in (
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "AWS_ENDPOINT_URL_STS", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        "AZURE_AUTHORITY_HOST", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
        "GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


def token(source: Source | None) -> str:
    assert source is not None

    async def main() -> str:
        tokens = EntraTokens()
        await tokens.ready(source)
        return tokens.header(source)

    return asyncio.run(main())


# --- Azure ---


def test_the_token_that_kubernetes_wrote_stands_for_the_secret(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud = Cloud(**{"/contoso/oauth2/v2.0/token": (200, {"access_token": "t1", "expires_in": 3600})})
    written = tmp_path / "token"
    written.write_text("eyJ.from.kubernetes\n")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", serve(cloud) + "/")
    monkeypatch.setenv("AZURE_TENANT_ID", "contoso")
    monkeypatch.setenv("AZURE_CLIENT_ID", "app")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(written))
    assert token(source_of({"identity": "workload"}, None)) == "Bearer t1"
    [(method, _, _, _, form)] = cloud.asked
    assert method == "POST"
    assert {name: value[0] for name, value in form.items()} == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "scope": "https://cognitiveservices.azure.com/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "eyJ.from.kubernetes",
    }
    written.unlink()
    with pytest.raises(UpstreamRejected, match="AZURE_FEDERATED_TOKEN_FILE names cannot be read") as caught:
        token(source_of({"identity": "workload", "client_id": "other"}, None))
    assert class_of(caught.value) == "key"


@pytest.mark.parametrize("client", ["", "user-assigned"])
def test_a_virtual_machine_is_asked_for_its_token(serve: Serve, monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    cloud = Cloud(**{"/metadata/identity/oauth2/token": (200, {"access_token": "t2", "expires_in": "86399"})})
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", serve(cloud))
    assert token(source_of({"identity": "managed", "client_id": client}, None)) == "Bearer t2"
    [(_, _, query, headers, _)] = cloud.asked
    assert (query["resource"], query["api-version"]) == (["https://cognitiveservices.azure.com"], ["2018-02-01"])
    assert query.get("client_id", [""]) == [client]
    assert headers["metadata"] == "true"


def test_app_service_is_asked_for_its_token_and_tells_when_it_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = str(int(datetime.now(UTC).timestamp()) + 3600)
    cloud = Cloud(**{"/msi/token": (200, {"access_token": "t3", "expires_on": ends})})
    monkeypatch.setenv("IDENTITY_ENDPOINT", serve(cloud) + "/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "geheim")
    source = source_of({"identity": "managed", "cloud": "us"}, None)
    assert source is not None

    async def main() -> None:
        tokens = EntraTokens()
        for _ in range(3):
            await tokens.ready(source)
        assert tokens.header(source) == "Bearer t3"

    asyncio.run(main())
    [(_, _, query, headers, _)] = cloud.asked
    assert (query["resource"], headers["x-identity-header"]) == (["https://cognitiveservices.azure.us"], "geheim")


def test_a_machine_without_an_identity_is_told_as_such(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"error": "invalid_request", "error_description": "Identity not found"}
    monkeypatch.setenv(
        "AZURE_POD_IDENTITY_AUTHORITY_HOST", serve(Cloud(**{"/metadata/identity/oauth2/token": (400, wrong)}))
    )
    with pytest.raises(UpstreamRejected, match="Identity not found") as caught:
        token(source_of({"identity": "managed"}, None))
    assert "give this machine a managed identity" in (caught.value.fix or "")


def test_a_key_goes_before_the_identity() -> None:
    assert source_of({"identity": "managed"}, "key") is None
    assert source_of({"identity": "machine"}, None) is None


# --- AWS ---


def found() -> tuple[Credentials, float]:
    return asyncio.run(aws.find("eu-west-1"))


def made() -> Credentials:
    credentials, lasts_s = found()
    assert 5 * 3600 < lasts_s < 7 * 3600
    return credentials


TEMPORARY = Credentials(access_key_id="AK", secret_access_key="SK", session_token="ST")


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/")
    assert found() == (Credentials(access_key_id="A", secret_access_key="S"), float("inf"))


def test_what_came_of_a_file_with_its_lines_end_is_taken_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret of Kubernetes, say. AWS answers what was signed with it by 403, and not a word of why."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", " SK\r\n")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ST\n")
    assert found() == (TEMPORARY, float("inf"))


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_what_no_credential_can_be_is_told_by_its_name_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "canary\ncanary" if name == variable else "fit")
    with pytest.raises(UpstreamRejected, match=f"{variable} holds blanks, line breaks") as caught:
        found()
    assert class_of(caught.value) == "key"
    assert "canary" not in caught.value.sentence()


def test_a_role_is_taken_on_with_the_token_that_kubernetes_wrote(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud = Cloud(**{"/": (200, XML)})
    written = tmp_path / "token"
    written.write_text("eyJ.web\n")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(written))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/llm")
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "a pod/1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", serve(cloud))
    assert made() == TEMPORARY
    [(method, _, _, _, form)] = cloud.asked
    assert (method, form["RoleArn"], form["RoleSessionName"]) == ("POST", ["arn:aws:iam::1:role/llm"], ["a-pod-1"])
    assert (form["Action"], form["WebIdentityToken"]) == (["AssumeRoleWithWebIdentity"], ["eyJ.web"])
    cloud.answers["/"] = (
        403,
        "<ErrorResponse><Error><Message>Not authorized to assume</Message></Error></ErrorResponse>",
    )
    with pytest.raises(UpstreamRejected, match="Not authorized to assume"):
        found()
    cloud.answers["/"] = (503, "")
    with pytest.raises(UpstreamFailure, match="status 503") as caught:
        found()
    assert class_of(caught.value) == "connection"


def test_a_container_is_asked_with_its_token(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cloud = Cloud(**{"/v1/credentials": (200, KEYS)})
    written = tmp_path / "token"
    written.write_text("pod-token")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", serve(cloud) + "/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(written))
    assert made() == TEMPORARY
    assert cloud.asked[0][3]["authorization"] == "pod-token"
    for broken in (
        "{}",
        "no json",
        json.dumps(KEYS | {"Expiration": "soon"}),
        json.dumps(KEYS | {"Token": "a\r\nb: c"}),
    ):
        cloud.answers["/v1/credentials"] = (200, broken)
        with pytest.raises(UpstreamFailure, match="none that can be read"):
            found()


@pytest.mark.parametrize("url", ["http://example.com/c", "http://10.0.0.1/c", "ftp://localhost/c"])
def test_credentials_are_asked_of_no_stranger_in_the_clear(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    with pytest.raises(UpstreamRejected, match="neither https nor this machine's"):
        found()


@pytest.mark.parametrize(("url", "token"), [("http://[::1", "t"), ("http://localhost:1/x", "\u00fc")])
def test_what_the_container_says_amiss_is_told_the_operator(
    monkeypatch: pytest.MonkeyPatch, url: str, token: str
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", token)
    with pytest.raises(UpstreamFailure, match="credentials"):
        asyncio.run(aws.find("eu-west-1"))


def test_an_instance_is_asked_with_a_session_of_its_metadata(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    roles = "/latest/meta-data/iam/security-credentials/"
    cloud = Cloud(**{"/latest/api/token": (200, "session"), roles: (200, "llm-role"), f"{roles}llm-role": (200, KEYS)})
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", serve(cloud))
    assert made() == TEMPORARY
    assert [(method, path) for method, path, *_ in cloud.asked] == [
        ("PUT", "/latest/api/token"), ("GET", roles), ("GET", f"{roles}llm-role"),
    ]  # fmt: skip
    assert [asked[3].get("x-aws-ec2-metadata-token") for asked in cloud.asked] == [None, "session", "session"]
    del cloud.answers[roles]
    with pytest.raises(UpstreamRejected, match="status 404"):
        found()


def test_where_there_is_nothing_the_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UpstreamRejected, match="no instance answers") as caught:
        found()
    assert "the operator must give this machine a role" in (caught.value.fix or "")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UpstreamRejected, match="AWS_EC2_METADATA_DISABLED is set"):
        found()


def test_what_signs_goes_on_with_credentials_that_were_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    count = [0]

    async def tell(_region: str) -> tuple[Credentials, float]:
        count[0] += 1
        return Credentials(access_key_id=f"AK{count[0]}", secret_access_key="s", session_token=f"ST{count[0]}"), 3600.0

    def signer(credentials: Credentials) -> Signer:
        return Signer(credentials, service="bedrock", region="eu-west-1", host="h", path="/p")

    async def main() -> None:
        kept = Renewed[str, Credentials](tell, lambda: now[0])
        monkeypatch.setattr(aws, "CREDENTIALS", kept)
        sign = aws.MachineSigner("eu-west-1", signer)
        with pytest.raises(UpstreamFailure):
            sign(b"{}", 1)
        await kept.ready("eu-west-1")
        first = sign(b"{}", 1)
        assert b"x-amz-security-token: ST1\r\n" in first
        assert b"Credential=AK1/" in first
        assert sign(b"{}", 1) == first
        now[0] = 3600.0
        await kept.ready("eu-west-1")
        assert b"Credential=AK2/" in sign(b"{}", 1)

    asyncio.run(main())


# --- Google ---


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """As a key file has it: in one line."""
    form = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode().replace("\n", "\\n")


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_service_account_signs_what_it_asks_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, key: rsa.RSAPrivateKey
) -> None:
    cloud = Cloud(**{"/token": (200, {"access_token": "ya29.x", "expires_in": 3599})})
    monkeypatch.setattr(google, "TOKEN_URL", serve(cloud) + "/token")
    account = google.account_of({"client_email": "llm@p.iam.gserviceaccount.com", "private_key": pem(key)}, None)
    assert account is not None
    assert "PRIVATE" not in repr(account)
    assert asyncio.run(google.token(account)) == ("ya29.x", 3599.0)
    form = cloud.asked[0][4]
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    head, claims, signature = form["assertion"][0].split(".")
    key.public_key().verify(unpacked(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
    said = json.loads(unpacked(claims))
    assert json.loads(unpacked(head)) == {"alg": "RS256", "typ": "JWT"}
    assert (said["iss"], said["exp"] - said["iat"]) == ("llm@p.iam.gserviceaccount.com", 3600)
    assert said["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    cloud.answers["/token"] = (400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
    with pytest.raises(UpstreamRejected, match="Invalid JWT Signature"):
        asyncio.run(google.token(account))
    cloud.answers["/token"] = (200, "{}")
    with pytest.raises(UpstreamFailure, match="no token"):
        asyncio.run(google.token(account))
    with pytest.raises(UpstreamRejected, match="private_key cannot be read"):
        asyncio.run(google.token(google.Account("a@b", "no key at all")))


def test_a_machine_of_googles_is_asked_for_its_token(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: rsa.RSAPrivateKey
) -> None:
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    cloud = Cloud(**{path: (200, {"access_token": "m1", "expires_in": 600}), "/token": (200, {"access_token": "f1"})})
    url = serve(cloud)
    monkeypatch.setenv("GCE_METADATA_HOST", url.removeprefix("http://"))
    monkeypatch.setattr(google, "TOKEN_URL", url + "/token")
    account = google.account_of({"identity": "machine"}, None)
    assert account is not None
    assert asyncio.run(google.token(account)) == ("m1", 600.0)
    assert cloud.asked[0][3]["metadata-flavor"] == "Google"
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"type": "service_account", "client_email": "a@b", "private_key": pem(key)}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    assert asyncio.run(google.token(account))[0] == "f1"
    for told, words in (('{"type": "external_account"}', "'external_account'"), ("no json", "cannot be read")):
        file.write_text(told)
        with pytest.raises(UpstreamRejected, match=words):
            asyncio.run(google.token(account))


def test_vertex_is_in_a_region_or_global() -> None:
    kind = PROVIDER_KINDS.get("vertex_project")
    rest = "/v1/projects/p/locations/{}/publishers/google"
    told = default_base_url(kind, {"project": "p"})
    assert told == "https://aiplatform.googleapis.com" + rest.format("global")
    told = default_base_url(kind, {"project": "p", "location": "europe-west4"})
    assert told == "https://europe-west4-aiplatform.googleapis.com" + rest.format("europe-west4")


def test_vertex_counts_the_members_of_a_call_themselves() -> None:
    gemini = DIALECTS.get("gemini")
    call = json.dumps({"contents": [{"parts": [{"text": "Hi"}]}], "safetySettings": []}).encode()
    for name in ("vertex", "vertex_project"):
        asked = json.loads(count_body(gemini, call, "gemini-2.5-flash", PROVIDER_KINDS.get(name).quirks))
        assert asked == {"contents": [{"parts": [{"text": "Hi"}]}]}
    asked = json.loads(count_body(gemini, call, "gemini-2.5-flash", PROVIDER_KINDS.get("gemini").quirks))
    assert asked["generateContentRequest"]["model"] == "models/gemini-2.5-flash"


# --- who may lend it ---


@pytest.mark.parametrize(
    ("kind", "identity", "options"),
    [
        ("azure", "managed", {}),
        ("azure_deployments", "workload", {}),
        ("bedrock", "machine", {"region": "eu-west-1"}),
        ("vertex_project", "machine", {"project": "p"}),
    ],
)
def test_only_the_operator_lends_the_servers_identity(kind: str, identity: str, options: dict[str, str]) -> None:
    row = PROVIDER_KINDS.get(kind)
    secret = Sealed(options=options | {"identity": identity})
    check_options(row, secret, operators=True)
    assert stands_in(row, secret.options)
    with pytest.raises(InvalidRequest, match="its operator's to lend") as caught:
        check_options(row, secret)
    assert caught.value.param == "options.identity"
    with pytest.raises(InvalidRequest, match="has no such identity"):
        check_options(row, Sealed(options=options | {"identity": "mine"}), operators=True)


@pytest.mark.parametrize("broken", ["\\n", "\n", "\r\n", ""])
def test_the_key_of_a_service_account_is_taken_in_one_line_and_in_many(key: rsa.RSAPrivateKey, broken: str) -> None:
    """As its key file has it, as whoever read that file as JSON has it, and as a field of one line leaves it."""
    told = pem(key).replace("\\n", broken)
    options = {"project": "p", "client_email": "a@b", "private_key": told}
    check_options(PROVIDER_KINDS.get("vertex_project"), Sealed(options=options))
    account = google.account_of(options, None)
    assert account is not None
    head, claims, signature = google._signed(account, 1).split(".")  # pyright: ignore[reportPrivateUsage]
    key.public_key().verify(unpacked(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())


def test_an_option_that_is_one_line_is_refused_with_a_line_break_in_it() -> None:
    options = {"project": "p", "client_email": "a@b\nx", "private_key": "k"}
    with pytest.raises(InvalidRequest, match="client_email"):
        check_options(PROVIDER_KINDS.get("vertex_project"), Sealed(options=options))
