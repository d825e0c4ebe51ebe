import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { blameQuery } from "@/api/prompts";
import type { PromptBlame, PromptView } from "@/api/types";
import { formatAgo, formatDateTime } from "@/lib/format";
import { Pending } from "@/ui/Pending";
import css from "./prompts.module.css";

/** Who wrote each line, when, and why. */
export function BlameView({ project, prompt }: { project: string; prompt: PromptView }) {
  const { ref = "latest" } = useSearch({ from: "/inside/p/$project/prompts/$name" });
  const blame = useQuery(blameQuery(project, prompt.name, ref));
  if (blame.isError || !blame.data) return <Pending of={blame} height={300} />;
  return (
    <section className={css.sheet} aria-label={`Who wrote version ${blame.data.version}`} data-testid="blame">
      {blame.data.messages.map((message, i) => (
        <div key={i}>
          <h2>@{message.title}</h2>
          {message.lines.length > 0 && <Lines project={project} blame={blame.data} message={message} />}
        </div>
      ))}
    </section>
  );
}

interface LinesProps {
  project: string;
  blame: PromptBlame;
  message: PromptBlame["messages"][number];
}

function Lines({ project, blame, message }: LinesProps) {
  const now = Date.now();
  const lines = message.lines;
  return (
    <div className={css.blame} role="table" aria-label={`Lines of ${message.title}`}>
      {lines.map((line, i) => {
        const made = blame.versions.find((each) => each.version === line.version);
        const first = line.version !== lines[i - 1]?.version;
        return (
          <div key={i} role="row" data-first={first || undefined}>
            <span role="cell" className={css.by}>
              {first && made && (
                <>
                  <Link
                    to="/p/$project/prompts/$name"
                    params={{ project, name: blame.name }}
                    search={{ view: "diff", before: String(made.parent ?? ""), after: String(made.version) }}
                    title={[formatDateTime(made.created), made.message].filter(Boolean).join(": ")}
                  >
                    v{made.version}
                  </Link>{" "}
                  <span className="ellipsis">
                    {made.author}, {formatAgo(made.created, now)}
                  </span>
                </>
              )}
            </span>
            <span role="cell" className={css.line}>
              {line.text || " "}
            </span>
          </div>
        );
      })}
    </div>
  );
}
