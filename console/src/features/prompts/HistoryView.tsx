import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { FlaskConical, GitCompare, Tag as TagIcon } from "lucide-react";
import { versionsQuery } from "@/api/prompts";
import type { PromptVersionView, PromptView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Tag } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { LabelDialog } from "./LabelDialog";
import css from "./prompts.module.css";

/** Every version, newest first: who made it, when, why, and which label points at it. */
export function HistoryView({ project, prompt }: { project: string; prompt: PromptView }) {
  const versions = useQuery(versionsQuery(project, prompt.name));
  const search = useSearch({ from: "/inside/p/$project/prompts/$name" });
  const navigate = useNavigate({ from: "/p/$project/prompts/$name" });
  const labelled = versions.data?.find((each) => String(each.version) === search.label);
  if (versions.isError || !versions.data) return <Pending of={versions} height={300} />;
  return (
    <>
      <ol className={css.timeline} aria-label="Versions">
        {versions.data.map((each) => (
          <Version
            key={each.version}
            project={project}
            version={each}
            onLabel={() => void navigate({ search: (was) => ({ ...was, label: String(each.version) }) })}
          />
        ))}
      </ol>
      {labelled && (
        <LabelDialog
          project={project}
          prompt={prompt}
          version={labelled}
          onClose={() => void navigate({ search: (was) => ({ ...was, label: undefined }) })}
        />
      )}
    </>
  );
}

interface VersionProps {
  project: string;
  version: PromptVersionView;
  onLabel: () => void;
}

function Version({ project, version, onLabel }: VersionProps) {
  const at = { to: "/p/$project/prompts/$name" as const, params: { project, name: version.name } };
  return (
    <li className={css.version} aria-label={`Version ${version.version}`}>
      <div className={css.versionHead}>
        <Link {...at} search={{ ref: String(version.version) }} className={css.number}>
          v{version.version}
        </Link>
        {version.labels.map((label) => (
          <Tag key={label} tone="accent">
            {label}
          </Tag>
        ))}
        <span>{version.message || <span className="muted">no message</span>}</span>
      </div>
      <div className="muted">
        {version.author} · <span title={formatDateTime(version.created)}>{formatAgo(version.created, Date.now())}</span>{" "}
        ·{" "}
        <span className="mono" title={version.hash}>
          {version.hash.slice(0, 19)}…
        </span>
        {version.parent !== null && version.parent !== version.version - 1 && ` · made from version ${version.parent}`}
      </div>
      <div className={css.versionTools}>
        {version.parent !== null && (
          <Button
            component={Link}
            {...(at as object)}
            search={{ view: "diff", before: String(version.parent), after: String(version.version) } as never}
            variant="default"
            leftSection={<GitCompare size={13} />}
          >
            What changed
          </Button>
        )}
        <Button
          component={Link}
          to="/p/$project/playground"
          params={{ project } as never}
          search={{ prompt: version.name, ref: String(version.version) } as never}
          variant="default"
          leftSection={<FlaskConical size={13} />}
        >
          Playground
        </Button>
        <WriteButton needs="prompt:write" variant="default" leftSection={<TagIcon size={13} />} onClick={onLabel}>
          Label
        </WriteButton>
      </div>
    </li>
  );
}
