import { Button, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { lastCallsQuery, traceQuery } from "@/api/queries";
import { entrySpan } from "@/features/trace/entry";
import { formatListTime } from "@/lib/format";
import { setOnly } from "@/search/language";
import { Panel } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import css from "./compare.module.css";
import { traceIdIn } from "./traceId";

interface Props {
  project: string;
  /** Whichever of the two the address names. */
  a: string | undefined;
  b: string | undefined;
}

/** "Which two?" Where a trace or both are still to be named. */
export function Wanted({ project, a, b }: Props) {
  const navigate = useNavigate({ from: "/p/$project/compare" });
  const [texts, setTexts] = useState({ a: a ?? "", b: b ?? "" });
  const known = a ?? b;
  const trace = useQuery({ ...traceQuery(project, known ?? ""), enabled: known !== undefined });
  const model = trace.data && entrySpan(trace.data)?.model;
  const q = model ? setOnly("", "model", model) : "";
  const last = useQuery({ ...lastCallsQuery(project, q, 8), enabled: known === undefined || !trace.isPending });
  const others = (last.data ?? []).filter((row) => row.trace_id !== known);
  const ids = { a: traceIdIn(texts.a), b: traceIdIn(texts.b) };
  const field = (side: "a" | "b") => (
    <TextInput
      label={`Trace ${side.toUpperCase()}`}
      placeholder="Its id, or the address of its page"
      value={texts[side]}
      error={texts[side].trim() !== "" && !ids[side] && "A trace id has 32 hexadecimal digits."}
      onChange={(event) => setTexts({ ...texts, [side]: event.currentTarget.value })}
    />
  );
  return (
    <Page title="Compare" lead="Two traces side by side. Which two?">
      {trace.error && <ProblemNotice error={trace.error} />}
      <Panel>
        <form
          className={css.wanted}
          onSubmit={(event) => {
            event.preventDefault();
            if (ids.a && ids.b) void navigate({ search: { a: ids.a, b: ids.b } });
          }}
        >
          {field("a")}
          {field("b")}
          <Button type="submit" disabled={!ids.a || !ids.b}>
            Compare
          </Button>
        </form>
      </Panel>
      {others.length > 0 && (
        <Panel className={css.last}>
          <h2>
            {known ? "With one of" : "One of"} the last calls{model ? ` to ${model}` : ""}
          </h2>
          <ul className={css.choices}>
            {others.map((row) => (
              <li key={row.trace_id}>
                <Link
                  to="/p/$project/compare"
                  params={{ project }}
                  search={a || !b ? { a: a ?? row.trace_id, b: a ? row.trace_id : undefined } : { a: row.trace_id, b }}
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
        </Panel>
      )}
    </Page>
  );
}
