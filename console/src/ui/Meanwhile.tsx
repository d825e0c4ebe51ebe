import { Button } from "@mantine/core";
import { useEffect, useRef } from "react";
import { asProblem } from "@/api/client";
import type { Difference, Meant } from "./conflict";
import css from "./meanwhile.module.css";
import { Notice, ProblemNotice } from "./Notice";
import { WhatChanged } from "./WhatChanged";

interface Props {
  /** The server's refusal: who changed it, and when. */
  problem: unknown;
  differences: readonly Difference[];
  /** Goes on with what is there now and the form's own changes on top. */
  onMerge: () => void;
  /** Goes on with what is there now. */
  onTake: () => void;
}

interface RefusedProps {
  problem: unknown;
  /** What it means to this form, where it is about what somebody else did. */
  meant: Meant | "gone" | undefined;
}

/** Why nothing was saved, and the ways on; in sight, however long the form is, also once it is known what was changed. */
export function Refused({ problem, meant }: RefusedProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const told = box.current;
    if (!problem || !told) return;
    const growing = new ResizeObserver(() => told.scrollIntoView({ block: "nearest" }));
    growing.observe(told);
    return () => growing.disconnect();
  }, [problem]);
  if (!problem) return null;
  return (
    <div ref={box}>
      <Why problem={problem} meant={meant} />
    </div>
  );
}

function Why({ problem, meant }: RefusedProps) {
  if (meant === undefined) return <ProblemNotice error={problem} />;
  if (meant !== "gone") {
    return <Meanwhile problem={problem} differences={meant.differences} onMerge={meant.merge} onTake={meant.take} />;
  }
  const { meanwhile } = asProblem(problem);
  return (
    <Notice tone="bad" title={asProblem(problem).message}>
      {meanwhile && <WhatChanged meanwhile={meanwhile} />}
      <p>
        Nothing of yours was saved. What you wrote stays here until you close this: take it along, and make a new one
        with it where it is still wanted.
      </p>
    </Notice>
  );
}

/** Somebody else saved while this form was open: what they changed, and the two ways on. */
export function Meanwhile({ problem, differences, onMerge, onTake }: Props) {
  const { meanwhile } = asProblem(problem);
  return (
    <Notice tone="bad" title={asProblem(problem).message}>
      {differences.length > 0 ? (
        <table className={css.table} aria-label="What was changed meanwhile">
          <thead>
            <tr>
              <th scope="col">field</th>
              <th scope="col">was</th>
              <th scope="col">is now</th>
              <th scope="col">yours</th>
            </tr>
          </thead>
          <tbody>
            {differences.map((each) => (
              <tr key={each.field}>
                <th scope="row">{each.field}</th>
                <td>{each.was}</td>
                <td>{each.is}</td>
                <td>{each.yours ?? ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p>Nothing that this form shows is another: it may be a secret, or what only the API sets.</p>
      )}
      {meanwhile && (
        <details open={differences.length === 0}>
          <summary>Who changed what</summary>
          <WhatChanged meanwhile={meanwhile} />
        </details>
      )}
      <p>Nothing of yours was saved yet.</p>
      <div className={css.ways}>
        <Button size="xs" onClick={onMerge}>
          Put my changes on top
        </Button>
        <Button size="xs" variant="default" onClick={onTake}>
          Drop mine
        </Button>
      </div>
    </Notice>
  );
}
