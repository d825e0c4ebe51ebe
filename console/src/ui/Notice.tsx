import { Button } from "@mantine/core";
import { CircleCheck, OctagonAlert, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { asProblem } from "@/api/client";
import css from "./ui.module.css";
import { WhatChanged } from "./WhatChanged";

const ICONS = { bad: OctagonAlert, warn: TriangleAlert, good: CircleCheck };

interface NoticeProps {
  tone?: "bad" | "warn" | "good";
  title?: ReactNode;
  children?: ReactNode;
}

export function Notice({ tone = "bad", title, children }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div className={css.notice} data-tone={tone} role={tone === "bad" ? "alert" : "status"}>
      <Icon size={17} aria-hidden="true" />
      <div className={css.noticeBody}>
        {title && <div className={css.noticeTitle}>{title}</div>}
        {children}
      </div>
    </div>
  );
}

/** A failure as the server told it: what is wrong, how to mend it, and the id to quote. */
export function ProblemNotice({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = asProblem(error);
  if (problem.status === 401 && problem.code === "missing_api_key") return <SignedOut retry={retry} />;
  return (
    <Notice title={problem.message}>
      {problem.fix && <div>{problem.fix}</div>}
      {problem.meanwhile && <WhatChanged meanwhile={problem.meanwhile} />}
      {(problem.requestId || problem.code) && (
        <div className="muted mono" style={{ marginTop: 4 }}>
          {[problem.code, problem.requestId && `request ${problem.requestId}`].filter(Boolean).join(" · ")}
        </div>
      )}
      {retry && (
        <Button variant="default" mt={8} onClick={retry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

/** The server says how a program presents a key; who sits here had a session. */
function SignedOut({ retry }: { retry?: () => void }) {
  return (
    <Notice tone="warn" title="Your session has ended.">
      <div>
        <a href="/login" target="_blank" rel="noreferrer">
          Sign in in another tab
        </a>
        , and go on here afterwards.
      </div>
      {retry && (
        <Button variant="default" mt={8} onClick={retry}>
          Try again
        </Button>
      )}
    </Notice>
  );
}
