import { PasswordInput, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, put } from "@/api/client";
import { type GuardService, type GuardView, guardServicesQuery, guardsQuery } from "@/api/guards";
import { formatAgo, formatDateTime, plural } from "@/lib/format";
import { useMay } from "@/lib/role";
import { Empty, Panel, Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { EditDrawer, useEditing, useLastSeen } from "@/ui/EditDrawer";
import { IconButton } from "@/ui/IconButton";
import { Pending } from "@/ui/Pending";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { askersOf, formOfService, type ServiceForm, secretWords, serviceOf } from "./serviceForm";

interface Props {
  project: string;
  /** The service whose form is open, or `*` for a new one. */
  edit: string | undefined;
  onEdit: (edit: string | undefined) => void;
}

const NEW = "*";
const WHO = "Where texts are sent is decided by who sets up providers.";

/** "Which programs beside Trimtab do guards ask, and which guards do?" */
export function Services({ project, edit, onEdit }: Props) {
  const found = useQuery(guardServicesQuery(project));
  const guards = useQuery(guardsQuery(project));
  const may = useMay("provider:write");
  const [dropped, setDropped] = useState<GuardService | null>(null);
  const edited = useLastSeen(
    found.data?.find((each) => each.name === edit),
    edit,
  );
  const why = may ? undefined : WHO;
  const add = (
    <WriteButton
      needs="provider:write"
      variant="default"
      size="sm"
      leftSection={<Plus size={15} />}
      why={why}
      onClick={() => onEdit(NEW)}
    >
      New service
    </WriteButton>
  );
  return (
    <>
      <Pending of={found} height={140} />
      {found.data?.length === 0 && (
        <Empty title="Guards ask nobody else">
          <p>
            A detector of your own, or Presidio, runs beside Trimtab and is asked by HTTP. Set its address here, then
            make a guard of the kind http or presidio that names it.
          </p>
          {add}
        </Empty>
      )}
      {found.data && found.data.length > 0 && (
        <>
          <Panel>
            <DataTable
              label="Guard services"
              columns={columns(project, guards.data ?? [], { why, onEdit, onDrop: setDropped })}
              rows={found.data}
              rowKey={(row) => row.name}
            />
          </Panel>
          <div style={{ marginTop: 12 }}>{add}</div>
        </>
      )}
      {may && (edit === NEW || edited) && (
        <Editor key={edit} project={project} service={edited} onClose={() => onEdit(undefined)} />
      )}
      <Drop project={project} service={dropped} guards={guards.data ?? []} onClose={() => setDropped(null)} />
    </>
  );
}

interface Acts {
  why: string | undefined;
  onEdit: (name: string) => void;
  onDrop: (service: GuardService) => void;
}

function columns(project: string, guards: readonly GuardView[], acts: Acts): Column<GuardService>[] {
  const now = Date.now();
  return [
    {
      id: "name",
      label: "service",
      cell: (row) => (
        <>
          <strong>{row.name}</strong> {row.problem && <Tag tone="bad">cannot be asked</Tag>}
          <div className="muted mono">{row.url}</div>
          {row.problem && <div>{row.problem}</div>}
        </>
      ),
    },
    {
      id: "secret",
      label: "secret",
      cell: (row) => (
        <>
          {secretWords(row)}
          {row.secret_hint && <div className="muted mono">{row.header}</div>}
        </>
      ),
    },
    {
      id: "guards",
      label: "asked by",
      cell: (row) => {
        const askers = askersOf(row.name, guards);
        if (askers.length === 0) return <span className="muted">no guard</span>;
        return askers.map((guard, i) => (
          <span key={guard}>
            {i > 0 && ", "}
            <Link to="/p/$project/guards/$guard" params={{ project, guard }} search={{}}>
              {guard}
            </Link>
          </span>
        ));
      },
    },
    {
      id: "updated",
      label: "changed",
      align: "right",
      cell: (row) => <span title={formatDateTime(row.updated)}>{formatAgo(row.updated, now)}</span>,
    },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (row) => (
        <span style={{ display: "inline-flex", gap: 6 }}>
          <IconButton
            icon={Pencil}
            needs="provider:write"
            why={acts.why}
            onClick={() => acts.onEdit(row.name)}
            label={`Edit ${row.name}`}
          />
          <IconButton
            icon={Trash2}
            needs="provider:write"
            why={acts.why}
            onClick={() => acts.onDrop(row)}
            label={`Remove ${row.name}`}
          />
        </span>
      ),
    },
  ];
}

interface DropProps {
  project: string;
  service: GuardService | null;
  guards: readonly GuardView[];
  onClose: () => void;
}

function Drop({ project, service, guards, onClose }: DropProps) {
  const askers = askersOf(service?.name ?? "", guards);
  const drop = useRemoval({
    at: (each: GuardService) => [inProject(project, "guard-services", each.name), each.revision],
    stale: [guardServicesQuery(project).queryKey],
    onRemoved: onClose,
  });
  return (
    <Confirm
      opened={service !== null}
      title={`Remove ${service?.name}?`}
      action="Remove it"
      busy={drop.isPending}
      error={drop.error}
      onConfirm={() => service && drop.mutate(service)}
      onClose={() => {
        drop.reset();
        onClose();
      }}
    >
      {askers.length > 0
        ? `${plural(askers.length, "guard")} (${askers.join(", ")}) cannot tell from the next call on: what each does then is decided by what it does when it fails.`
        : "No guard asks it now. Its address and its secret are forgotten."}
    </Confirm>
  );
}

interface EditorProps {
  project: string;
  service: GuardService | undefined;
  onClose: () => void;
}

function Editor({ project, service, onClose }: EditorProps) {
  const editing = useEditing({
    begin: () => formOfService(service),
    now: service && { form: formOfService(service), revision: service.revision },
    check: (form) => serviceOf(form, service).wrong,
    save: (form, _, revision = 0) => {
      const { name, body } = serviceOf(form, service);
      return put<GuardService>(inProject(project, "guard-services", name), { ...body, expected_revision: revision });
    },
    stale: [guardServicesQuery(project).queryKey],
    onSaved: onClose,
  });
  return (
    <EditDrawer
      editing={editing}
      title={service ? `Service ${service.name}` : "New guard service"}
      label="Guard service"
      size={560}
      action="Save"
      onClose={onClose}
    >
      <p className="muted">Texts of calls go there as soon as a guard names it.</p>
      <Fields form={editing.form} set={editing.set} service={service} wrong={editing.wrong} />
    </EditDrawer>
  );
}

interface FieldsProps {
  form: ServiceForm;
  set: (change: Partial<ServiceForm>) => void;
  service: GuardService | undefined;
  wrong: Record<string, string>;
}

function Fields({ form, set, service, wrong }: FieldsProps) {
  const keeps = Boolean(service?.secret_hint || service?.problem);
  return (
    <>
      {!service && (
        <TextInput
          label="Name"
          description="Guards name it by this."
          value={form.name}
          error={wrong.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
          spellCheck={false}
          data-autofocus
        />
      )}
      <TextInput
        label="Address"
        description="What is posted to, whole."
        placeholder="https://guards.example.com/look"
        value={form.url}
        error={wrong.url}
        onChange={(event) => set({ url: event.currentTarget.value })}
        spellCheck={false}
      />
      <TextInput
        label="Header of the secret"
        value={form.header}
        error={wrong.header}
        onChange={(event) => set({ header: event.currentTarget.value })}
        spellCheck={false}
      />
      <PasswordInput
        label="Secret"
        description={
          service && keeps
            ? `The header's whole value (Bearer …). ${service.secret_hint ? `One is ${secretWords(service)}` : "One is kept"}: leave it empty to keep that.`
            : "The header's whole value (Bearer …), kept encrypted and never shown again. Empty: none is sent."
        }
        value={form.secret}
        error={wrong.secret}
        onChange={(event) => set({ secret: event.currentTarget.value, forget: false })}
        autoComplete="off"
        visibilityToggleButtonProps={{ "aria-label": "Show the secret" }}
      />
      {keeps && (
        <Switch
          label="Forget the secret"
          checked={form.forget}
          onChange={(event) => set({ forget: event.currentTarget.checked, secret: "" })}
        />
      )}
    </>
  );
}
