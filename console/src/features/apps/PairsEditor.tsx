import { ActionIcon, Button, Textarea, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import { useRef } from "react";
import css from "./apps.module.css";
import { kindOf, type Pair } from "./draftForm";

interface Props {
  label: string;
  about: string;
  pairs: Pair[];
  onChange: (pairs: Pair[]) => void;
  error?: string;
  /** Names that are likely, with what they mean. */
  offered?: Record<string, string>;
}

/** Names with values, a row each. A value is text unless it reads as JSON; which of the two it is stands beside it. */
export function PairsEditor({ label, about, pairs, onChange, error, offered = {} }: Props) {
  const box = useRef<HTMLFieldSetElement>(null);
  const set = (at: number, change: Partial<Pair>) =>
    onChange(pairs.map((pair, i) => (i === at ? { ...pair, ...change } : pair)));
  const add = (name = "") => {
    onChange([...pairs, { name, value: "" }]);
    const field = name === "" ? "name" : "value";
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLElement>(`[data-row="${pairs.length}"] [data-field="${field}"]`)?.focus(),
    );
  };
  const left = Object.keys(offered).filter((name) => !pairs.some((pair) => pair.name === name));
  return (
    <fieldset className={css.pairs} ref={box}>
      <legend>{label}</legend>
      <p className="muted">{about}</p>
      {pairs.map((pair, i) => (
        <div key={i} className={css.pair} data-row={i}>
          <TextInput
            size="xs"
            aria-label={`${label}, name ${i + 1}`}
            placeholder="name"
            value={pair.name}
            onChange={(event) => set(i, { name: event.currentTarget.value })}
            spellCheck={false}
            data-field="name"
            classNames={{ input: "mono" }}
          />
          <Textarea
            size="xs"
            autosize
            minRows={1}
            maxRows={8}
            aria-label={`${label}, value of ${pair.name || `name ${i + 1}`}`}
            placeholder="value"
            value={pair.value}
            onChange={(event) => set(i, { value: event.currentTarget.value })}
            spellCheck={false}
            data-field="value"
            classNames={{ input: "mono" }}
          />
          <span className={css.kind} title={offered[pair.name]}>
            {kindOf(pair.value)}
          </span>
          <ActionIcon
            onClick={() => onChange(pairs.filter((_, at) => at !== i))}
            aria-label={`Remove ${pair.name || `row ${i + 1}`}`}
          >
            <X size={14} />
          </ActionIcon>
        </div>
      ))}
      {error && (
        <p className={css.error} role="alert">
          {error}
        </p>
      )}
      <div className={css.offered}>
        <Button variant="default" size="compact-xs" leftSection={<Plus size={12} />} onClick={() => add()}>
          Add
        </Button>
        {left.map((name) => (
          <Button key={name} variant="subtle" size="compact-xs" title={offered[name]} onClick={() => add(name)}>
            {name}
          </Button>
        ))}
      </div>
    </fieldset>
  );
}
