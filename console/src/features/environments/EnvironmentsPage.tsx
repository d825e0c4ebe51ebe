import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { LockKeyhole, LockKeyholeOpen, Plus } from "lucide-react";
import { inProject } from "@/api/client";
import { environmentsQuery } from "@/api/releases";
import type { EnvironmentView } from "@/api/releaseTypes";
import { Empty, Tag } from "@/ui/bits";
import { EditOrDelete } from "@/ui/EditOrDelete";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
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
  const { name, protection } = environment;
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
          <EditOrDelete
            thing={environment}
            path={inProject(project, "environments", name)}
            stale={environmentsQuery(project).queryKey}
            needs="release:promote"
            whyKept={environment.default ? "It is the default; make another one that first." : undefined}
            onEdit={onEdit}
          >
            Clients that call <code>app@{name}</code> are then told that there is no such environment. Releases, past
            calls and the audit trail stay.
          </EditOrDelete>
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
    </li>
  );
}
