"""What policies are written about: our Cedar schema, and the actions it knows.

The language is Cedar's, https://docs.cedarpolicy.com/policies/syntax-policy.html; the schema's syntax is
https://docs.cedarpolicy.com/schema/human-readable-schema.html. It is published as it stands here
(``GET /api/v1/policy-schema``, `trimtab policies schema`); names are only ever added to it.
"""

from typing import Final, Literal, get_args

Action = Literal["call_model", "call_tool", "promote", "approve", "export", "read_content"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
Kind = Literal["Key", "ServiceAccount", "User"]
ResourceType = Literal["Model", "Tool", "App", "Content"]
RESOURCE_OF: Final[dict[Action, ResourceType]] = {
    "call_model": "Model",
    "call_tool": "Tool",
    "promote": "App",
    "approve": "App",
    "export": "Content",
    "read_content": "Content",
}

SCHEMA: Final = """\
// Who asks. Roles are "admin", "editor", "reviewer", "read_only", "client", and those a project makes itself.
entity Organisation;
entity Project in [Organisation];
entity Role;
// A group that the organisation's identity provider keeps here, by its name.
entity Group;
// An API key: named by its id; `name` is the name people gave it. A key that belongs to a service account or to a
// person stands below them, and below that person's groups; its roles are its own.
entity Key in [Role, Project, ServiceAccount, User] = { name: String, role: String };
// A machine's identity that owns keys, named by its id. It asks by its keys: `principal in ServiceAccount::"svc_..."`.
entity ServiceAccount in [Role, Project] = { name: String, role: String };
// A person who signed in, named by their e-mail address. `role` is what they are in the project, else in its
// organisation, else on the whole server; they stand below all of these roles.
entity User in [Role, Project, Group] = { name: String, role: String };

entity Provider;
// A model at its provider, named as it is called. `upstream` is the provider's own id for it. `region`, `data_classes`
// and `terms` are the model's data terms, else its provider's; empty where nobody stated any. `local` is true where
// no byte leaves this machine.
entity Model in [Provider] = {
  name: String, provider: String, kind: String, upstream: String, region: String, local: Bool,
  data_classes: Set<String>, terms: Set<String>
};
// A tool that a request offers to a model, named as the model sees it.
entity Tool = { name: String };
entity App = { name: String };
// Recorded content: `kind` is "trace", "conversation", "spans" or "dataset"; `name` is a dataset's.
entity Content = { kind: String, name: String };

// What is known of a call. `data_class` is one of the project's own list (empty: nobody declared any), `class_rank` its
// place there, 0 for the least sensitive, -1 for none. `user` is whom the client says it asks for. `labels` are what
// guards found. `now` is UTC, to the minute; `weekday` is 1 on Mondays.
type Call = {
  data_class: String, class_rank: Long, app: String, environment: String, feature: String, user: String,
  tags: Set<String>, labels: Set<String>, now: datetime, hour: Long, weekday: Long
};
// What is known where people use the API. `environment` is where a release would go.
type Deed = {
  data_class: String, class_rank: Long, app: String, environment: String, now: datetime, hour: Long, weekday: Long
};

action call_model appliesTo { principal: [Key, ServiceAccount, User], resource: [Model], context: Call };
action call_tool appliesTo { principal: [Key, ServiceAccount, User], resource: [Tool], context: Call };
action promote, approve appliesTo { principal: [Key, ServiceAccount, User], resource: [App], context: Deed };
action export, read_content appliesTo { principal: [Key, ServiceAccount, User], resource: [Content], context: Deed };
"""

CALL_FIELDS: Final = (
    "data_class", "class_rank", "app", "environment", "feature", "user", "tags", "labels", "now", "hour", "weekday",
)  # fmt: skip
DEED_FIELDS: Final = ("data_class", "class_rank", "app", "environment", "now", "hour", "weekday")


def fields_of(action: Action) -> tuple[str, ...]:
    """The names of what an action's context holds."""
    return CALL_FIELDS if action in ("call_model", "call_tool") else DEED_FIELDS
