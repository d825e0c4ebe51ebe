import { useQuery } from "@tanstack/react-query";
import { FolderSync, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import {
  type Directory,
  directoryAt,
  directoryGroupsQuery,
  directoryKey,
  directoryQuery,
  domainsQuery,
} from "@/api/identity";
import type { RoleView } from "@/api/types";
import { formatInt, plural } from "@/lib/format";
import { useMayIn } from "@/lib/role";
import { Empty, Facts, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { Code } from "@/ui/Copy";
import { ProblemNotice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { DirectoryEditor } from "./DirectoryEditor";
import { DirectoryTokens } from "./DirectoryTokens";
import { DomainsEditor } from "./DomainsEditor";
import { placeOfMeaning, unnamed } from "./directoryForm";
import css from "./people.module.css";
import { placeWords } from "./providerForm";

interface Props {
  organisation: string;
  roles: RoleView[];
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
}

/** What the address calls the form of the directory. */
const EDIT = "directory";
const DOMAINS = "domains";
export const WHO = "A directory acts in the whole organisation: who sets it up holds everything there.";

/** "Does an identity provider keep our people, and what do its groups give them?" */
export function DirectoryView({ organisation, roles, edit, onEdit }: Props) {
  const place = { kind: "organisation", slug: organisation } as const;
  const sees = useMayIn("member:read", place);
  const may = useMayIn("member:write", place);
  const found = useQuery({ ...directoryQuery(organisation), enabled: sees });
  const why = may ? undefined : WHO;
  if (!sees) return null;
  return (
    <section className={css.section} aria-label="Directory">
      <h2 className={css.heading}>Directory (SCIM)</h2>
      <Pending of={found} height={160} />
      {found.data === null && (
        <Empty title="People are kept by hand">
          <p>
            An identity provider such as Okta or Entra ID can keep the organisation's people and groups by SCIM 2.0: who
            leaves the company is out of Trimtab with its next request.
          </p>
          <WriteButton
            needs={null}
            size="sm"
            leftSection={<FolderSync size={15} />}
            why={why}
            onClick={() => onEdit(EDIT)}
          >
            Switch it on
          </WriteButton>
        </Empty>
      )}
      {found.data && (
        <>
          <Card directory={found.data} why={why} onEdit={() => onEdit(EDIT)} />
          <DirectoryTokens organisation={organisation} why={why} />
        </>
      )}
      <Domains organisation={organisation} edit={edit} onEdit={onEdit} />
      {may && edit === EDIT && found.data !== undefined && (
        <DirectoryEditor
          organisation={organisation}
          directory={found.data}
          roles={roles}
          onClose={() => onEdit(undefined)}
        />
      )}
    </section>
  );
}

/** "Which addresses may it give?" The administrator of the server says. */
function Domains({ organisation, edit, onEdit }: Pick<Props, "organisation" | "edit" | "onEdit">) {
  const found = useQuery(domainsQuery(organisation));
  const may = useMayIn("system:write", { kind: "organisation", slug: organisation });
  const domains = found.data;
  return (
    <Panel>
      <div className={css.body} data-testid="domains">
        <div className={css.bar} style={{ margin: 0 }}>
          <div>
            <strong>Domains of e-mail</strong>
            <div className="muted">
              {domains === undefined && "…"}
              {domains?.domains.length === 0 && "none said: any address whose domain is no other organisation's"}
              {domains && domains.domains.length > 0 && domains.domains.join(", ")}
            </div>
            {domains && domains.outside > 0 && (
              <div className="muted">
                {plural(domains.outside, "person has", "people have")} another address, until it is changed
              </div>
            )}
          </div>
          <div className={css.acts}>
            <WriteButton
              needs={null}
              variant="default"
              leftSection={<Pencil size={13} />}
              why={may ? undefined : "Who administers the whole server says whose domains are whose."}
              onClick={() => onEdit(DOMAINS)}
              aria-label="Edit the domains"
            >
              Edit
            </WriteButton>
          </div>
        </div>
        {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      </div>
      {may && edit === DOMAINS && domains && <DomainsEditor found={domains} onClose={() => onEdit(undefined)} />}
    </Panel>
  );
}

interface CardProps {
  directory: Directory;
  why: string | undefined;
  onEdit: () => void;
}

function Card({ directory, why, onEdit }: CardProps) {
  const [ending, setEnding] = useState(false);
  return (
    <Panel>
      <div className={css.body} data-testid="directory">
        <div className={css.bar} style={{ margin: 0 }}>
          <div>
            <strong>{directory.label || "An identity provider"}</strong> <Tag tone="accent">on</Tag>
            <div className="muted">
              keeps {plural(directory.people, "person", "people")}, {formatInt(directory.active)} let in, in{" "}
              {plural(directory.groups, "group")}
            </div>
          </div>
          <div className={css.acts}>
            <WriteButton
              needs={null}
              variant="default"
              leftSection={<Pencil size={13} />}
              why={why}
              onClick={onEdit}
              aria-label="Edit the directory"
            >
              Edit
            </WriteButton>
            <WriteButton
              needs={null}
              variant="default"
              leftSection={<Trash2 size={13} />}
              why={why}
              onClick={() => setEnding(true)}
              aria-label="Switch off the directory"
            >
              Switch off
            </WriteButton>
          </div>
        </div>
        <Terms directory={directory} />
      </div>
      {ending && <EndDirectory directory={directory} onClose={() => setEnding(false)} />}
    </Panel>
  );
}

function Terms({ directory }: { directory: Directory }) {
  const groups = useQuery(directoryGroupsQuery(directory.organisation));
  const bare = unnamed(groups.data ?? [], directory.roles);
  return (
    <>
      {groups.isError && <ProblemNotice error={groups.error} />}
      <Facts
        rows={[
          ["Base URL", <Code key="u" text={directory.url} label="Copy the base URL" wrap />],
          [
            "Groups give",
            directory.roles.length === 0 ? (
              <span className="muted">nothing yet: its people are members by hand alone</span>
            ) : (
              <ul key="r" className={css.list} aria-label="Groups give">
                {directory.roles.map((each) => (
                  <li key={JSON.stringify(each)}>
                    {each.group === "*" ? "everybody who is let in" : <code>{each.group}</code>} → {each.role},{" "}
                    {placeWords(placeOfMeaning(each, directory.organisation))}
                  </li>
                ))}
              </ul>
            ),
          ],
          [
            "Groups that give nothing",
            bare.length > 0 && (
              <ul key="b" className={css.list} aria-label="Groups that give nothing">
                {bare.map((group) => (
                  <li key={group.id}>
                    <code>{group.name}</code> <span className="muted">{plural(group.members, "member")}</span>
                  </li>
                ))}
              </ul>
            ),
          ],
          [
            "Whom it deletes",
            directory.on_delete === "remove" ? "is nothing in the organisation any more" : "is locked out",
          ],
          ["Reach", directory.everywhere ? "the whole server" : "this organisation"],
        ]}
      />
    </>
  );
}

function EndDirectory({ directory, onClose }: { directory: Directory; onClose: () => void }) {
  const { organisation } = directory;
  const end = useRemoval({
    at: () => [directoryAt(organisation), directory.revision],
    stale: [directoryKey(organisation)],
    onRemoved: onClose,
  });
  return (
    <Confirm
      opened
      title="Switch the directory off?"
      action="Switch it off"
      busy={end.isPending}
      error={end.error}
      onConfirm={() => end.mutate()}
      onClose={onClose}
    >
      Its tokens end at once, and what groups mean is forgotten. People stay what they are now, also those that are not
      let in.
    </Confirm>
  );
}
