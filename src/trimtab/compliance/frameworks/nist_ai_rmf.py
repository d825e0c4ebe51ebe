"""NIST AI 100-1, Artificial Intelligence Risk Management Framework 1.0, January 2023."""

from trimtab.compliance.types import Asked, Framework

PLUG = Framework(
    name="nist_ai_rmf",
    title="NIST AI RMF",
    edition="NIST AI 100-1 (AI RMF 1.0)",
    controls=(
        Asked(
            id="GOVERN 1.4",
            title="Risk management by transparent policies and controls",
            asks="The process and its outcomes are laid down in policies, procedures and other controls.",
            sections=("guards", "policies", "access"),
            add="The organisation's policies beyond this server.",
        ),
        Asked(
            id="GOVERN 1.5",
            title="Monitoring and periodic review are planned",
            asks="It is planned who reviews what, and how often.",
            sections=("evaluations", "human_oversight"),
            add="The plan.",
        ),
        Asked(
            id="GOVERN 1.6",
            title="Inventory of AI systems",
            asks="There is an inventory, with resources by risk.",
            sections=("apps",),
            add="Systems that do not run through this server.",
        ),
        Asked(
            id="GOVERN 2.1",
            title="Roles and responsibilities",
            asks="Who is responsible for what is written down and clear.",
            sections=("access", "approvals"),
        ),
        Asked(
            id="GOVERN 6.1",
            title="Third parties",
            asks="Risks of third-party models, software and data are addressed by policy.",
            sections=("policies", "apps"),
            add="Contracts with the vendors.",
        ),
        Asked(
            id="MAP 3.5",
            title="Human oversight is defined",
            asks="The processes of human oversight are defined, assessed and documented.",
            sections=("human_oversight",),
        ),
        Asked(
            id="MAP 4.1",
            title="Risks of components",
            asks="Legal and technical risks of all components are mapped, third parties' among them.",
            sections=("apps",),
            add="The legal side.",
        ),
        Asked(
            id="MEASURE 2.3",
            title="Performance is measured",
            asks="Performance is measured for conditions like those of use, and documented.",
            sections=("evaluations", "datasets"),
        ),
        Asked(
            id="MEASURE 2.4",
            title="Behaviour is monitored in production",
            asks="The functionality and behaviour of the system and its components are monitored.",
            sections=("operation",),
        ),
        Asked(
            id="MEASURE 2.6",
            title="Safety",
            asks="The system is evaluated for safety regularly, can fail safely, and its limits are known.",
            sections=("guards", "incidents", "red_team"),
        ),
        Asked(
            id="MEASURE 2.7",
            title="Security and resilience",
            asks="Security and resilience are evaluated and documented.",
            sections=("red_team", "audit_log"),
        ),
        Asked(
            id="MEASURE 2.10",
            title="Privacy",
            asks="Privacy risk is examined and documented.",
            sections=("data", "guards"),
        ),
        Asked(
            id="MEASURE 2.11",
            title="Fairness and bias",
            asks="Fairness and bias are evaluated and documented.",
            sections=("evaluations",),
            add="Which groups are compared: by segments of suites and counterfactual pairs.",
        ),
        Asked(
            id="MEASURE 2.12",
            title="Environmental impact",
            asks="Environmental impact is assessed.",
            add="Energy per call is estimated on each trace and in costs; what it means is for you to say.",
        ),
        Asked(
            id="MEASURE 3.3",
            title="Feedback of users",
            asks="Users can report problems and appeal, and that flows into evaluation.",
            sections=("human_oversight",),
        ),
        Asked(
            id="MEASURE 4.2",
            title="Measurements are validated",
            asks="Results about trustworthiness are informed by experts and validated.",
            sections=("judges",),
        ),
        Asked(
            id="MANAGE 1.3",
            title="Responses to high-priority risks",
            asks="Responses are developed, planned and documented.",
            sections=("guards", "incidents"),
            add="Which risks are of high priority.",
        ),
        Asked(
            id="MANAGE 2.4",
            title="Systems can be superseded or switched off",
            asks="There are mechanisms, and responsibilities, to supersede, disengage or deactivate a system.",
            sections=("rollouts", "incidents", "overrides"),
        ),
        Asked(
            id="MANAGE 4.1",
            title="Plans after deployment are carried out",
            asks="Monitoring, appeal and override, change management and incident response are in place.",
            sections=("operation", "overrides", "rollouts", "incidents"),
        ),
        Asked(
            id="MANAGE 4.3",
            title="Incidents are communicated",
            asks="Incidents and errors are communicated to those concerned, and tracked.",
            sections=("incidents",),
            add="Whom you told.",
        ),
    ),
)
