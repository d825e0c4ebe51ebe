import { TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CalendarX2, CopyPlus, Trash2 } from "lucide-react";
import { useState } from "react";
import { inProject, patch } from "@/api/client";
import { priceBookQuery, pricesQuery } from "@/api/money";
import { modelsQuery } from "@/api/queries";
import type { DatedPriceView } from "@/api/types";
import { Tag } from "@/ui/bits";
import { Confirm } from "@/ui/Confirm";
import { type Column, DataTable } from "@/ui/DataTable";
import { FormDialog } from "@/ui/FormDialog";
import { useRemoval } from "@/ui/removal";
import { WriteButton } from "@/ui/WriteButton";
import { dayStart, momentText, ratesText } from "./priceForm";
import css from "./prices.module.css";

const FROM_FILE = "It is declared in the config file; change it there.";
const STATES = { in_force: "holds now", planned: "to come", ended: "ended" } as const;

interface Props {
  project: string;
  prices: DatedPriceView[];
  onCopy: (price: DatedPriceView) => void;
}

/** The project's own prices with their days: which holds, which is to come, which ended. */
export function PriceTable({ project, prices, onCopy }: Props) {
  const [ending, setEnding] = useState<DatedPriceView | null>(null);
  const [removing, setRemoving] = useState<DatedPriceView | null>(null);
  const columns: Column<DatedPriceView>[] = [
    {
      id: "model",
      label: "model",
      cell: (row) => (
        <>
          <strong className={css.model}>{row.model}</strong>{" "}
          {row.source === "config" && <Tag title={FROM_FILE}>config file</Tag>}
          <div className="muted">
            {row.provider === "*" ? "at any provider" : `at ${row.provider}`}
            {row.tier && `, tier ${row.tier}`}
          </div>
        </>
      ),
    },
    { id: "rates", label: "US dollars", cell: (row) => <span className={css.said}>{ratesText(row.rates)}</span> },
    {
      id: "from",
      label: "from",
      cell: (row) => (row.valid_from === null ? <span className="muted">always</span> : momentText(row.valid_from)),
    },
    {
      id: "to",
      label: "until",
      cell: (row) => (row.valid_to === null ? <span className="muted">no end</span> : momentText(row.valid_to)),
    },
    {
      id: "state",
      label: "state",
      cell: (row) => <Tag tone={row.state === "in_force" ? "accent" : undefined}>{STATES[row.state]}</Tag>,
    },
    { id: "note", label: "note", cell: (row) => row.note || <span className="muted">–</span> },
    {
      id: "acts",
      label: "",
      align: "right",
      cell: (row) => {
        const why = row.source === "config" ? FROM_FILE : undefined;
        const which = `${row.model} from ${row.valid_from === null ? "always" : momentText(row.valid_from)}`;
        return (
          <span className={css.acts}>
            <WriteButton
              needs="cost:write"
              variant="default"
              size="xs"
              px={8}
              onClick={() => onCopy(row)}
              aria-label={`Another price like ${which}`}
            >
              <CopyPlus size={14} />
            </WriteButton>
            <WriteButton
              needs="cost:write"
              variant="default"
              size="xs"
              px={8}
              why={why}
              onClick={() => setEnding(row)}
              aria-label={`End the price of ${which}`}
            >
              <CalendarX2 size={14} />
            </WriteButton>
            <WriteButton
              needs="cost:write"
              variant="default"
              size="xs"
              px={8}
              why={why}
              onClick={() => setRemoving(row)}
              aria-label={`Remove the price of ${which}`}
            >
              <Trash2 size={14} />
            </WriteButton>
          </span>
        );
      },
    },
  ];
  return (
    <>
      <DataTable label="Own prices" columns={columns} rows={prices} rowKey={(row) => row.id} />
      {ending && <EndDialog project={project} price={ending} onClose={() => setEnding(null)} />}
      {removing && <RemoveDialog project={project} price={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

interface DialogProps {
  project: string;
  price: DatedPriceView;
  onClose: () => void;
}

function useDone(project: string, onClose: () => void) {
  const queries = useQueryClient();
  return async () => {
    const stale = [pricesQuery(project), priceBookQuery(project), modelsQuery(project)].map((each) => each.queryKey);
    await Promise.all([...stale, ["price"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
    onClose();
  };
}

function EndDialog({ project, price, onClose }: DialogProps) {
  const [day, setDay] = useState(() => new Date().toISOString().slice(0, 10));
  const queries = useQueryClient();
  const onSuccess = useDone(project, onClose);
  const end = useMutation({
    mutationFn: (valid_to: number | null) =>
      patch<DatedPriceView>(inProject(project, "prices", price.id), { valid_to, expected_revision: price.revision }),
    onError: () => queries.invalidateQueries({ queryKey: pricesQuery(project).queryKey }),
    onSuccess,
  });
  return (
    <FormDialog
      title={`End the price of ${price.model}`}
      action={day ? "End it" : "Let it go on"}
      asking={end}
      onSubmit={() => end.mutate(dayStart(day))}
      onClose={onClose}
    >
      <TextInput
        label="The first day (UTC) on which it no longer holds"
        description="Empty: it goes on without an end."
        type="date"
        value={day}
        onChange={(event) => setDay(event.currentTarget.value)}
        data-autofocus
      />
      <p className="muted">What it has priced stays as it is booked.</p>
    </FormDialog>
  );
}

function RemoveDialog({ project, price, onClose }: DialogProps) {
  const onSuccess = useDone(project, onClose);
  const remove = useRemoval({
    at: () => [inProject(project, "prices", price.id), price.revision],
    stale: [pricesQuery(project).queryKey],
    onRemoved: onSuccess,
  });
  return (
    <Confirm
      opened
      title={`Remove the price of ${price.model}?`}
      action="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate()}
      onClose={onClose}
    >
      As if it had never been: for a price that was wrong. What it has priced stays booked until it is priced anew. A
      price that was right and is over is ended instead.
    </Confirm>
  );
}
