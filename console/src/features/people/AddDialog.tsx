import { Button, Group, Modal, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { inProject, post } from "@/api/client";
import { membersQuery } from "@/api/queries";
import type { MemberView, RoleView } from "@/api/types";
import { ProblemNotice } from "@/ui/Notice";
import { givable, summaryOf } from "./words";

interface Props {
  project: string;
  roles: RoleView[];
  onClose: () => void;
}

/** A person by address, or a service account by name. */
export function AddDialog({ project, roles, onClose }: Props) {
  const [kind, setKind] = useState<"person" | "service">("person");
  const [who, setWho] = useState("");
  const [role, setRole] = useState("viewer");
  const queries = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      kind === "person"
        ? post<MemberView>(inProject(project, "members"), { email: who.trim(), role })
        : post<MemberView>(inProject(project, "service-accounts"), { name: who.trim(), role }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: membersQuery(project).queryKey });
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (who.trim()) add.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={<strong>Add a member</strong>}>
      <form onSubmit={submit} style={{ display: "grid", gap: 14 }}>
        <SegmentedControl
          value={kind}
          onChange={(value) => {
            setKind(value as "person" | "service");
            setWho("");
          }}
          data={[
            { value: "person", label: "Person" },
            { value: "service", label: "Service account" },
          ]}
          aria-label="Kind of member"
        />
        <TextInput
          label={kind === "person" ? "E-mail" : "Name"}
          description={
            kind === "person"
              ? "They come in once an identity provider vouches for this address."
              : "Owns keys, which do no more than its role and end with it."
          }
          placeholder={kind === "person" ? "ada@example.com" : "nightly-import"}
          type={kind === "person" ? "email" : "text"}
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
