import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { post } from "@/api/client";
import { at, membersOf, type Place } from "@/api/identity";
import type { MemberView, RoleView } from "@/api/types";
import { FormDialog } from "@/ui/FormDialog";
import { LEAST_ROLE, RoleField } from "./RoleField";

interface Props {
  place: Place;
  roles: RoleView[];
  onClose: () => void;
}

/** A person, by address. */
export function AddDialog({ place, roles, onClose }: Props) {
  const [who, setWho] = useState("");
  const [role, setRole] = useState<string>(LEAST_ROLE);
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => post<MemberView>(at(place, "members"), { email: who.trim(), role }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: membersOf(place).queryKey });
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Add a member of ${place.slug}`}
      action="Add"
      off={!who.trim()}
      asking={add}
      onSubmit={() => add.mutate()}
      onClose={onClose}
    >
      <TextInput
        label="E-mail"
        description="They come in once an identity provider vouches for this address."
        placeholder="ada@example.com"
        type="email"
        value={who}
        onChange={(event) => setWho(event.currentTarget.value)}
        data-autofocus
      />
      <RoleField roles={roles} value={role} onChange={setRole} />
    </FormDialog>
  );
}
