import { useEffect, useRef, useState } from "react";
import { inProject, openStream } from "@/api/client";
import { readEvents } from "@/api/events";
import type { PlaygroundRun } from "@/api/types";
import { type Answer, cutOff, heard, type Told, waiting } from "./run";

const SHOWN_EVERY_MS = 40;

export interface Running {
  answers: Answer[];
  running: boolean;
  /** Why no model was asked. */
  error: unknown;
  start: (body: PlaygroundRun) => void;
  stop: () => void;
}

/** One run at a time. Leaving the page ends it, as stopping does: the calls are cut, and recorded so. */
export function useRun(project: string): Running {
  const [answers, setAnswers] = useState<Answer[]>([]);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);

  const start = async (body: PlaygroundRun) => {
    control.current?.abort();
    const mine = new AbortController();
    control.current = mine;
    setError(null);
    setRunning(true);
    let now = waiting(body.models);
    // Tokens come faster than anybody reads: what came since is shown some times a second.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      if (control.current === mine) setAnswers(now);
    };
    show();
    try {
      const response = await openStream(inProject(project, "playground", "runs"), body, mine.signal);
      if (!response.body) throw new Error("The server sent no stream.");
      for await (const { event, data } of readEvents(response.body)) {
        now = heard(now, { event, data: JSON.parse(data) } as Told);
        timer ??= setTimeout(show, SHOWN_EVERY_MS);
      }
      now = cutOff(now, "lost");
    } catch (failed) {
      now = cutOff(now, mine.signal.aborted ? "stopped" : "lost");
      if (!mine.signal.aborted && control.current === mine) {
        setError(failed);
        if (now.every((each) => each.blocks.length === 0)) now = [];
      }
    }
    clearTimeout(timer);
    show();
    if (control.current === mine) setRunning(false);
  };
  return { answers, running, error, start: (body) => void start(body), stop: () => control.current?.abort() };
}
