import { useQuery } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { membersOf, type Place } from "@/api/identity";
import type { RoleView } from "@/api/types";
import { useMayIn } from "@/lib/role";
import { Empty } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { AddDialog } from "./AddDialog";
import { MemberTable } from "./MemberTable";
import css from "./people.module.css";

interface Props {
  place: Place;
  roles: RoleView[];
  adding: boolean;
  onAdding: (on: boolean) => void;
}

const WORDS = {
  project: {
    reach: "Who may do what in this project. Service accounts stand under a tab of their own.",
    none: "Nobody is a member of this project",
  },
  organisation: {
    reach: "A role here holds in each of the organisation's projects, beside what somebody has in a project alone.",
    none: "Nobody is a member of this organisation",
  },
};

/** The people of a project or an organisation, with the role that each has there. */
export function PlaceMembers({ place, roles, adding, onAdding }: Props) {
  const found = useQuery(membersOf(place));
  const may = useMayIn("member:write", place);
  const people = (found.data ?? []).filter((member) => member.kind === "person");
  const add = may && (
    <WriteButton needs={null} size="sm" leftSection={<UserPlus size={15} />} onClick={() => onAdding(true)}>
      Add a member
    </WriteButton>
  );
  return (
    <>
      <Pending of={found} height={180} />
      {found.data && people.length === 0 && (
        <Empty title={WORDS[place.kind].none}>
          <p>
            Whoever has the admin key may do everything here. Give people a role of their own instead: the audit log
            then says who did what, and nobody needs to share a key. They come in by an identity provider, which is set
            up under “Sign-in”.
          </p>
          {add}
        </Empty>
      )}
      {people.length > 0 && (
        <>
          <div className={css.bar}>
            <p className="muted">{WORDS[place.kind].reach}</p>
            {add}
          </div>
          <MemberTable place={place} members={people} roles={roles} />
        </>
      )}
      {adding && may && <AddDialog place={place} roles={roles} onClose={() => onAdding(false)} />}
    </>
  );
}
