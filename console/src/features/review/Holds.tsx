import { ActionIcon, Button, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import type { HoldRuleForm, QueueForm } from "./queueForm";
import css from "./review.module.css";

interface Props {
  form: QueueForm;
  wrong: Record<string, string>;
  set: (change: Partial<QueueForm>) => void;
}

/** Which answers wait for a person before they go out, for how long, and what the user gets meanwhile. */
export function Holds({ form, wrong, set }: Props) {
  const change = (at: number, one: Partial<HoldRuleForm>) =>
    set({ holdRules: form.holdRules.map((each, i) => (i === at ? { ...each, ...one } : each)) });
  return (
    <fieldset className={css.rows}>
      <legend>Hold for approval</legend>
      <Switch
        size="xs"
        label="Answers wait here before they reach the user"
        checked={form.holds}
        onChange={(event) => set({ holds: event.currentTarget.checked })}
      />
      {form.holds && (
        <>
          {form.holdRules.map((each, i) => (
            <HoldRule
              key={i}
              number={i + 1}
              rule={each}
              wrong={wrong[`holds.${i}.model`]}
              onChange={(one) => change(i, one)}
              onRemove={() => set({ holdRules: form.holdRules.filter((_, at) => at !== i) })}
            />
          ))}
          <div>
            <Button
              variant="default"
              size="compact-xs"
              leftSection={<Plus size={12} />}
              onClick={() => set({ holdRules: [...form.holdRules, { model: "", words: [], tools: [] }] })}
            >
              Hold answers of…
            </Button>
          </div>
          <Waits form={form} wrong={wrong} set={set} />
        </>
      )}
    </fieldset>
  );
}

interface RuleProps {
  number: number;
  rule: HoldRuleForm;
  wrong: string | undefined;
  onChange: (change: Partial<HoldRuleForm>) => void;
  onRemove: () => void;
}

function HoldRule({ number, rule, wrong, onChange, onRemove }: RuleProps) {
  return (
    <div className={css.row}>
      <div className={css.rowHead}>
        <TextInput
          size="xs"
          aria-label={`Held ${number}: calls of`}
          placeholder="An app, route or model; support* for all that begin so"
          value={rule.model}
          error={wrong}
          onChange={(event) => onChange({ model: event.currentTarget.value })}
          spellCheck={false}
        />
        <ActionIcon onClick={onRemove} aria-label={`Hold no answers by rule ${number}`}>
          <X size={14} />
        </ActionIcon>
      </div>
      <div className={css.two}>
        <TagsInput
          size="xs"
          label="That say one of"
          description="Empty here and beside: all of them."
          value={rule.words}
          onChange={(words) => onChange({ words })}
        />
        <TagsInput
          size="xs"
          label="That call one of the tools"
          description="By name."
          value={rule.tools}
          onChange={(tools) => onChange({ tools })}
        />
      </div>
    </div>
  );
}

function Waits({ form, wrong, set }: Props) {
  return (
    <>
      <div className={css.two}>
        <TextInput
          size="xs"
          label="Waits for a person, minutes"
          inputMode="decimal"
          value={form.holdMinutes}
          error={wrong.holdMinutes}
          onChange={(event) => set({ holdMinutes: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label="The call stays open, seconds"
          description="0: it is answered at once with an address to ask."
          inputMode="decimal"
          value={form.waitSeconds}
          error={wrong.waitSeconds}
          onChange={(event) => set({ waitSeconds: event.currentTarget.value })}
        />
      </div>
      <Textarea
        size="xs"
        label="If nobody decides in time, the user gets"
        autosize
        value={form.fallback}
        error={wrong.fallback}
        onChange={(event) => set({ fallback: event.currentTarget.value })}
      />
      <Textarea
        size="xs"
        label="Meanwhile"
        autosize
        value={form.waiting}
        onChange={(event) => set({ waiting: event.currentTarget.value })}
      />
    </>
  );
}
