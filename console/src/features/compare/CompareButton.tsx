import { Button, Popover, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import { useState } from "react";
import { lastCallsQuery, traceQuery } from "@/api/queries";
import { entrySpan } from "@/features/trace/entry";
import { formatListTime } from "@/lib/format";
import { setOnly } from "@/search/language";
import css from "./compare.module.css";
import { traceIdIn } from "./traceId";

/** With which other trace? One whose id is at hand, or one of the last of the same model. */
export function CompareButton({ project, traceId }: { project: string; traceId: string }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={340} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<GitCompareArrows size={13} />}
          onClick={() => setOpened((was) => !was)}
          aria-expanded={opened}
          aria-label="Compare"
          className={css.shrinks}
        >
          Compare
        </Button>
      </Popover.Target>
      <Popover.Dropdown>{opened && <Choice project={project} traceId={traceId} />}</Popover.Dropdown>
    </Popover>
  );
}

function Choice({ project, traceId }: { project: string; traceId: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const trace = useQuery(traceQuery(project, traceId));
  const entry = trace.data && entrySpan(trace.data);
  const q = entry?.model ? setOnly("", "model", entry.model) : "";
  const last = useQuery({ ...lastCallsQuery(project, q, 8), enabled: entry !== undefined });
  const id = traceIdIn(text);
  const others = (last.data ?? []).filter((row) => row.trace_id !== traceId);
  const go = (b: string) =>
    void navigate({ to: "/p/$project/compare", params: { project }, search: { a: traceId, b } });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (id) go(id);
      }}
    >
      <TextInput
        label="Compare with trace"
        placeholder="Its id, or the address of its page"
        value={text}
        error={text.trim() !== "" && !id && "A trace id has 32 hexadecimal digits."}
        onChange={(event) => setText(event.currentTarget.value)}
        data-autofocus
      />
      {others.length > 0 && (
        <>
          <p className={css.hint}>or with one of the last calls{entry?.model ? ` to ${entry.model}` : ""}</p>
          <ul className={css.choices}>
            {others.map((row) => (
              <li key={row.trace_id}>
                <Link
                  to="/p/$project/compare"
                  params={{ project }}
                  search={{ a: traceId, b: row.trace_id }}
                  className={css.choice}
                >
                  <span className="num muted">{formatListTime(row.started, Date.now())}</span>
                  <span className="ellipsis" dir="auto">
                    {row.input_preview || row.name}
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
    </form>
  );
}
