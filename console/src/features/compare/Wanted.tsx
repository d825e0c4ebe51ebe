import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Panel } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import css from "./compare.module.css";
import { LastCalls, useLastCalls } from "./LastCalls";
import { TraceField } from "./TraceField";
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
  const { model, others, problem } = useLastCalls(project, known);
  const ids = { a: traceIdIn(texts.a), b: traceIdIn(texts.b) };
  return (
    <Page title="Compare" lead="Two traces side by side. Which two?">
      {problem && <ProblemNotice error={problem} />}
      <Panel>
        <form
          className={css.wanted}
          onSubmit={(event) => {
            event.preventDefault();
            if (ids.a && ids.b) void navigate({ search: { a: ids.a, b: ids.b } });
          }}
        >
          <TraceField label="Trace A" value={texts.a} onChange={(text) => setTexts({ ...texts, a: text })} />
          <TraceField label="Trace B" value={texts.b} onChange={(text) => setTexts({ ...texts, b: text })} />
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
          <LastCalls
            project={project}
            rows={others}
            withIt={(id) => (a || !b ? { a: a ?? id, b: a ? id : undefined } : { a: id, b })}
          />
        </Panel>
      )}
    </Page>
  );
}
