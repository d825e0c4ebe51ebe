import { ActionIcon, Button, Select, TextInput } from "@mantine/core";
import { Plus, X } from "lucide-react";
import type { RuleKind } from "@/api/reviewTypes";
import { type RuleForm, ruleForm } from "./queueForm";
import css from "./review.module.css";
import { RULES } from "./words";

interface Props {
  rules: RuleForm[];
  wrong: Record<string, string>;
  onChange: (rules: RuleForm[]) => void;
}

type Field = "q" | "score" | "atMost" | "atLeast" | "spread" | "share" | "priority" | "name";

/** Which fields a rule of each kind has. */
const FIELDS: Record<RuleKind, Field[]> = {
  search: ["q", "share", "priority"],
  random: ["share", "q"],
  score: ["score", "atMost", "atLeast", "q", "share", "priority"],
  disputed: ["score", "spread", "q", "share", "priority"],
  complaint: ["atMost", "q", "share", "priority"],
  guard: ["atMost", "q", "share", "priority"],
};

const LABELS: Record<Field, string> = {
  name: "Name",
  q: "Only of the search",
  score: "Score",
  atMost: "At most",
  atLeast: "At least",
  spread: "Differ by",
  share: "Share, %",
  priority: "Priority",
};

/** What sends answers to the queue. */
export function Rules({ rules, wrong, onChange }: Props) {
  const set = (at: number, change: Partial<RuleForm>) =>
    onChange(rules.map((each, i) => (i === at ? { ...each, ...change } : each)));
  return (
    <fieldset className={css.rows}>
      <legend>What sends answers here</legend>
      {rules.map((each, i) => (
        <div key={i} className={css.row}>
          <div className={css.rowHead}>
            <Select
              size="xs"
              aria-label={`Rule ${i + 1}`}
              data={RULES.map(({ value, label }) => ({ value, label }))}
              value={each.kind}
              allowDeselect={false}
              onChange={(kind) => set(i, { kind: kind as RuleKind })}
            />
            <ActionIcon onClick={() => onChange(rules.filter((_, at) => at !== i))} aria-label={`Remove rule ${i + 1}`}>
              <X size={14} />
            </ActionIcon>
          </div>
          <p className="muted">{RULES.find((one) => one.value === each.kind)?.about}</p>
          <div className={css.two}>
            {(["name", ...FIELDS[each.kind]] as Field[]).map((field) => (
              <TextInput
                key={field}
                size="xs"
                label={LABELS[field]}
                value={each[field]}
                error={wrong[`rules.${i}.${field}`]}
                onChange={(event) => set(i, { [field]: event.currentTarget.value })}
                spellCheck={false}
              />
            ))}
          </div>
        </div>
      ))}
      <div>
        <Button
          variant="default"
          size="compact-xs"
          leftSection={<Plus size={12} />}
          onClick={() => onChange([...rules, ruleForm({ name: "", kind: "complaint" })])}
        >
          Add a rule
        </Button>
      </div>
    </fieldset>
  );
}
