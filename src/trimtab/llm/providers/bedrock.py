"""Amazon Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html

Either an API key (https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html) or AWS credentials: those
given here, or those of the machine (the environment, a role of EKS, ECS or the instance; `llm/aws.py`), which are
renewed before they end. Models are called by their ids or those of inference profiles, e.g.
``eu.anthropic.claude-haiku-4-5-20251001-v1:0``.
"""

from trimtab.llm.aws import IDENTITIES
from trimtab.llm.providers import Option, ProviderKind

PLUG = ProviderKind(
    name="bedrock",
    title="Amazon Bedrock",
    dialect="bedrock_converse",
    base_url="https://bedrock-runtime.{region}.amazonaws.com",
    key_variable="AWS_BEARER_TOKEN_BEDROCK",
    options=(
        Option(name="region", about="the AWS region, e.g. us-east-1.", required=True),
        Option(name="access_key_id", about="the id of an AWS access key, where there is no API key."),
        Option(name="secret_access_key", about="the secret of that access key.", secret=True),
        Option(name="session_token", about="the token of temporary credentials.", secret=True),
        Option(
            name="identity",
            about="machine, in place of a key: the credentials that this server finds as AWS's own clients do. Only "
            "the config file may say it.",
        ),
    ),
    key_options=("access_key_id", "secret_access_key"),
    identities=IDENTITIES,
    price_id="aws",
    models=("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0"),
)
