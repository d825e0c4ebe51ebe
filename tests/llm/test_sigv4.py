"""Signatures against AWS's published test suite, and one that AWS's own SDK made."""

from trimtab.llm.sigv4 import Credentials, Signer

KEYS = Credentials(access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
NOW_NS = 1_440_938_160 * 1_000_000_000
STAMP = "20150830T123600Z"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def suite_signature(path: str) -> str:
    """Of a POST with no body as the suite sends it: only host and time are signed."""
    signer = Signer(KEYS, service="service", region="us-east-1", host="example.amazonaws.com", path=path)
    headers = {"host": "example.amazonaws.com", "x-amz-date": STAMP}
    told = signer.authorization(headers, EMPTY, STAMP)
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert told.startswith(f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=")
    return told.rpartition("=")[2]


def test_it_signs_as_awss_test_suite_says() -> None:
    # post-vanilla and post-vanilla-query of the Signature Version 4 test suite
    assert suite_signature("/") == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    assert suite_signature("/?Param1=value1") == "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"


def test_a_bedrock_call_is_signed_as_awss_own_sdk_signs_it() -> None:
    # made with botocore 1.44.5's SigV4Auth: an encoded colon in the path, a body, temporary credentials
    signer = Signer(
        Credentials(
            access_key_id="AKIDEXAMPLE",
            secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token="TOKEN/+=",
        ),
        service="bedrock",
        region="eu-west-1",
        host="bedrock-runtime.eu-west-1.amazonaws.com",
        path="/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse-stream",
    )
    assert signer(b'{"messages":[]}', NOW_NS).decode().split("\r\n") == [
        "x-amz-security-token: TOKEN/+=",
        "x-amz-content-sha256: 5e4ce7b36ba37b78a5d5f9fd08e6b7b54ba6879d651aa46ec9e1d6fa24ebe30a",
        "x-amz-date: 20150830T123600Z",
        (
            "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
            "Signature=3ccce8d27a872bbdb31f85f480d91656f48d989a1029d3739a4027f55489dc3b"
        ),
        "",
    ]


def test_a_signature_is_of_its_body_and_its_day() -> None:
    signer = Signer(KEYS, service="bedrock", region="us-east-1", host="h", path="/p")
    day = 86_400 * 1_000_000_000
    made = {signer(body, now) for body in (b"a", b"b") for now in (NOW_NS, NOW_NS + day, NOW_NS)}
    assert len(made) == 4


def test_credentials_do_not_show_their_secret() -> None:
    assert "wJalr" not in repr(KEYS)
