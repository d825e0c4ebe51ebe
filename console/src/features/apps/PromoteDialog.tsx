import { Button, Drawer, Select, Skeleton, Switch, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import { environmentsQuery, placementsQuery, readinessQuery, releaseDiffQuery, rolloutQuery } from "@/api/releases";
import type { EnvironmentView, PlacementView, RolloutView } from "@/api/releaseTypes";
import { useMayOverride } from "@/lib/role";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { refreshReleases } from "../rollouts/Act";
import css from "./apps.module.css";
import { ChangeWords } from "./Changes";
import { Demands } from "./Demands";
import { PlanFields } from "./PlanFields";
import { check, firstPlan, type PlanForm, planOf } from "./planForm";

interface Props {
  project: string;
  app: string;
  release: number;
  /** The environment of the address; empty for the first that does not run it. */
  to: string;
  onTo: (environment: string) => void;
  onClose: () => void;
}

/** Where to, what that replaces, what is demanded for it, and how it is moved. */
export function PromoteDialog(props: Props) {
  const { project, app, release, to, onTo, onClose } = props;
  const environments = useQuery(environmentsQuery(project));
  const placements = useQuery(placementsQuery(project, app));
  const runs = (name: string) => placements.data?.find((each) => each.environment === name);
  const chosen =
    environments.data?.find((each) => each.name === to) ??
    environments.data?.find((each) => runs(each.name)?.stable !== release) ??
    environments.data?.[0];
  const error = environments.error ?? placements.error;
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={560}
      title={<strong>{`Promote ${app} r${release}`}</strong>}
    >
      {error && <ProblemNotice error={error} />}
      {!error && !(chosen && placements.data) && <Skeleton height={240} />}
      {chosen && placements.data && (
        <PromoteForm
          key={chosen.name}
          {...props}
          environment={chosen}
          environments={environments.data ?? []}
          placement={runs(chosen.name)}
          onTo={onTo}
        />
      )}
    </Drawer>
  );
}

interface FormProps extends Props {
  environment: EnvironmentView;
  environments: EnvironmentView[];
  placement: PlacementView | undefined;
}

function PromoteForm({ project, app, release, environment, environments, placement, onTo, onClose }: FormProps) {
  const stable = placement?.stable ?? null;
  const [form, setForm] = useState<PlanForm>(() => firstPlan(stable === null));
  const [note, setNote] = useState("");
  const mayOverride = useMayOverride();
  const [overriding, setOverriding] = useState(false);
  const [override, setOverride] = useState("");
  const [tried, setTried] = useState(false);
  const readiness = useQuery(readinessQuery(project, app, environment.name, `r${release}`, note.trim() !== ""));
  const queries = useQueryClient();
  const navigate = useNavigate();
  const errors = tried ? check(form) : {};
  const begin = useMutation({
    mutationFn: () =>
      post<RolloutView>(inProject(project, "apps", app, "environments", environment.name, "rollouts"), {
        release: `r${release}`,
        plan: planOf(form),
        note: note.trim(),
        expected_revision: placement?.revision ?? 0,
        override: overriding ? override.trim() : "",
      }),
    onSuccess: async (rollout) => {
      // Its page can be shown before the first figures are there.
      queries.setQueryData(rolloutQuery(project, rollout.id).queryKey, { ...rollout, decided: null, waits: "" });
      await refreshReleases(queries, project);
      if (rollout.plan.kind === "direct") onClose();
      else void navigate({ to: "/p/$project/rollouts/$rollout", params: { project, rollout: rollout.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(check(form)).length === 0) begin.mutate();
  };
  const lacking = readiness.data && !readiness.data.ready;
  const same = stable === release;
  const open = Boolean(placement?.rollout);
  const blocked = same || open || (lacking && !(overriding && override.trim()));
  return (
    <form className={css.form} onSubmit={submit} noValidate>
      <Select
        label="Environment"
        data={environments.map((each) => ({
          value: each.name,
          label: each.default ? `${each.name} (default)` : each.name,
        }))}
        value={environment.name}
        allowDeselect={false}
        onChange={(name) => name && onTo(name)}
      />
      <Replaced project={project} app={app} environment={environment.name} stable={stable} release={release} />
      {open && (
        <Notice tone="warn" title="A rollout is open there already">
          <Link to="/p/$project/rollouts/$rollout" params={{ project, rollout: placement?.rollout ?? "" }}>
            Promote it, roll it back or stop it
          </Link>{" "}
          first.
        </Notice>
      )}
      {!same && !open && (
        <>
          <section aria-label="Readiness" className={css.choice}>
            <h3 className={css.label}>What {environment.name} demands</h3>
            {readiness.error && <ProblemNotice error={readiness.error} />}
            {readiness.isPending && <Skeleton height={40} />}
            {readiness.data && <Demands readiness={readiness.data} />}
            {lacking && (
              <p>
                <Link to="/p/$project/apps/$app/releases/$release" params={{ project, app, release: `r${release}` }}>
                  Verdicts and approvals of r{release}
                </Link>
              </p>
            )}
          </section>
          <Textarea
            label="Note"
            description="What changes and why; it stands in the audit trail."
            autosize
            minRows={2}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            data-autofocus
          />
          <PlanFields
            form={form}
            errors={errors}
            set={(change) => setForm((now) => ({ ...now, ...change }))}
            empty={stable === null}
          />
          {lacking && !mayOverride && (
            <p className="muted">In an emergency an administrator may promote without what is demanded.</p>
          )}
          {lacking && mayOverride && (
            <div className={css.choice}>
              <Switch
                label="This is an emergency: promote without what is demanded"
                checked={overriding}
                onChange={(event) => setOverriding(event.currentTarget.checked)}
              />
              {overriding && (
                <Textarea
                  label="Why"
                  description="Written down with your name, for whoever asks later."
                  autosize
                  minRows={2}
                  value={override}
                  onChange={(event) => setOverride(event.currentTarget.value)}
                />
              )}
            </div>
          )}
        </>
      )}
      {begin.isError && <ProblemNotice error={begin.error} />}
      <div className={css.buttons}>
        <Button variant="default" size="sm" onClick={onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          size="sm"
          color={lacking && overriding ? "red.8" : undefined}
          loading={begin.isPending}
          disabled={Boolean(blocked)}
        >
          {form.kind === "direct" ? `Promote to ${environment.name}` : `Begin in ${environment.name}`}
        </Button>
      </div>
    </form>
  );
}

interface ReplacedProps {
  project: string;
  app: string;
  environment: string;
  stable: number | null;
  release: number;
}

function Replaced({ project, app, environment, stable, release }: ReplacedProps) {
  const compared = stable !== null && stable !== release;
  const diff = useQuery({
    ...releaseDiffQuery(project, app, `r${stable}`, `r${release}`),
    enabled: compared,
  });
  if (stable === null)
    return (
      <p className="muted">
        Nothing of {app} runs in {environment} yet.
      </p>
    );
  if (stable === release) return <Notice tone="good">{`r${release} is what runs in ${environment}.`}</Notice>;
  return (
    <section aria-label="What it replaces">
      <h3 className={css.label}>Instead of r{stable}, this changes</h3>
      {diff.error && <ProblemNotice error={diff.error} />}
      {diff.isPending && <Skeleton height={40} />}
      {diff.data && <ChangeWords words={diff.data.changes.map((change) => change.words)} most={8} />}
    </section>
  );
}
