import { Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { serverKeysQuery } from "@/api/queries";
import { useAnchor } from "@/lib/hooks";
import { PRESETS, resolveRange } from "@/search/range";
import { Page } from "@/ui/Page";
import { KeySelect } from "../keys/KeySelect";
import { CONTROLLER } from "../rollouts/words";
import { AuditList } from "./AuditList";
import css from "./audit.module.css";

/** "Who did that, when, and why?" */
export function AuditPage() {
  const { project } = useParams({ from: "/inside/p/$project/audit" });
  const search = useSearch({ from: "/inside/p/$project/audit" });
  const navigate = useNavigate({ from: "/p/$project/audit" });
  const own = useQuery(serverKeysQuery());
  const also = [
    { value: CONTROLLER, label: CONTROLLER },
    ...(own.data ?? []).map((key) => ({ value: key.id, label: key.name })),
  ];
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  const filtered = Boolean(search.subject || search.actor || search.action || search.range);
  const { now } = useAnchor(60_000);
  const since = search.range ? resolveRange({ range: search.range }, now).window.start : undefined;
  return (
    <Page
      title="Audit trail"
      lead="Who changed what runs, when, and why. Entries are only ever added, in the same step as what they tell of."
    >
      <div className={css.filters} role="search" aria-label="Filter the audit trail">
        <Typed
          label="Subject"
          description="app:support, rollout:support@*"
          value={search.subject ?? ""}
          onChange={(subject) => patch({ subject: subject || undefined })}
        />
        <Typed
          label="Action"
          description="rollout.rolled_back, release.*"
          value={search.action ?? ""}
          onChange={(action) => patch({ action: action || undefined })}
        />
        <KeySelect
          project={project}
          label="By"
          description="A key, by its name"
          value={search.actor ?? null}
          onChange={(actor) => patch({ actor: actor ?? undefined })}
          placeholder="anybody"
          clearable
          ended
          also={also}
        />
        <Select
          label="When"
          description="Newest first"
          data={[{ value: "", label: "at any time" }, ...PRESETS.map(({ id, label }) => ({ value: id, label }))]}
          value={search.range ?? ""}
          allowDeselect={false}
          onChange={(range) => patch({ range: range || undefined })}
        />
        {filtered && (
          <Button variant="default" size="sm" onClick={() => void navigate({ search: {} })}>
            Clear
          </Button>
        )}
      </div>
      <AuditList
        project={project}
        filter={{ subject: search.subject, actor: search.actor, action: search.action, start: since }}
        none={
          filtered
            ? "No entry fits this filter."
            : "Nothing was changed yet. Whatever is done with providers, models, keys, limits, prompts, apps, releases and people of this project is written down here, with what it was and is."
        }
      />
    </Page>
  );
}

interface TypedProps {
  label: string;
  description: string;
  value: string;
  onChange: (value: string) => void;
}

/** Asked when one has done typing, not with every letter. */
function Typed({ label, description, value, onChange }: TypedProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const done = () => text.trim() !== value && onChange(text.trim());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        done();
      }}
    >
      <TextInput
        label={label}
        description={description}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={done}
        spellCheck={false}
      />
    </form>
  );
}
