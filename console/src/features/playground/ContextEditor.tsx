import { ActionIcon, Button, NativeSelect, Textarea } from "@mantine/core";
import { Plus, Trash2 } from "lucide-react";
import { type Draft, type DraftMessage, plainMessage, ROLES, type Wrong } from "./draft";
import css from "./playground.module.css";

interface Props {
  draft: Draft;
  wrong: Wrong;
  onChange: (draft: Draft) => void;
  /** The messages come after those of a prompt. */
  after: boolean;
}

const MORE: { name: "parameters" | "tools" | "schema" | "variables"; label: string; about: string }[] = [
  { name: "parameters", label: "Parameters", about: 'e.g. {"temperature": 0.2, "max_tokens": 500}' },
  { name: "tools", label: "Tools", about: "A list, as OpenAI's chat has them." },
  { name: "schema", label: "Output schema", about: "The JSON schema that the answer must have." },
  { name: "variables", label: "Variables of an app", about: "For apps; a prompt's own have fields of their own." },
];

/** Messages, and all that goes with them. */
export function ContextEditor({ draft, wrong, onChange, after }: Props) {
  const change = (id: number, next: Partial<DraftMessage>) =>
    onChange({ ...draft, messages: draft.messages.map((each) => (each.id === id ? { ...each, ...next } : each)) });
  const add = () => {
    const role = draft.messages.at(-1)?.role === "user" ? "assistant" : "user";
    onChange({ ...draft, messages: [...draft.messages, plainMessage(role)] });
  };
  return (
    <>
      <ol className={css.messages} aria-label={after ? "Messages after the prompt's" : "Messages"}>
        {draft.messages.map((message, i) => (
          <Message
            key={message.id}
            message={message}
            place={i + 1}
            error={wrong[`message ${i + 1}`]}
            onChange={(next) => change(message.id, next)}
            onRemove={() => onChange({ ...draft, messages: draft.messages.filter((each) => each !== message) })}
          />
        ))}
      </ol>
      <div>
        <Button variant="default" leftSection={<Plus size={14} />} onClick={add}>
          {after && draft.messages.length === 0 ? "Add a message after the prompt's" : "Add a message"}
        </Button>
      </div>
      {MORE.map(({ name, label, about }) => (
        <details key={name} className={css.more} open={draft[name] !== "" || wrong[name] !== undefined || undefined}>
          <summary>
            {label} {draft[name] === "" && <span className="muted">none</span>}
          </summary>
          <Textarea
            aria-label={label}
            description={about}
            autosize
            minRows={2}
            maxRows={10}
            classNames={{ input: "mono" }}
            spellCheck={false}
            value={draft[name]}
            error={wrong[name]}
            onChange={(event) => onChange({ ...draft, [name]: event.currentTarget.value })}
          />
        </details>
      ))}
    </>
  );
}

interface MessageProps {
  message: DraftMessage;
  place: number;
  error: string | undefined;
  onChange: (next: Partial<DraftMessage>) => void;
  onRemove: () => void;
}

function Message({ message, place, error, onChange, onRemove }: MessageProps) {
  return (
    <li className={css.message}>
      <div className={css.messageHead}>
        {message.plain ? (
          <NativeSelect
            size="xs"
            aria-label={`Role of message ${place}`}
            data={[...ROLES]}
            value={message.role}
            onChange={(event) => onChange({ role: event.currentTarget.value })}
          />
        ) : (
          <span>
            <strong>{message.role}</strong> <span className="muted">as JSON: it is more than text</span>
          </span>
        )}
        <ActionIcon size="sm" aria-label={`Remove message ${place}`} onClick={onRemove}>
          <Trash2 size={14} />
        </ActionIcon>
      </div>
      <Textarea
        aria-label={`Message ${place}, ${message.role}`}
        autosize
        minRows={2}
        maxRows={18}
        classNames={message.plain ? undefined : { input: "mono" }}
        value={message.text}
        error={error}
        onChange={(event) => onChange({ text: event.currentTarget.value })}
      />
    </li>
  );
}
