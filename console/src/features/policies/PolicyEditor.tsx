import { Button, SegmentedControl, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { inProject, post, put } from "@/api/client";
import {
  type PolicyCheck,
  type PolicyDetail,
  type PolicyPlan,
  type PolicySet,
  policiesKey,
  policySchemaQuery,
} from "@/api/policies";
import { Tag } from "@/ui/bits";
import { isConflict, meantBy } from "@/ui/conflict";
import { JsonInput } from "@/ui/JsonInput";
import { Refused } from "@/ui/Meanwhile";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { UnsavedGuard, useLeaving } from "@/ui/Unsaved";
import { WriteButton } from "@/ui/WriteButton";
import { PlanView } from "./PlanView";
import css from "./policies.module.css";
import { formOf, jsonOf, type PolicyForm } from "./policyForm";

const CHECK_AFTER_MS = 500;

interface Props {
  project: string;
  detail?: PolicyDetail;
  onClose: () => void;
}

/** What the form begins with, and the revision that this is of: 0 of what is to be new. */
const nowOf = (detail: PolicyDetail | undefined) => ({ form: formOf(detail), revision: detail?.set.revision ?? 0 });

/** A set's text and tests, checked while one writes; what it would change; and switching it on or off. */
export function PolicyEditor({ project, detail, onClose }: Props) {
  const [opened, setOpened] = useState(() => nowOf(detail));
  const [form, setForm] = useState<PolicyForm>(opened.form);
  const [schemaShown, setSchemaShown] = useState(false);
  const leaving = useLeaving();
  const queries = useQueryClient();
  const set = (change: Partial<PolicyForm>) => setForm((now) => ({ ...now, ...change }));
  const dirty = JSON.stringify(form) !== JSON.stringify(opened.form);
  const tests = jsonOf(form.tests);
  const schema = useQuery({ ...policySchemaQuery, enabled: schemaShown });
  const check = useMutation({
    mutationFn: (body: object) => post<PolicyCheck>(inProject(project, "policy-check"), body),
  });
  const { mutate: checkNow } = check;
  const draft = JSON.stringify({ text: form.text, otherwise: form.otherwise, tests: tests ?? [] });
  useEffect(() => {
    const timer = setTimeout(() => checkNow(JSON.parse(draft) as object), CHECK_AFTER_MS);
    return () => clearTimeout(timer);
  }, [draft, checkNow]);
  const plan = useMutation({
    mutationFn: () =>
      post<PolicyPlan>(inProject(project, "policy-plan"), {
        name: form.name || "planned",
        text: form.text,
        otherwise: form.otherwise,
      }),
  });
  const done = async () => {
    leaving.current = true;
    await queries.invalidateQueries({ queryKey: policiesKey(project) });
    onClose();
  };
  const heard = async (error: Error) => {
    if (isConflict(error)) await queries.invalidateQueries({ queryKey: policiesKey(project) });
  };
  const save = useMutation({
    mutationFn: (on: boolean) =>
      put<PolicySet>(inProject(project, "access-policies", form.name), {
        text: form.text,
        otherwise: form.otherwise,
        tests: tests ?? [],
        note: form.note,
        on,
        expected_revision: opened.revision,
      }),
    onSuccess: done,
    onError: heard,
  });
  const switchTo = useMutation({
    mutationFn: (version: number | null) =>
      post<PolicySet>(inProject(project, "access-policies", form.name, "switch"), {
        version,
        expected_revision: opened.revision,
      }),
    onSuccess: done,
    onError: heard,
  });
  const refused = save.error ?? switchTo.error;
  const meant = meantBy(refused, { base: opened, form, now: nowOf(detail) }, (next, mine) => {
    setOpened({ form: next.form, revision: next.revision ?? 0 });
    setForm(mine);
    save.reset();
    switchTo.reset();
  });
  const why = !form.name ? "Give the set a name." : tests === undefined ? "The tests are no JSON list." : undefined;
  const busy = save.isPending || switchTo.isPending;
  return (
    <section className={css.editor} aria-label={detail ? `Edit ${detail.set.name}` : "Write policies"}>
      <UnsavedGuard dirty={dirty && !busy} leaving={leaving} />
      <div className={css.top}>
        <TextInput
          label="Name"
          placeholder="data"
          value={form.name}
          disabled={Boolean(detail)}
          onChange={(event) => set({ name: event.currentTarget.value })}
          spellCheck={false}
        />
        <div>
          <div className={css.label}>Where no policy fits</div>
          <SegmentedControl
            size="xs"
            aria-label="Where no policy fits"
            data={[
              { value: "allow", label: "Allow" },
              { value: "deny", label: "Deny" },
            ]}
            value={form.otherwise}
            onChange={(value) => set({ otherwise: value as PolicyForm["otherwise"] })}
          />
        </div>
      </div>
      <div className={css.two}>
        <div>
          <Textarea
            label="Policies in Cedar"
            autosize
            minRows={12}
            maxRows={30}
            value={form.text}
            onChange={(event) => set({ text: event.currentTarget.value })}
            spellCheck={false}
            classNames={{ input: "mono" }}
          />
          <Button variant="subtle" size="compact-xs" mt={6} onClick={() => setSchemaShown((shown) => !shown)}>
            {schemaShown ? "Hide the schema" : "What can policies be about?"}
          </Button>
          {schemaShown && <pre className={css.schema}>{schema.data ?? "…"}</pre>}
        </div>
        <div>
          <JsonInput
            label="Tests"
            description="Kept beside the policies and run at each change: what is asked, and allow or deny."
            rows={11}
            value={form.tests}
            onChange={(value) => set({ tests: value })}
            error={tests === undefined ? "This is no JSON list." : undefined}
          />
          <TextInput
            label="Why"
            mt={8}
            value={form.note}
            onChange={(event) => set({ note: event.currentTarget.value })}
          />
        </div>
      </div>
      <Checked check={check.data} error={check.error} />
      <div className={css.actions}>
        <Button variant="default" onClick={() => plan.mutate()} loading={plan.isPending} disabled={!form.text}>
          What would it have done last week?
        </Button>
        <WriteButton needs="policy:write" onClick={() => save.mutate(true)} why={why} loading={save.isPending}>
          Save and switch on
        </WriteButton>
        <WriteButton needs="policy:write" variant="default" onClick={() => save.mutate(false)} why={why}>
          Save only
        </WriteButton>
        {detail && detail.set.in_force !== null && (
          <WriteButton needs="policy:write" variant="default" onClick={() => switchTo.mutate(null)}>
            Switch off
          </WriteButton>
        )}
        <Button variant="subtle" onClick={onClose}>
          Close
        </Button>
      </div>
      <Refused problem={refused} meant={meant} />
      {plan.isError && <ProblemNotice error={plan.error} />}
      {plan.data && <PlanView project={project} plan={plan.data} />}
      {detail && (
        <ol className={css.versions} aria-label="Versions">
          {detail.versions.map((version) => (
            <li key={version.number}>
              <span>version {version.number}</span>
              {version.in_force && <Tag tone="accent">in force</Tag>}
              <span className="muted">
                {version.author}
                {version.note && `: ${version.note}`}
              </span>
              {!version.in_force && (
                <WriteButton
                  needs="policy:write"
                  size="compact-xs"
                  variant="default"
                  onClick={() => switchTo.mutate(version.number)}
                >
                  Put in force
                </WriteButton>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function Checked({ check, error }: { check: PolicyCheck | undefined; error: Error | null }) {
  if (error) return <ProblemNotice error={error} />;
  if (!check) return null;
  if (check.ok) {
    return (
      <Notice tone="good" title="Nothing is wrong with it">
        {check.tests.length === 0
          ? "It has no tests: add one that says what must not happen."
          : `${check.tests.length} of ${check.tests.length} tests hold.`}
      </Notice>
    );
  }
  return (
    <Notice title={check.mistakes.length > 0 ? "It cannot be switched on" : "Tests do not hold"}>
      <ul className={css.mistakes}>
        {check.mistakes.map((mistake) => (
          <li key={`${mistake.line}:${mistake.column}:${mistake.message}`}>
            <strong>Line {mistake.line}</strong>: {mistake.message} {mistake.fix}
          </li>
        ))}
        {check.tests
          .filter((test) => !test.passed)
          .map((test) => (
            <li key={test.name}>
              <strong>{test.name}</strong>: {test.why}
            </li>
          ))}
      </ul>
    </Notice>
  );
}
