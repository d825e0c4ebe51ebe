import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { type PolicySet, policiesQuery, policyQuery } from "@/api/policies";
import { Empty, Tag } from "@/ui/bits";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { DataPanel } from "./DataPanel";
import { PolicyEditor } from "./PolicyEditor";
import css from "./policies.module.css";

/** "Who may do what, which data may go where, and what would it change if I switched this on?" */
export function PoliciesPage() {
  const { project } = useParams({ from: "/inside/p/$project/policies" });
  const search = useSearch({ from: "/inside/p/$project/policies" });
  const navigate = useNavigate({ from: "/p/$project/policies" });
  const sets = useQuery(policiesQuery(project));
  const close = () => void navigate({ search: {} });
  return (
    <Page
      title="Policies"
      lead="Which data may go to which model, provider and region; who may promote; which tools may be offered. In Cedar, tried before they are switched on."
      actions={
        <WriteButton
          needs="policy:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => void navigate({ search: { new: "1" } })}
        >
          Write policies
        </WriteButton>
      }
    >
      <Pending of={sets} height={160} />
      {search.new && <PolicyEditor key="new" project={project} onClose={close} />}
      {search.edit && <Edited key={search.edit} project={project} name={search.edit} onClose={close} />}
      {sets.data?.length === 0 && !search.new && (
        <Empty title="Permissions alone decide">
          <p>
            A policy narrows what permissions allow, by what it is about. Without any, every model may have every class
            of data. Write one, look at what it would have done with last week's calls, and switch it on.
          </p>
        </Empty>
      )}
      {sets.data && sets.data.length > 0 && (
        <ul className={css.sets} aria-label="Sets of policies">
          {sets.data.map((set) => (
            <SetRow
              key={`${set.scope}/${set.name}`}
              set={set}
              onEdit={() => void navigate({ search: { edit: set.name } })}
            />
          ))}
        </ul>
      )}
      <DataPanel project={project} />
    </Page>
  );
}

function SetRow({ set, onEdit }: { set: PolicySet; onEdit: () => void }) {
  const wide = set.scope === "organisation";
  return (
    <li className={css.set}>
      <div className={css.head}>
        <div className={css.name}>
          {wide ? (
            <strong>{set.name}</strong>
          ) : (
            <button type="button" className={css.link} onClick={onEdit}>
              {set.name}
            </button>
          )}
          {wide && <Tag title="Holds in every project of the organisation; changed there">organisation</Tag>}
          {set.in_force === null ? <Tag>off</Tag> : <Tag tone="accent">version {set.in_force} in force</Tag>}
          {set.otherwise === "deny" && <Tag title="What no policy permits is forbidden">otherwise deny</Tag>}
        </div>
        <span className="muted">
          {set.tests} {set.tests === 1 ? "test" : "tests"}
        </span>
      </div>
      {set.broken && (
        <Notice title="It cannot be read, and so forbids everything it might speak of">{set.broken}</Notice>
      )}
      <ul className={css.policies}>
        {set.policies.map((policy) => (
          <li key={policy.id}>
            <span className={css.effect} data-effect={policy.effect}>
              {policy.effect}
            </span>
            <span className="mono">{policy.id}</span>
            <span className="muted">{policy.reason || policy.actions.join(", ")}</span>
          </li>
        ))}
      </ul>
    </li>
  );
}

function Edited({ project, name, onClose }: { project: string; name: string; onClose: () => void }) {
  const found = useQuery(policyQuery(project, name));
  // Removed meanwhile: the form, and what was typed in it, stays.
  if (!found.data) return <Pending of={found} height={320} />;
  return <PolicyEditor project={project} detail={found.data} onClose={onClose} />;
}
