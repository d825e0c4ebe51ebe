"""Regulation (EU) 2024/1689 (Artificial Intelligence Act), Official Journal of 12 July 2024. Which of its duties apply
depends on what a system is for; that is for its provider or deployer to say."""

from trimtab.compliance.types import Asked, Framework

PLUG = Framework(
    name="eu_ai_act",
    title="EU AI Act",
    edition="Regulation (EU) 2024/1689",
    controls=(
        Asked(
            id="Art. 9",
            title="Risk management system",
            asks="Risks are found, estimated, treated and looked at again through the whole life of the system.",
            sections=("evaluations", "guards", "incidents", "red_team"),
            add="The risks themselves, their assessment, and why what remains is acceptable.",
        ),
        Asked(
            id="Art. 10",
            title="Data and data governance",
            asks="Data for training, validation and testing are governed: origin, suitability, gaps, bias.",
            sections=("datasets", "data"),
            add="Data that a model's vendor trained on, and whether your test data stand for the people concerned.",
        ),
        Asked(
            id="Art. 11",
            title="Technical documentation",
            asks="What the system is and how it was made is written down before it is used, and kept up to date.",
            sections=("releases", "apps"),
            add="The general description, the intended purpose, and the rest of Annex IV.",
        ),
        Asked(
            id="Art. 12",
            title="Record-keeping",
            asks="Events are logged automatically so that what the system did can be traced.",
            sections=("operation", "audit_log"),
            add="Identification of persons in the cases of Annex III, 1(a).",
        ),
        Asked(
            id="Art. 13",
            title="Transparency and information to deployers",
            asks="Deployers can understand what comes out of the system, and its accuracy and limits.",
            sections=("apps", "evaluations"),
            add="The instructions for use.",
        ),
        Asked(
            id="Art. 14",
            title="Human oversight",
            asks="People can watch the system, understand it, override it and stop it.",
            sections=("human_oversight", "overrides", "incidents"),
            add="Who these people are, and that they have the competence and the authority.",
        ),
        Asked(
            id="Art. 15",
            title="Accuracy, robustness and cybersecurity",
            asks="Accuracy is measured and told; errors and attacks are withstood.",
            sections=("evaluations", "judges", "red_team", "guards", "operation"),
            add="Security of the systems around this server.",
        ),
        Asked(
            id="Art. 17",
            title="Quality management system",
            asks="Changes are made by procedures: design, tests before and after, responsibilities, records.",
            sections=("releases", "approvals", "rollouts", "evaluations", "access"),
            add="The procedures themselves, and their management.",
        ),
        Asked(
            id="Art. 19 and 26(6)",
            title="Logs are kept",
            asks="Automatically generated logs are kept for at least six months.",
            sections=("data", "audit_log"),
            add="Longer periods of other law.",
        ),
        Asked(
            id="Art. 26",
            title="Duties of deployers",
            asks="It is used as instructed, watched by people, with suitable input data, and incidents are told.",
            sections=("human_oversight", "incidents", "operation"),
            add="Information of workers and of persons concerned.",
        ),
        Asked(
            id="Art. 27",
            title="Fundamental rights impact assessment",
            asks="Some deployers assess what the system means for people's rights before they use it.",
            add="All of it.",
        ),
        Asked(
            id="Art. 50",
            title="Transparency towards persons",
            asks="People are told that they deal with an AI system, and made content is marked.",
            add="All of it: that is your application's interface.",
        ),
        Asked(
            id="Art. 72",
            title="Monitoring after release",
            asks="How the system performs is watched and analysed for its whole life.",
            sections=("operation", "evaluations", "judges", "incidents"),
            add="The plan for it.",
        ),
        Asked(
            id="Art. 73",
            title="Serious incidents are reported",
            asks="Serious incidents are told to the authorities within fixed times.",
            sections=("incidents",),
            add="Which of them are serious, and the reports.",
        ),
    ),
)
