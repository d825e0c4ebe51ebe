import { Autocomplete, Button, Group, Modal, Skeleton, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, type ReactNode, useState } from "react";
import { asProblem } from "@/api/client";
import type { EstimateView, NewExperiment, SuiteView } from "@/api/evaluationTypes";
import { experimentsKey, startExperiment } from "@/api/experiments";
import { modelsQuery } from "@/api/queries";
import { appsQuery } from "@/api/releases";
import { estimateQuery } from "@/api/suites";
import { UnpricedWords } from "@/features/experiments/Unpriced";
import { formatInt, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Facts } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { bounds, wrongBounds } from "./runForm";
import css from "./suites.module.css";

interface Props {
  project: string;
  suite: SuiteView;
  a: string;
  b: string | undefined;
  /** Kept in the address, so that a run can be prepared by a link. */
  onSubjects: (a: string, b: string) => void;
  onClose: () => void;
}

/** Says what a run will cost, and begins it. */
export function RunDialog({ project, suite, a, b, onSubjects, onClose }: Props) {
  const [first, setFirst] = useState(a);
  const [second, setSecond] = useState(b ?? suite.spec.against ?? "");
  const [form, setForm] = useState({ cases: "", budget: "" });
  const names = useSubjects(project);
  const subjects = [first.trim(), second.trim()].filter(Boolean);
  const wrong = wrongBounds(form);
  const right = first.trim() !== "" && Object.keys(wrong).length === 0;
  const asked: NewExperiment = { suite: suite.name, subjects, alone: second.trim() === "", ...bounds(form) };
  const [settled] = useDebouncedValue(asked, 350);
  const estimate = useQuery(estimateQuery(project, settled, right && settled.subjects.length > 0));
  const run = useStart(project, asked);
  const unpriced = run.isError && asProblem(run.error).code === "unpriced";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (right) run.mutate({});
  };
  const change = (one: string, other: string) => {
    setFirst(one);
    setSecond(other);
    onSubjects(one, other);
  };
  return (
    <Modal opened onClose={onClose} title={<strong>Run {suite.name}</strong>} size={560}>
      <form className={css.form} onSubmit={submit}>
        <Autocomplete
          label="What is to be tried"
          description="A release (support@r12), an app's environment (support@staging), or a model."
          data={names}
          value={first}
          onChange={(value) => change(value, second)}
          data-autofocus={a === "" || undefined}
          spellCheck={false}
        />
        <Autocomplete
          label="What it is compared with"
          description="Nothing if empty: then only the bounds of the suite decide."
          data={names}
          value={second}
          onChange={(value) => change(first, value)}
          spellCheck={false}
        />
        <Group grow align="flex-start">
          <TextInput
            label="Only so many cases"
            description="Drawn; such a run says nothing to a gate."
            placeholder="all"
            inputMode="numeric"
            value={form.cases}
            error={wrong.cases}
            onChange={(event) => setForm({ ...form, cases: event.currentTarget.value })}
          />
          <TextInput
            label="Budget, US dollars"
            description="Of answers and judges together."
            placeholder={suite.spec.budget || "none"}
            inputMode="decimal"
            value={form.budget}
            error={wrong.budget}
            onChange={(event) => setForm({ ...form, budget: event.currentTarget.value })}
          />
        </Group>
        <EstimateBox estimate={estimate.data} error={estimate.error} loading={estimate.isFetching} />
        {run.isError && !unpriced && <ProblemNotice error={run.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={run.isPending} disabled={!right}>
            Run it
          </Button>
        </Group>
      </form>
      <Confirm
        opened={unpriced}
        title="Run it without a known price?"
        action="Run it anyway"
        busy={run.isPending}
        onConfirm={() => run.mutate({ allow_unpriced: true })}
        onClose={run.reset}
      >
        <UnpricedWords error={run.error} />
      </Confirm>
    </Modal>
  );
}

/** Begins it, and goes to its page. */
function useStart(project: string, asked: NewExperiment) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (more: Partial<NewExperiment>) => startExperiment(project, { ...asked, ...more }),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: experimentsKey(project) });
      await navigate({
        to: "/p/$project/experiments/$experiment",
        params: { project, experiment: made.id },
        search: {},
      });
    },
  });
}

/** Apps with the releases that run, and models. */
function useSubjects(project: string) {
  const apps = useQuery({ ...appsQuery(project), retry: false });
  const models = useQuery(modelsQuery(project));
  const releases = (apps.data ?? []).flatMap((app) =>
    app.newest ? Array.from({ length: Math.min(3, app.newest) }, (_, i) => `${app.name}@r${app.newest - i}`) : [],
  );
  return [
    { group: "Releases", items: releases },
    { group: "Models", items: (models.data ?? []).map((each) => each.name) },
  ].filter((each) => each.items.length > 0);
}

interface BoxProps {
  estimate: EstimateView | undefined;
  error: Error | null;
  loading: boolean;
}

function EstimateBox({ estimate, error, loading }: BoxProps) {
  if (error) return <ProblemNotice error={error} />;
  if (!estimate)
    return loading ? (
      <Skeleton height={90} />
    ) : (
      <p className="muted">Name what is to be tried to see what it would cost.</p>
    );
  const { cost, at_least, budget } = estimate;
  return (
    <section className={css.estimate} aria-label="Estimate" data-testid="estimate">
      <div className={css.cost}>
        {cost === null ? `At least ${formatMoney(at_least)}` : `About ${formatMoney(cost)}`}
      </div>
      <Facts
        rows={[
          [
            "Answers",
            `${formatInt(estimate.cells)}: ${plural(estimate.cases, "case")}, ${plural(estimate.repeats, "time")} each`,
          ],
          ...estimate.subjects.map((each): [string, ReactNode] => [
            each.subject,
            <span key={each.subject} title={each.basis}>
              {formatMoney(each.cost)} for {plural(each.calls, "call")}
              {each.known > 0 && `; ${formatInt(each.known)} are there already and cost nothing`}
            </span>,
          ]),
          ...estimate.judges.map((each): [string, ReactNode] => [
            each.scorer,
            <span key={each.scorer} title={each.basis}>
              {formatMoney(each.cost)} for {plural(each.questions, "question")} to {each.model}
            </span>,
          ]),
          ["Budget", budget && budget !== "0" ? formatMoney(budget) : "none"],
        ]}
      />
      {estimate.over_budget && (
        <Notice tone="warn" title="It would stop before its end">
          The budget is smaller than what it comes to. It would pause there, and go on when the budget is raised.
        </Notice>
      )}
      {estimate.unknown.length > 0 && (
        <Notice tone="warn" title="A part of the cost is not known">
          {estimate.unknown.map((each) => (
            <div key={each}>{each}</div>
          ))}
        </Notice>
      )}
      {estimate.notes.map((each) => (
        <p key={each} className="muted">
          {each}
        </p>
      ))}
    </section>
  );
}
