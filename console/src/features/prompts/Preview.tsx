import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { modelsQuery } from "@/api/queries";
import type { Estimate, JsonObject, PromptPreview } from "@/api/types";
import { formatInt } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Tag } from "@/ui/bits";
import css from "./prompts.module.css";

interface Props {
  project: string;
  preview: PromptPreview | undefined;
  busy: boolean;
  model: string;
  onModel: (model: string) => void;
}

/** The messages as the model would get them, and about what they weigh. */
export function Preview({ project, preview, busy, model, onModel }: Props) {
  const models = useQuery(modelsQuery(project));
  const names = (models.data ?? []).map((each) => each.name);
  const rendered = preview?.rendered;
  const used = Object.entries(rendered?.used ?? {});
  return (
    <section className={css.preview} aria-label="Preview" data-testid="preview">
      <div className={css.bar}>
        <h2 className={css.grow}>Preview</h2>
        <NativeSelect
          aria-label="Estimate the cost for"
          data={[
            { value: "", label: "cost for no model" },
            ...[...new Set([...names, ...(model ? [model] : [])])].map((each) => ({
              value: each,
              label: `cost for ${each}`,
            })),
          ]}
          value={model}
          onChange={(event) => onModel(event.currentTarget.value)}
        />
      </div>
      <p className={css.weight} role="status">
        {preview?.estimate && <Weight estimate={preview.estimate} />}
      </p>
      {rendered ? (
        <div data-busy={busy || undefined}>
          <Messages messages={rendered.messages} />
          {used.length > 0 && (
            <p className="muted">
              Taken in: {used.map(([reference, version]) => `${reference} (version ${version})`).join(", ")}
            </p>
          )}
          <Rest rendered={rendered} />
        </div>
      ) : (
        <p className="muted">{preview ? "Nothing to show until the file and its values hold." : "…"}</p>
      )}
    </section>
  );
}

function Weight({ estimate }: { estimate: Estimate }) {
  return (
    <span className="num" title={estimate.note || estimate.price}>
      about {formatInt(estimate.tokens)} tokens
      {estimate.model &&
        (estimate.cost === null
          ? ` · ${estimate.note}`
          : ` · ${formatMoney(estimate.cost)} to read, ${formatMoney(estimate.output_cost)} per 1,000 written`)}{" "}
      <Tag title="Counted by a rule of thumb, about four bytes to a token; the provider's own count will differ.">
        estimate
      </Tag>
    </span>
  );
}

export function Messages({ messages }: { messages: JsonObject[] }) {
  return (
    <ol className={css.messages}>
      {messages.map((message, i) => (
        <li key={i} aria-label={`${String(message.role)} message`}>
          <span className={css.role}>{String(message.role)}</span>
          <div className={css.text}>
            {typeof message.content === "string" ? message.content : JSON.stringify(message.content, null, 2)}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Rest({ rendered }: { rendered: NonNullable<PromptPreview["rendered"]> }) {
  const parts: [string, unknown][] = [
    ["parameters", rendered.parameters],
    ["tools", rendered.tools],
    ["output schema", rendered.output_schema],
  ];
  const said = parts.filter(([, value]) => value && Object.keys(value as object).length > 0);
  if (said.length === 0) return null;
  return (
    <dl className={css.rest}>
      {said.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="mono">{JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
