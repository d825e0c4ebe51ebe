import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { promptDiffQuery, versionsQuery } from "@/api/prompts";
import type { PromptDiff, PromptView } from "@/api/types";
import { Tag } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import css from "./prompts.module.css";

/** What changed between any two versions, told apart by what it means: texts, variables, parameters, policy. */
export function DiffView({ project, prompt }: { project: string; prompt: PromptView }) {
  const search = useSearch({ from: "/inside/p/$project/prompts/$name" });
  const navigate = useNavigate({ from: "/p/$project/prompts/$name" });
  const versions = useQuery(versionsQuery(project, prompt.name));
  const after = search.after ?? String(prompt.newest);
  const parent = versions.data?.find((each) => String(each.version) === after)?.parent;
  const before = search.before ?? String(parent ?? "");
  const ready = versions.data !== undefined;
  const found = useQuery({ ...promptDiffQuery(project, prompt.name, before, after), enabled: ready });
  const names = [
    ...prompt.labels.map(({ label, version }) => ({ value: label, label: `${label} (v${version})` })),
    ...(versions.data ?? []).map((each) => ({
      value: String(each.version),
      label: `v${each.version}${each.message ? `: ${each.message.slice(0, 60)}` : ""}`,
    })),
  ];
  const pick = (change: { before?: string; after?: string }) =>
    void navigate({ search: (was) => ({ ...was, ...change }), replace: true });
  return (
    <section aria-label="What changed" className={css.sheet}>
      <div className={css.bar}>
        <NativeSelect
          label="From"
          data={before ? names : [{ value: "", label: "nothing (this is the first)" }, ...names]}
          value={before}
          onChange={(event) => pick({ before: event.currentTarget.value, after })}
        />
        <NativeSelect
          label="To"
          data={names}
          value={after}
          onChange={(event) => pick({ before, after: event.currentTarget.value })}
        />
      </div>
      <Pending of={found} height={200} />
      {found.data && <Changes diff={found.data} />}
    </section>
  );
}

const SIGN = { added: "+", removed: "−", changed: "±", same: " " } as const;

function Changes({ diff }: { diff: PromptDiff }) {
  if (diff.changes.length === 0 && diff.messages.length === 0) return <p>They are the same: one content, one hash.</p>;
  return (
    <div className={css.changes} data-testid="diff">
      {diff.changes.length > 0 && (
        <ul className={css.words} aria-label="Fields">
          {diff.changes.map((each) => (
            <li key={each.where + each.words}>
              <Tag tone={each.what === "removed" ? "bad" : each.what === "added" ? "accent" : "warn"}>{each.what}</Tag>{" "}
              {each.words}
            </li>
          ))}
        </ul>
      )}
      {diff.messages.map((each) => (
        <section key={`${each.before} ${each.after}`} aria-label={each.words}>
          <h2>{each.words}</h2>
          <div className={css.lines} tabIndex={0} role="region" aria-label={`Lines: ${each.words}`}>
            {each.lines.map((line, i) => (
              <div key={i} data-mark={line.mark}>
                <span className="sr-only">{line.mark === "same" ? "" : line.mark}</span>
                <span aria-hidden="true">{SIGN[line.mark]}</span>
                <span>{line.text || " "}</span>
              </div>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}
