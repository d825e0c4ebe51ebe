import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { GuardVerdictLine, Stage } from "@/api/guards";
import { formatMs, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import css from "./guards.module.css";
import { ActionIcon } from "./Signs";
import { didWords, foundWords, STAGES, scoreWords, unreadWords, weighed } from "./words";

interface Props {
  project: string;
  lines: readonly GuardVerdictLine[];
  /** Above the first verdict. */
  children?: ReactNode;
}

/** What guards decided about a call, a sentence each: which one, where, what came of it, and why. */
export function Verdicts({ project, lines, children }: Props) {
  const [told, passed] = weighed(lines);
  return (
    <>
      {children}
      {told.length > 0 && (
        <ul className={css.verdicts} aria-label="Verdicts of guards">
          {told.map((line, i) => (
            <VerdictLine key={i} project={project} line={line} />
          ))}
        </ul>
      )}
      {passed.length > 0 && (
        <details className={css.passed} open={told.length === 0}>
          <summary>{plural(passed.length, "guard looked and let it pass", "looks of guards let it pass")}</summary>
          <ul className={css.verdicts} aria-label="What let it pass">
            {passed.map((line, i) => (
              <VerdictLine key={i} project={project} line={line} />
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function VerdictLine({ project, line }: { project: string; line: GuardVerdictLine }) {
  const failed = line.failed !== "";
  const found = foundWords(line.found);
  const unread = unreadWords(line.unread ?? {});
  const figures = [
    !failed && `score ${scoreWords(line.score)}, acts from ${scoreWords(line.threshold)} on`,
    `${line.kind.replaceAll("_", " ")}${line.detector && ` detector ${line.detector}`}`,
    `took ${formatMs(line.took_us / 1000)}`,
    line.cost === null ? "cost not known" : line.cost !== "0" && formatMoney(line.cost),
  ];
  return (
    <li className={css.verdict}>
      <ActionIcon action={line.action} mode={line.mode} failed={failed} />
      <div className={css.verdictBody}>
        <div className={css.line}>
          <Link to="/p/$project/guards/$guard" params={{ project, guard: line.guard }} search={{}}>
            {line.guard}
          </Link>{" "}
          {failed && "could not tell, and "}
          {didWords(line)} <span className="muted">at the {STAGES[line.stage as Stage]?.label ?? line.stage}</span>
        </div>
        {failed && <div>{line.failed}</div>}
        {line.reason && line.reason !== line.failed && <div>{line.reason}</div>}
        {found && <div>Found: {found}</div>}
        {unread && <div>Not looked at, since it cannot read them: {unread}</div>}
        {line.raised_to && (
          <div>
            It raised the class of the call’s data from {line.raised_from} to {line.raised_to}
            {(line.stage === "output" || line.stage === "tool_arguments") &&
              ", after policies had chosen where it goes"}
            .
          </div>
        )}
        <div className="muted num">
          <Link
            to="/p/$project/guards/$guard"
            params={{ project, guard: line.guard }}
            search={{ view: "versions", version: String(line.version) }}
          >
            version {line.version}
          </Link>
          {" · "}
          {figures.filter(Boolean).join(" · ")}
          {line.label && ` · ${line.label.replaceAll("_", " ")}`}
        </div>
      </div>
    </li>
  );
}
