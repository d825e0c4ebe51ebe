import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { LockKeyhole, LockKeyholeOpen, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject } from "@/api/client";
import { environmentsQuery } from "@/api/releases";
import type { EnvironmentView } from "@/api/releaseTypes";
import { Empty, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { EnvironmentEditor } from "./EnvironmentEditor";
import { freezeInWords, inWords, isProtected } from "./environmentForm";
import css from "./environments.module.css";

const STEP = 1;

/** "Where can a release run, and what must it show first?" */
export function EnvironmentsPage() {
  const { project } = useParams({ from: "/inside/p/$project/environments" });
  const search = useSearch({ from: "/inside/p/$project/environments" });
  const navigate = useNavigate({ from: "/p/$project/environments" });
  const environments = useQuery(environmentsQuery(project));
  const edited = environments.data?.find((environment) => environment.name === search.edit);
  const last = Math.max(0, ...(environments.data ?? []).map((each) => each.position));
  return (
    <Page
      title="Environments"
      lead="Where releases run, from the first to the last, and what a release must show before it may run there."
      actions={
        <WriteButton
          needs="release:promote"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => void navigate({ search: { new: "1" } })}
        >
          Add an environment
        </WriteButton>
      }
    >
      <Pending of={environments} height={220} />
      {environments.data?.length === 0 && (
        <Empty title="No environment">
          <p>Releases run in environments; without one no app can be called. Add production first.</p>
        </Empty>
      )}
      <ol className={css.list} aria-label="Environments">
        {environments.data?.map((environment) => (
          <EnvironmentCard
            key={environment.name}
            project={project}
            environment={environment}
            onEdit={() => void navigate({ search: { edit: environment.name } })}
          />
        ))}
      </ol>
      {environments.data && (search.new || edited) && (
        <EnvironmentEditor
          key={edited?.name ?? "new"}
          project={project}
          environment={edited}
          position={last + STEP}
          onClose={() => void navigate({ search: {} })}
        />
      )}
    </Page>
  );
}

interface CardProps {
  project: string;
  environment: EnvironmentView;
  onEdit: () => void;
}

function EnvironmentCard({ project, environment, onEdit }: CardProps) {
  const [asking, setAsking] = useState(false);
  const { name, protection } = environment;
  const remove = useRemoval({
    at: () => [inProject(project, "environments", name), environment.revision],
    stale: [environmentsQuery(project).queryKey],
    onRemoved: () => setAsking(false),
  });
  const Lock = isProtected(protection) ? LockKeyhole : LockKeyholeOpen;
  return (
    <li className={css.card} data-environment={name}>
      <div className={css.head}>
        <div>
          <h2 className={css.name}>
            {name}
            {environment.default && (
              <Tag tone="accent" title="Clients that name no environment mean this one.">
                default
              </Tag>
            )}
          </h2>
          <p className="muted" style={{ display: "flex", gap: 6, alignItems: "center" }}>
            <Lock size={13} aria-hidden="true" style={{ flex: "none" }} />
            {inWords(protection)}
          </p>
        </div>
        <div className={css.actions}>
          <WriteButton needs="release:promote" variant="default" px={8} onClick={onEdit} aria-label={`Edit ${name}`}>
            <Pencil size={14} />
          </WriteButton>
          <WriteButton
            needs="release:promote"
            variant="default"
            px={8}
            onClick={() => setAsking(true)}
            why={environment.default ? "It is the default; make another one that first." : undefined}
            aria-label={`Delete ${name}`}
          >
            <Trash2 size={14} />
          </WriteButton>
        </div>
      </div>
      {(protection.freezes ?? []).length > 0 && (
        <ul className={css.freezes} aria-label={`Freeze windows of ${name}`}>
          {(protection.freezes ?? []).map((freeze) => (
            <li key={freeze.name}>
              <strong>{freeze.name}</strong>: {freezeInWords(freeze)}
            </li>
          ))}
        </ul>
      )}
      <Confirm
        opened={asking}
        title={`Delete ${name}?`}
        action="Delete"
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate()}
        onClose={() => {
          remove.reset();
          setAsking(false);
        }}
      >
        Clients that call <code>app@{name}</code> are then told that there is no such environment. Releases, past calls
        and the audit trail stay.
      </Confirm>
    </li>
  );
}
