import { Autocomplete, Checkbox, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { inProject, post } from "@/api/client";
import { experimentsKey } from "@/api/experiments";
import { modelsQuery } from "@/api/queries";
import { type Family, familiesQuery, type RedteamStarted, redteamEstimateQuery } from "@/api/redteam";
import { appsQuery } from "@/api/releases";
import { formatInt, plural } from "@/lib/format";
import { EditDrawer, useEditing } from "@/ui/EditDrawer";
import { Pending } from "@/ui/Pending";
import { costWords, FIRST_FORM, mostAttacks, type RunForm, runOf, type WrongRun } from "./figures";
import css from "./redteam.module.css";

const ASKED_MS = 400;

interface Props {
  project: string;
  subjects: [string, string];
  onClose: () => void;
}

/** What is attacked, with what, and for how much. */
export function StartDrawer({ project, subjects, onClose }: Props) {
  const navigate = useNavigate();
  const families = useQuery(familiesQuery(project));
  const editing = useEditing({
    begin: (): RunForm => ({ ...FIRST_FORM, first: subjects[0], second: subjects[1] }),
    check: (form) => runOf(form).wrong,
    save: (form) => post<RedteamStarted>(inProject(project, "redteam"), runOf(form).run),
    stale: [experimentsKey(project)],
    onSaved: ({ experiment }) =>
      navigate({
        to: "/p/$project/red-team/$experiment",
        params: { project, experiment: experiment.id },
        search: {},
      }),
  });
  const { form, set, wrong } = editing;
  return (
    <EditDrawer
      editing={editing}
      title="Attack a release"
      label="Attack"
      size={640}
      action="Attack it"
      aside={<Cost project={project} form={form} families={families.data} />}
      onClose={onClose}
    >
      <Subjects project={project} form={form} set={set} wrong={wrong} />
      <Pending of={families} height={200} />
      {families.data && <Families families={families.data.items} form={form} set={set} />}
      <div className={css.pair}>
        <TextInput
          label="Attacks of each family"
          inputMode="numeric"
          value={form.attacks}
          error={wrong.attacks}
          onChange={(event) => set({ attacks: event.currentTarget.value })}
        />
        <TextInput
          label="Budget, in dollars"
          description="It pauses there. Empty: no bound of its own."
          inputMode="decimal"
          value={form.budget}
          error={wrong.budget}
          onChange={(event) => set({ budget: event.currentTarget.value })}
        />
      </div>
      <More form={form} set={set} wrong={wrong} />
    </EditDrawer>
  );
}

interface CostProps {
  project: string;
  form: RunForm;
  families: { items: Family[]; mutators: string[] } | undefined;
}

/** What it will cost, once nothing is wrong with it and that was asked; until then how much it is at the most. */
function Cost({ project, form, families }: CostProps) {
  const { run, wrong } = runOf(form);
  const now = JSON.stringify(run);
  const [asked] = useDebouncedValue(now, ASKED_MS);
  const sound = Object.keys(wrong).length === 0;
  const cost = useQuery(redteamEstimateQuery(project, JSON.parse(asked), sound && asked === now));
  if (sound && cost.data) {
    return (
      <span className={cost.data.over_budget ? css.dear : "muted"} data-testid="redteam-cost">
        {costWords(cost.data)}
        {cost.data.over_budget && ": more than its budget"}
      </span>
    );
  }
  if (!families || wrong.attacks) return null;
  const attacks = mostAttacks(run, families.items.length, families.mutators.length);
  return (
    <span className="muted">
      At most {plural(attacks, "attack")}
      {run.subjects.length === 2 && `, ${formatInt(2 * attacks)} calls`}
    </span>
  );
}

interface PartProps {
  form: RunForm;
  set: (change: Partial<RunForm>) => void;
}

function Subjects({ project, form, set, wrong }: PartProps & { project: string; wrong: WrongRun }) {
  const apps = useQuery({ ...appsQuery(project), staleTime: 30_000 });
  const models = useQuery({ ...modelsQuery(project), staleTime: 30_000 });
  const releases = (apps.data ?? []).flatMap((app) =>
    Array.from({ length: Math.min(3, app.newest) }, (_, i) => `${app.name}@r${app.newest - i}`),
  );
  const names = [
    { group: "Releases", items: releases },
    { group: "Models", items: (models.data ?? []).map((each) => each.name) },
  ].filter((each) => each.items.length > 0);
  return (
    <div className={css.pair}>
      <Autocomplete
        label="What is attacked"
        description="A release (support@r12), an app's environment, or a model."
        data={names}
        value={form.first}
        error={wrong.first}
        onChange={(first) => set({ first })}
        spellCheck={false}
        data-autofocus
      />
      <Autocomplete
        label="And beside it"
        description="Gets the same attacks. Nothing if empty."
        data={names}
        value={form.second}
        error={wrong.second}
        onChange={(second) => set({ second })}
        spellCheck={false}
      />
    </div>
  );
}

function Families({ families, form, set }: PartProps & { families: readonly Family[] }) {
  return (
    <Checkbox.Group
      label="Families of attacks"
      description="None chosen: all of them."
      value={form.families}
      onChange={(chosen) => set({ families: chosen })}
    >
      <div className={css.form} style={{ gap: 8, marginTop: 8 }}>
        {families.map((family) => (
          <Checkbox
            key={family.name}
            size="xs"
            value={family.name}
            label={`${family.name.replaceAll("_", " ")} (${family.owasp.join(", ")})`}
            description={family.about}
          />
        ))}
      </div>
    </Checkbox.Group>
  );
}

function More({ form, set, wrong }: PartProps & { wrong: WrongRun }) {
  return (
    <details>
      <summary>Disguises, tools and your own attacks</summary>
      <div className={css.form} style={{ paddingTop: 10 }}>
        <div className={css.pair}>
          <TextInput
            label="In disguise, in per cent"
            description="Encoded, spaced, look-alike letters and more."
            inputMode="decimal"
            value={form.mutated}
            error={wrong.mutated}
            onChange={(event) => set({ mutated: event.currentTarget.value })}
          />
          <TextInput
            label="Seed"
            description="The same one gives the same attacks."
            inputMode="numeric"
            value={form.seed}
            error={wrong.seed}
            onChange={(event) => set({ seed: event.currentTarget.value })}
          />
        </div>
        <TagsInput
          label="Tools that no attack may bring it to call"
          value={form.tools}
          onChange={(tools) => set({ tools })}
          splitChars={[]}
        />
        <Textarea
          label="Texts of your own that a guard has stopped"
          description="Apart by a line of three dashes; put as they are and in every disguise."
          autosize
          minRows={2}
          maxRows={12}
          value={form.seeds}
          onChange={(event) => set({ seeds: event.currentTarget.value })}
        />
      </div>
    </details>
  );
}
