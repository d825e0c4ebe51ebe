"""ISO/IEC 42001:2023, Annex A (reference control objectives and controls)."""

from trimtab.compliance.types import Asked, Framework

PLUG = Framework(
    name="iso_42001",
    title="ISO/IEC 42001",
    edition="ISO/IEC 42001:2023, Annex A",
    controls=(
        Asked(
            id="A.2.2",
            title="AI policy",
            asks="There is a documented policy for AI systems.",
            sections=("policies",),
            add="The policy itself; what of it is enforced here is shown.",
        ),
        Asked(
            id="A.3.2",
            title="Roles and responsibilities",
            asks="Roles and responsibilities are defined and given.",
            sections=("access", "approvals"),
        ),
        Asked(
            id="A.3.3",
            title="Reporting of concerns",
            asks="People can report concerns about an AI system.",
            sections=("human_oversight",),
            add="The process outside of this server.",
        ),
        Asked(
            id="A.4.3",
            title="Data resources",
            asks="The data used by AI systems are documented.",
            sections=("datasets",),
        ),
        Asked(
            id="A.4.4",
            title="Tooling resources",
            asks="The tools and models used are documented.",
            sections=("apps",),
        ),
        Asked(
            id="A.5.2",
            title="Impact assessment",
            asks="What AI systems mean for individuals and societies is assessed.",
            add="All of it.",
        ),
        Asked(
            id="A.6.2.3",
            title="Documentation of design and development",
            asks="Design and development are documented.",
            sections=("releases",),
        ),
        Asked(
            id="A.6.2.4",
            title="Verification and validation",
            asks="Measures and criteria are defined, and systems are held against them.",
            sections=("evaluations", "judges", "red_team"),
        ),
        Asked(
            id="A.6.2.5",
            title="Deployment",
            asks="Systems are deployed by a plan, once what is required is met.",
            sections=("rollouts", "approvals"),
        ),
        Asked(
            id="A.6.2.6",
            title="Operation and monitoring",
            asks="Running systems are monitored, repaired, updated and supported.",
            sections=("operation", "incidents"),
        ),
        Asked(
            id="A.6.2.7",
            title="Technical documentation",
            asks="Those concerned get the technical documentation that they need.",
            sections=("apps", "releases"),
        ),
        Asked(
            id="A.6.2.8",
            title="Event logs",
            asks="Logs of events are kept, at least while the system is used.",
            sections=("operation", "audit_log", "data"),
        ),
        Asked(
            id="A.7.4",
            title="Quality of data",
            asks="Requirements of data quality are defined and met.",
            sections=("datasets",),
            add="The requirements.",
        ),
        Asked(
            id="A.7.5",
            title="Provenance of data",
            asks="Where data come from is recorded through their life.",
            sections=("datasets",),
        ),
        Asked(
            id="A.8.3",
            title="External reporting",
            asks="People outside can report adverse effects.",
            sections=("human_oversight",),
            add="Your own channels.",
        ),
        Asked(
            id="A.8.4",
            title="Communication of incidents",
            asks="There is a plan to tell users of incidents.",
            sections=("incidents",),
            add="The plan, and whom you told.",
        ),
        Asked(
            id="A.9.2",
            title="Responsible use",
            asks="Processes for the responsible use of AI systems are defined.",
            sections=("guards", "policies", "human_oversight"),
        ),
        Asked(
            id="A.9.4",
            title="Intended use",
            asks="Systems are used as they are intended and documented.",
            sections=("apps", "policies"),
            add="What each is intended for, where an app's description does not say it.",
        ),
        Asked(
            id="A.10.3",
            title="Suppliers",
            asks="What suppliers provide fits the organisation's own way of responsible AI.",
            sections=("apps", "policies"),
            add="Contracts and assessments of suppliers.",
        ),
    ),
)
