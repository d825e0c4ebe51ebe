import { Button, Group, Modal, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { post } from "@/api/client";
import { at, membersOf, type Place } from "@/api/identity";
import type { MemberView, RoleView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { givable, summaryOf } from "./words";

interface Props {
  place: Place;
  roles: RoleView[];
  onClose: () => void;
}

/** A person, by address. */
export function AddDialog({ place, roles, onClose }: Props) {
  const [who, setWho] = useState("");
  const [role, setRole] = useState("viewer");
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () => post<MemberView>(at(place, "members"), { email: who.trim(), role }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: membersOf(place).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (who.trim()) add.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={<strong>Add a member of {place.slug}</strong>}>
      <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
        <TextInput
          label="E-mail"
          description="They come in once an identity provider vouches for this address."
          placeholder="ada@example.com"
          type="email"
          value={who}
          onChange={(event) => setWho(event.currentTarget.value)}
          data-autofocus
        />
        <Select
          label="Role"
          description={summaryOf(roles.find((each) => each.name === role))}
          data={givable(roles)}
          value={role}
          onChange={(value) => setRole(value ?? "viewer")}
          allowDeselect={false}
        />
        {add.isError && <ProblemNotice error={add.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={add.isPending} disabled={!who.trim()}>
            Add
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
