import { Button, Drawer } from "@mantine/core";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { asProblem } from "@/api/client";
import { isConflict, type Meant, meantBy, type Now, same, unlessChanged } from "./conflict";
import css from "./editDrawer.module.css";
import { Refused } from "./Meanwhile";
import { type Leaving, UnsavedGuard, useLeaving } from "./Unsaved";

/** What the drawer has to know of what is edited in it. */
export interface Edited {
  dirty: boolean;
  leaving: Leaving;
  busy: boolean;
  /** Why it was refused; nothing where that is said at a field. */
  problem: unknown;
  /** What somebody else did since the form was opened, where that is why it was refused. */
  meant?: Meant | "gone" | undefined;
  submit: () => void;
}

interface Editing<Form, Wrong, Saved> {
  /** What the form holds at first; asked once. */
  begin: () => Form;
  /** What it would hold at first if it began now, and of which revision that is: none of what is to be new. */
  now?: Now<Form> | undefined;
  /** What is wrong with it by field: shown from the first try on, and nothing is saved before it is nothing. */
  check?: (form: Form) => Wrong;
  /** `revision` is the one that the form was opened with, to be sent as `expected_revision`. */
  save: (form: Form, initial: Form, revision: number | undefined) => Promise<Saved>;
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

/**
 * What a form is open for, as it is now; as it was last where somebody removed it meanwhile, so that the form and what
 * was typed in it stay. `which` names it, and nothing where no form is open.
 */
export function useLastSeen<Thing>(now: Thing | undefined, which: string | undefined): Thing | undefined {
  const [last, setLast] = useState({ which, now });
  if (last.which !== which || (now !== undefined && last.now !== now)) setLast({ which, now });
  return now ?? (last.which === which ? last.now : undefined);
}

/**
 * A form on a page: it says what there is until something is changed in it, and from then on what was changed of what
 * there was then.
 */
export function useBased<Form extends object>(now: Now<Form>) {
  const [draft, setDraft] = useState<{ base: Now<Form>; form: Form } | null>(null);
  const { base, form } = draft ?? { base: now, form: now.form };
  return {
    form,
    /** What it was made from: to be sent as `expected_revision`. */
    revision: base.revision,
    initial: base.form,
    dirty: !same(form, base.form),
    set: (change: Partial<Form>) => setDraft({ base, form: { ...form, ...change } }),
    /** Also once it is saved. */
    undo: () => setDraft(null),
    /** What a refusal means, where it is about what somebody else did; `again` forgets the refusal. */
    meant: (problem: unknown, again: () => void) =>
      meantBy(problem, { base, form, now }, (next, mine) => {
        setDraft({ base: next, form: mine });
        again();
      }),
  };
}

/** A form that begins as what there is, is changed, and saved once nothing is wrong with it. */
export function useEditing<Form extends object, Wrong extends object, Saved>(
  given: Editing<Form, Wrong, Saved>,
): Edited & {
  form: Form;
  set: (change: Partial<Form>) => void;
  wrong: Wrong;
} {
  const [opened, setOpened] = useState(() => ({ form: given.begin(), revision: given.now?.revision }));
  const initial = opened.form;
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(false);
  const saving = useSaving({
    ...given,
    save: async () => {
      unlessChanged(initial, given.now);
      return given.save(form, initial, opened.revision);
    },
  });
  const none = {} as Wrong; // By field: each may be missing, and so may all.
  const faults = given.check?.(form) ?? none;
  const goOn = (now: Now<Form>, next: Form) => {
    setOpened({ form: now.form, revision: now.revision });
    setForm(next);
    saving.reset();
  };
  const { now } = given;
  const refused = saving.problem ? given.fieldOf?.(asProblem(saving.problem).param) : undefined;
  return {
    form,
    set: (change) => {
      if (given.fieldOf) saving.reset();
      setForm((before) => ({ ...before, ...change }));
    },
    wrong: {
      ...(refused && { [refused]: asProblem(saving.problem).message }),
      ...(tried ? faults : none),
    },
    dirty: !same(form, initial),
    leaving: saving.leaving,
    busy: saving.busy,
    problem: refused ? null : saving.problem,
    meant: meantBy(saving.problem, { base: opened, form, now }, goOn),
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
    onError: async (error) => {
      if (isConflict(error)) await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
    },
    onSuccess: async (saved) => {
      leaving.current = true;
      await Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
      await onSaved(saved);
    },
  });
  return {
    leaving,
    busy: saving.isPending,
    problem: saving.error,
    done: saving.isSuccess,
    save: () => saving.mutate(),
    reset: saving.reset,
  };
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
        <Refused problem={editing.problem} meant={editing.meant} />
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
