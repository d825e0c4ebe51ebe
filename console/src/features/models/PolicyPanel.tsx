import { ChevronDown, ChevronRight } from "lucide-react";
import type { ModelView, Policy, ResilienceView } from "@/api/types";
import { formatAgo } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { WriteButton } from "@/ui/WriteButton";
import { type InForce, inForce, linesOf } from "./policy";
import css from "./targets.module.css";

const DECLARED = "The config file declares it: change 'resilience' there.";

interface Props {
  provider: string;
  /** The config file says what holds. */
  declared: boolean;
  models: ModelView[];
  all: { items: ResilienceView[]; defaults: Policy };
  open: boolean;
  onToggle: () => void;
  onTune: (subject: ResilienceView["subject"], name: string) => void;
}

/** Which rules hold for the calls that go there, and who said so. */
export function PolicyPanel({ provider, declared, models, all, open, onToggle, onTune }: Props) {
  const here = inForce(all, "provider", provider);
  const others = models
    .map((model) => ({ name: model.name, ...inForce(all, "model", model.name) }))
    .filter((each) => each.own);
  const Arrow = open ? ChevronDown : ChevronRight;
  return (
    <div className={css.policy}>
      <button type="button" className={css.toggle} aria-expanded={open} onClick={onToggle}>
        <Arrow size={14} aria-hidden="true" />
        Resilience policy of {provider}
      </button>
      <span className="muted">
        {sourceOf(here)}
        {others.length > 0 && `; of their own: ${others.map((each) => each.name).join(", ")}`}
      </span>
      {open && (
        <div className={css.policies}>
          <Lines title={others.length > 0 ? "All its models but those below" : ""} policy={here} all={all} />
          <div className={css.tune}>
            <WriteButton
              needs="provider:write"
              variant="default"
              size="xs"
              why={declared ? DECLARED : undefined}
              onClick={() => onTune("provider", provider)}
              aria-label={`Edit the policy of ${provider}`}
            >
              Edit
            </WriteButton>
            {models.map((model) => (
              <WriteButton
                needs="model:write"
                key={model.name}
                variant="subtle"
                size="xs"
                why={model.source === "config" ? DECLARED : undefined}
                onClick={() => onTune("model", model.name)}
              >
                {others.some((each) => each.name === model.name) ? "Edit that of" : "One of its own for"} {model.name}
              </WriteButton>
            ))}
          </div>
          {others.map((each) => (
            <Lines
              key={each.name}
              title={`${each.name} (${sourceOf(each)}; it replaces the provider's whole)`}
              policy={each}
              all={all}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function sourceOf({ own }: InForce): string {
  if (!own) return "as by default";
  if (own.source === "config") return "its own, from the config file";
  return `its own, set ${own.updated === null ? "through the API" : formatAgo(own.updated, Date.now())}`;
}

function Lines({ title, policy, all }: { title: string; policy: InForce; all: Props["all"] }) {
  return (
    <section>
      {title && <h2>{title}</h2>}
      <dl className={css.lines}>
        {linesOf(policy.policy, all.defaults).map((line) => (
          <div key={line.label}>
            <dt>{line.label}</dt>
            <dd>
              {line.text} {line.own && <Tag tone="accent">not as by default</Tag>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
