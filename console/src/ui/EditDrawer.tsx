import { Button, Drawer } from "@mantine/core";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { ApiProblem, asProblem } from "@/api/client";
import css from "./editDrawer.module.css";
import { ProblemNotice } from "./Notice";
import { type Leaving, UnsavedGuard, useLeaving } from "./Unsaved";

/** What the drawer has to know of what is edited in it. */
export interface Edited {
  dirty: boolean;
  leaving: Leaving;
  busy: boolean;
  /** Why it was refused; nothing where that is said at a field. */
  problem: unknown;
  submit: () => void;
}

interface Editing<Form, Wrong, Saved> {
  /** What the form holds at first; asked once. */
  begin: () => Form;
  /** What it would hold at first if it began now, of what the server keeps no revision of: see `unlessChanged`. */
  now?: Form | undefined;
  /** What is wrong with it by field: shown from the first try on, and nothing is saved before it is nothing. */
  check?: (form: Form) => Wrong;
  save: (form: Form, initial: Form) => Promise<Saved>;
  /** What was read before and is another once it is saved. */
  stale: readonly QueryKey[];
  onSaved: (saved: Saved) => unknown;
  /** The field that the server's refusal is about: it is told there, and until something is changed. */
  fieldOf?: (param: string | null) => string | undefined;
}

/**
 * What is edited as it was when that began, revision and all: lists are asked for anew all the time, and what somebody
 * else saved meanwhile must not be written over unseen.
 */
export function useAsOpened<Thing extends object | undefined>(given: Thing): Thing {
  return useState(given)[0];
}

/** Says that somebody else saved meanwhile, instead of writing over it. */
export function unlessChanged<Form extends object>(initial: Form, now: Form | undefined): void {
  if (!now || JSON.stringify(now) === JSON.stringify(initial)) return;
  throw new ApiProblem({
    status: 409,
    code: "revision_differs",
    detail: "Somebody else changed it since you began.",
    fix: "Nothing was saved. Keep what you wrote elsewhere, close this and edit it again: it then begins as it is now.",
  });
}

/** A form that begins as what there is, is changed, and saved once nothing is wrong with it. */
export function useEditing<Form extends object, Wrong extends object, Saved>(
  given: Editing<Form, Wrong, Saved>,
): Edited & {
  form: Form;
  set: (change: Partial<Form>) => void;
  wrong: Wrong;
} {
  const [initial] = useState(given.begin);
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(false);
  const saving = useSaving({
    ...given,
    save: async () => {
      unlessChanged(initial, given.now);
      return given.save(form, initial);
    },
  });
  const none = {} as Wrong; // By field: each may be missing, and so may all.
  const faults = given.check?.(form) ?? none;
  const refused = saving.problem ? given.fieldOf?.(asProblem(saving.problem).param) : undefined;
  return {
    form,
    set: (change) => {
      if (given.fieldOf) saving.reset();
      setForm((now) => ({ ...now, ...change }));
    },
    wrong: {
      ...(refused && { [refused]: asProblem(saving.problem).message }),
      ...(tried ? faults : none),
    },
    dirty: JSON.stringify(form) !== JSON.stringify(initial),
    leaving: saving.leaving,
    busy: saving.busy,
    problem: refused ? null : saving.problem,
    submit: () => {
      setTried(true);
      if (Object.keys(faults).length === 0) saving.save();
    },
  };
}

interface Saving<Saved> {
  save: () => Promise<Saved>;
  stale: readonly QueryKey[];
  onSaved: (saved: Saved) => unknown;
  /** Of the form that this is not the only way out of. */
  leaving?: Leaving;
}

/** Saving what is then left: nobody is asked about unsaved changes, and what was read of it is read anew. */
export function useSaving<Saved>({ save, stale, onSaved, leaving: given }: Saving<Saved>) {
  const own = useLeaving();
  const leaving = given ?? own;
  const queries = useQueryClient();
  const saving = useMutation({
    mutationFn: save,
    onSuccess: async (saved) => {
      leaving.current = true;
      await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
      await onSaved(saved);
    },
  });
  return { leaving, busy: saving.isPending, problem: saving.error, save: () => saving.mutate(), reset: saving.reset };
}

interface Props {
  editing: Edited;
  title: string;
  /** The form's name, where it is not the title. */
  label?: string;
  size: number;
  /** What the button does, in a word or two. */
  action: string;
  /** There is nothing to save. */
  off?: boolean;
  /** Beside the buttons. */
  aside?: ReactNode;
  /** Between the rows, in pixels. */
  gap?: number;
  /** The buttons stand further off. */
  apart?: boolean;
  zIndex?: number;
  /** Parts of the address that may change without losing anything. */
  free?: readonly string[];
  onClose: () => void;
  children: ReactNode;
}

/** Something edited over the page it is listed on: a form with its buttons, which is not lost unasked. */
export function EditDrawer({
  editing,
  title,
  label,
  size,
  action,
  off,
  aside,
  gap,
  apart,
  zIndex,
  free,
  onClose,
  children,
}: Props) {
  return (
    <Drawer opened onClose={onClose} position="right" size={size} zIndex={zIndex} title={<strong>{title}</strong>}>
      <form
        className={css.form}
        style={{ gap }}
        aria-label={label}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!off) editing.submit();
        }}
      >
        {children}
        {editing.problem ? <ProblemNotice error={editing.problem} /> : null}
        <div className={css.foot} data-apart={apart}>
          {aside}
          <Button variant="default" size="sm" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" size="sm" loading={editing.busy} disabled={off}>
            {action}
          </Button>
        </div>
      </form>
      <UnsavedGuard dirty={editing.dirty} leaving={editing.leaving} free={free} />
    </Drawer>
  );
}
