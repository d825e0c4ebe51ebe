import { Button, Progress } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem, del, requestText } from "@/api/client";
import { deadLettersQuery } from "@/api/seen";
import type { DeadLetterView } from "@/api/types";
import { formatInt, plural } from "@/lib/format";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./letters.module.css";

type Act = "send" | "drop";

const HOW: Record<Act, (id: number) => Promise<unknown>> = {
  send: (id) => requestText("POST", `/system/dead-letters/${id}/replay`, '{"content": null}'),
  drop: (id) => del(`/system/dead-letters/${id}`),
};
const DONE: Record<Act, string> = { send: "sent again", drop: "dropped" };
const AT_A_TIME = 4;
/** Only this letter cannot be taken as it is; the next may. */
const OF_ONE = [400, 409, 413, 422];

interface Run {
  act: Act;
  total: number;
  done: number;
  /** Still there, with the first reason why. */
  kept: number;
  why: string;
  going: boolean;
}

/** What the list shows now, all of it, sent again or dropped: with progress, and an end at any moment. */
export function AllOfThem({ letters }: { letters: readonly DeadLetterView[] }) {
  const [asking, setAsking] = useState<Act | null>(null);
  const [run, setRun] = useState<Run | null>(null);
  const going = useRef(false);
  const queries = useQueryClient();
  const stop = useCallback(() => {
    going.current = false;
  }, []);
  useEffect(() => stop, [stop]);

  const work = async (act: Act) => {
    const waiting = letters.map((letter) => letter.id);
    const now: Run = { act, total: waiting.length, done: 0, kept: 0, why: "", going: true };
    going.current = true;
    setRun({ ...now });
    const one = async () => {
      for (let id = waiting.pop(); id !== undefined && going.current; id = waiting.pop()) {
        try {
          await HOW[act](id);
          now.done += 1;
        } catch (error) {
          const problem = asProblem(error);
          if (problem.status === 404) {
            now.done += 1; // somebody else was quicker
          } else {
            now.kept += 1;
            now.why ||= [problem.message, problem.fix].filter(Boolean).join(" ");
            // A server that takes nothing now is not asked a thousand times more.
            if (!OF_ONE.includes(problem.status)) going.current = false;
          }
        }
        setRun({ ...now });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, one));
    going.current = false;
    setRun({ ...now, going: false });
    await queries.invalidateQueries({ queryKey: deadLettersQuery().queryKey });
  };
  const begin = () => {
    if (asking) void work(asking);
    setAsking(null);
  };
  const many = plural(letters.length, "letter");
  return (
    <div className={css.all}>
      <div className={css.buttons} hidden={letters.length < 2 && !run?.going}>
        <WriteButton
          needs="system:write"
          variant="default"
          why={run?.going ? "Some are on their way." : undefined}
          onClick={() => setAsking("send")}
        >
          Send all {formatInt(letters.length)} again
        </WriteButton>
        <WriteButton
          needs="system:write"
          variant="default"
          color="red"
          why={run?.going ? "Some are on their way." : undefined}
          onClick={() => setAsking("drop")}
        >
          Drop all {formatInt(letters.length)}
        </WriteButton>
        {run?.going && (
          <Button variant="default" onClick={stop}>
            Stop
          </Button>
        )}
      </div>
      {run && <Told run={run} />}
      <Confirm
        opened={asking !== null}
        title={asking === "drop" ? `Drop ${many} for good?` : `Send ${many} again?`}
        action={asking === "drop" ? "Drop them" : "Send them"}
        mild={asking !== "drop"}
        onConfirm={begin}
        onClose={() => setAsking(null)}
      >
        {asking === "drop"
          ? "What they held was acknowledged to whoever sent it, and will be nowhere else."
          : "As they are: mend first what kept them out. What cannot be stored this time either comes back as a new letter. It ends when you leave this page."}
      </Confirm>
    </div>
  );
}

function Told({ run }: { run: Run }) {
  const { act, total, done, kept, why, going } = run;
  const said = `${formatInt(done)} of ${plural(total, "letter")} ${DONE[act]}`;
  return (
    <div role="status" className={css.told}>
      {going && <Progress value={(100 * (done + kept)) / Math.max(1, total)} aria-label={said} />}
      {!going && done === total ? <Notice tone="good" title={`${said}.`} /> : <span className="num">{said}</span>}
      {kept > 0 && (
        <Notice tone="warn" title={`${plural(kept, "letter")} stayed`}>
          {why}
        </Notice>
      )}
    </div>
  );
}
