import { useQuery } from "@tanstack/react-query";
import { spanIOQuery } from "@/api/queries";
import type { SpanRow } from "@/api/types";
import { messageText } from "@/features/trace/parts";
import { ProblemNotice } from "@/ui/Notice";
import css from "./guards.module.css";

/** What the user got in place of an answer. */
export function Told({ project, span }: { project: string; span: SpanRow }) {
  const io = useQuery(spanIOQuery(project, span.trace_id, span.span_id));
  if (io.isError) return <ProblemNotice error={io.error} />;
  if (!io.data) return <p className="muted">What the user was told is on its way…</p>;
  const last = io.data.output.at(-1);
  const words = last ? messageText(last) : "";
  if (!io.data.captured) return <p className="muted">What the user was told was not kept: content is kept out here.</p>;
  if (!words)
    return <p className="muted">The user was told in an error: {span.error_message || "see the raw view"}.</p>;
  return (
    <div>
      <p className="muted">The user was told:</p>
      <blockquote className={css.told}>{words}</blockquote>
    </div>
  );
}
