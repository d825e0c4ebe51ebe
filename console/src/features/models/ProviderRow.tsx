import { Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ComponentProps } from "react";
import { inProject } from "@/api/client";
import { providersQuery } from "@/api/queries";
import type { ModelView, ProviderKindView, ProviderView, TargetView } from "@/api/types";
import { formatAgo, plural } from "@/lib/format";
import { EditOrDelete } from "@/ui/EditOrDelete";
import { FromFile, fixedByFile } from "@/ui/FromFile";
import { HealthSign } from "@/ui/status";
import css from "./models.module.css";
import { PolicyPanel } from "./PolicyPanel";
import { Targets } from "./Targets";
import live from "./targets.module.css";

interface Props {
  project: string;
  provider: ProviderView;
  kind: ProviderKindView | undefined;
  models: ModelView[];
  /** Undefined until they are known. */
  targets: TargetView[] | undefined;
  policies: ComponentProps<typeof PolicyPanel>["all"] | undefined;
  /** What of it stands open, as the address says. */
  shown: { policy: boolean; all: boolean };
  onShow: (shown: { policy?: boolean; all?: boolean }) => void;
  onEdit: () => void;
  onTune: ComponentProps<typeof PolicyPanel>["onTune"];
}

export function ProviderRow(props: Props) {
  const { project, provider, kind, models, onEdit } = props;
  const fixed = fixedByFile(provider);
  return (
    <li data-provider={provider.name}>
      <div className={css.row}>
        <div style={{ minWidth: 0 }}>
          <div className={css.name}>
            <span className="ellipsis">{provider.name}</span>
            <FromFile thing={provider} />
          </div>
          <div className={css.sub}>
            {kind?.title ?? provider.kind}, {provider.dialect.replaceAll("_", " ")}
          </div>
        </div>
        <div style={{ minWidth: 0 }}>
          <div className="mono ellipsis" title={provider.base_url}>
            {provider.base_url || "on this machine"}
          </div>
          <div className={css.sub}>
            {models.length === 0
              ? "no model uses it"
              : `${plural(models.length, "model")}: ${models.map((m) => m.name).join(", ")}`}
          </div>
        </div>
        <KeyHint provider={provider} needsKey={kind?.needs_key ?? false} />
        <Health provider={provider} />
        <div className={css.actions}>
          <EditOrDelete
            thing={provider}
            path={inProject(project, "providers", provider.name)}
            stale={providersQuery(project).queryKey}
            needs="provider:write"
            why={fixed}
            whyKept={
              models.length > 0
                ? `${plural(models.length, "model")} still use it; move or delete those first.`
                : undefined
            }
            onEdit={onEdit}
          >
            Its address and its key are erased. The traces of calls made there stay. See{" "}
            <Link to="/p/$project/traces" params={{ project }} search={{ q: `provider:"${provider.name}"` }}>
              its calls
            </Link>
            .
          </EditOrDelete>
        </div>
      </div>
      <LiveState {...props} />
    </li>
  );
}

function LiveState({ provider, models, targets, policies, shown, onShow, onTune }: Props) {
  if (!targets || !policies) return null;
  return (
    <section className={live.live} aria-label={`How ${provider.name} fares`}>
      <Targets provider={provider.name} targets={targets} all={shown.all} onAll={() => onShow({ all: true })} />
      <PolicyPanel
        provider={provider.name}
        declared={provider.source === "config"}
        onTune={onTune}
        models={models}
        all={policies}
        open={shown.policy}
        onToggle={() => onShow({ policy: !shown.policy })}
      />
    </section>
  );
}

function KeyHint({ provider, needsKey }: { provider: ProviderView; needsKey: boolean }) {
  if (provider.key_hint) {
    return (
      <div>
        <span className="mono">••••{provider.key_hint}</span>
        <div className={css.sub}>key, encrypted</div>
      </div>
    );
  }
  if (provider.source === "config") return <div className="muted">key as in the config file</div>;
  return needsKey ? (
    <div style={{ color: "var(--warn)", fontWeight: 550 }}>
      no key
      <div className={css.sub}>calls will be refused there</div>
    </div>
  ) : (
    <div className="muted">needs no key</div>
  );
}

function Health({ provider }: { provider: ProviderView }) {
  const seen = provider.last_seen === null ? "" : formatAgo(provider.last_seen, Date.now());
  return (
    <div style={{ minWidth: 0 }}>
      <HealthSign health={provider.health} label />
      {provider.health === "failing" && provider.last_error ? (
        <Tooltip label={provider.last_error}>
          <div className={`${css.sub} ${css.trouble}`}>{provider.last_error}</div>
        </Tooltip>
      ) : (
        seen && <div className={css.sub}>{seen}</div>
      )}
    </div>
  );
}
