"""What `trimtab eval` and the pytest plug-in do: a suite's file to the server, an experiment to its end, and the
suite's Python functions run here, where the folder is."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml
from msgspec import Struct

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.evaluation import samples, suites
from trimtab.evaluation.answers import Answer
from trimtab.evaluation.types import Case, SuiteSpec
from trimtab.scoring.custom import load
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.types import CannotScore, Tools
from trimtab.sdk.client import Client
from trimtab.sdk.experiment_types import Estimate, Experiment, Report

AT_ONCE: Final = 200
"""Scores that are sent together, and cases that are read together."""
PASSED, NOT_PASSED, COULD_NOT_RUN, NOT_ENOUGH_DATA = 0, 1, 2, 3


class SuiteFile(Struct, frozen=True, kw_only=True):
    """A suite as its file says it. ``data`` is the file of its cases, where ``dataset`` names one."""

    name: str
    spec: SuiteSpec
    folder: Path
    data: Path | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """What `trimtab eval` was asked for. ``more`` goes to the server as it is."""

    project: str
    release: str
    against: str | None = None
    more: dict[str, Any] = {}


def read_suite(file: Path) -> SuiteFile:
    """Raises `InvalidRequest` for what is no suite, with the place in the file where that is known."""
    try:
        found: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        fix = "Correct the path; a suite that the server has is called by its name alone ('trimtab suites list')."
        raise InvalidRequest(f"There is no file {file}.", fix=fix) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.", fix="It must be UTF-8 text.") from error
    except yaml.YAMLError as error:
        raise InvalidRequest(f"{file} is no YAML: {error}", fix="Correct it.") from error
    if not isinstance(found, dict):
        raise InvalidRequest(f"{file} is no suite.", fix="A suite has at least 'dataset' and 'scorers'.")
    fields = {**cast("dict[str, Any]", found)}
    name = str(fields.pop("name", "") or file.name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".suite"))
    suites.check_name(name)
    dataset = fields.get("dataset")
    data: Path | None = None
    if isinstance(dataset, str) and Path(dataset).suffix.removeprefix(".") in suites.FILES:
        data = (file.parent / dataset).resolve()
        if not data.is_file():
            raise InvalidRequest(f"{file}: there is no file {data}.", fix="Correct 'dataset'.", param="dataset")
        fields["dataset"] = suites.named(dataset)
    try:
        spec = suites.check(msgspec.convert(fields, SuiteSpec))
    except msgspec.ValidationError as error:
        known = ", ".join(SuiteSpec.__struct_fields__)
        raise InvalidRequest(f"{file}: {error}.", fix=f"A suite has: {known}.") from error
    except InvalidRequest as error:
        raise InvalidRequest(f"{file}: {error.message}", fix=error.fix, param=error.param) from error
    return SuiteFile(name=name, spec=spec, folder=file.parent, data=data)


def suite_of(client: Client, project: str, suite: str, told: Callable[[str], None]) -> tuple[str, Path]:
    """A suite by its file, which is brought to the server with its cases, or by the name of one that is there; its
    name, and the folder that its functions are in."""
    file = Path(suite)
    if file.suffix not in (".yaml", ".yml"):
        return client.suites.get(project, suite).name, Path()
    read = read_suite(file)
    if read.data is not None:
        number = upload(client, project, read.spec.dataset, read.data)
        told(f"{read.data.name} is {read.spec.dataset}@{number}")
    client.suites.put(project, read.name, cast("dict[str, Any]", msgspec.to_builtins(read.spec)))
    return read.name, read.folder


def upload(client: Client, project: str, dataset: str, file: Path) -> int:
    """The cases of a file as the newest version of a dataset, which is made if it is not there. A file that was brought
    there before makes no new version."""
    client.datasets.import_file(project, dataset, file, mode="replace")
    return client.datasets.get(project, dataset).newest


def estimate(client: Client, name: str, asked: Asked) -> Estimate:
    return client.experiments.estimate(asked.project, name, subjects(asked), **_more(asked))


def start(client: Client, name: str, asked: Asked) -> Experiment:
    return client.experiments.start(asked.project, name, subjects(asked), **_more(asked))


def subjects(asked: Asked) -> list[str]:
    return [asked.release, asked.against] if asked.against else [asked.release]


def _more(asked: Asked) -> dict[str, Any]:
    """An empty ``against`` stands for nothing at all, whatever the suite says."""
    return {**asked.more, "alone": asked.against == ""}


def finish(client: Client, project: str, experiment: Experiment, folder: Path) -> Report:
    """The report of one that has ended, with what the functions of the folder say in it. Raises `Conflict` where it
    could not run."""
    if experiment.state == "failed":
        raise Conflict(
            f"The experiment {experiment.id} could not go on: {experiment.reason}",
            fix=f"Mend that, then: trimtab experiments resume {experiment.id} --failed",
            code="experiment_failed",
        )
    spec = msgspec.convert(client.experiments.get(project, experiment.id).spec, SuiteSpec)
    functions = [each for each in spec.scorers if suites.is_function(each.scorer)]
    if functions and experiment.state == "done":
        score_here(client, project, experiment, spec, folder)
    return client.experiments.report(project, experiment.id)


def score_here(client: Client, project: str, experiment: Experiment, spec: SuiteSpec, folder: Path) -> None:
    """Run the suite's functions over the answers, and give what they say to the server."""
    loaded: list[tuple[str, Any, Any]] = []
    for each in spec.scorers:
        if suites.is_function(each.scorer):
            function = load(each.scorer, folder)
            loaded.append((suites.label_of(each), function, configured(function, each.options)))
    found = client.datasets.cases(project, experiment.dataset, experiment.version)
    cases = {each.id: msgspec.convert(msgspec.to_builtins(each), Case) for each in found}
    waiting: list[dict[str, Any]] = []
    for cell in client.experiments.cells(project, experiment.id, state="done"):
        case = cases.get(cell.case_id)
        if case is None:
            raise NotFound(f"The case {cell.case_id} is not in {experiment.dataset} any more.", fix="Run it again.")
        answer = Answer(output=cell.output, latency_ms=cell.latency_ms)
        sample = samples.of_answer(case, answer)
        for label, function, options in loaded:
            said = asyncio.run(judge(function, sample, options, Tools()))
            score: dict[str, Any] = {"subject": cell.subject, "case_id": cell.case_id, "repeat": cell.repeat,
                                     "name": label, "version": function.version}  # fmt: skip
            if isinstance(said, CannotScore):
                score["unscored"] = said.reason
            else:
                score |= {"value": said.value, "label": said.label, "explanation": said.explanation}
            waiting.append(score)
    parts = [waiting[start : start + AT_ONCE] for start in range(0, len(waiting), AT_ONCE)] or [[]]
    for number, part in enumerate(parts):
        client.experiments.give_scores(project, experiment.id, part, last=number == len(parts) - 1)


def code_of(report: Report) -> int:
    """What `trimtab eval` ends with."""
    if report.passed:
        return PASSED
    return NOT_ENOUGH_DATA if report.outcome == "not_enough_data" else NOT_PASSED


def told_estimate(found: Estimate) -> Sequence[str]:
    """For people, a line each."""
    lines = [
        f"{each.subject}: {each.calls:,} calls{f', {each.known:,} answers known' if each.known else ''}, "
        f"{f'about ${each.cost}' if each.cost is not None else 'at an unknown price'} (by {each.basis})"
        for each in found.subjects
    ]
    lines += [
        f"{each.scorer}: {each.questions:,} questions to {each.model}, "
        f"{f'about ${each.cost}' if each.cost is not None else 'at an unknown price'}"
        for each in found.judges
    ]
    total = f"about ${found.cost}" if found.cost is not None else f"at least ${found.at_least}, the rest is unknown"
    budget = f"; the budget is ${found.budget}" if found.budget else ""
    return [f"{found.cases:,} cases of {found.dataset}@{found.version}: {total}{budget}", *lines, *found.notes]
