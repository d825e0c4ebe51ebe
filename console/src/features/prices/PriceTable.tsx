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
import { FromFile, fixedByFile } from "@/ui/FromFile";
import { IconButton } from "@/ui/IconButton";
import { useRemoval } from "@/ui/removal";
import { dayStart, momentText, ratesText } from "./priceForm";
import css from "./prices.module.css";

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
          <strong className={css.model}>{row.model}</strong> <FromFile thing={row} />
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
        const why = fixedByFile(row);
        const which = `${row.model} from ${row.valid_from === null ? "always" : momentText(row.valid_from)}`;
        return (
          <span className={css.acts}>
            <IconButton
              icon={CopyPlus}
              needs="cost:write"
              size="xs"
              onClick={() => onCopy(row)}
              label={`Another price like ${which}`}
            />
            <IconButton
              icon={CalendarX2}
              needs="cost:write"
              size="xs"
              why={why}
              onClick={() => setEnding(row)}
              label={`End the price of ${which}`}
            />
            <IconButton
              icon={Trash2}
              needs="cost:write"
              size="xs"
              why={why}
              onClick={() => setRemoving(row)}
              label={`Remove the price of ${which}`}
            />
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
