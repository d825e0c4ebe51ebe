import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { spanIOQuery } from "@/api/queries";
import type { MessageView, SpanIO, SpanRow, TraceDetail } from "@/api/types";
import { plural } from "@/lib/format";
import { CopyIconButton } from "@/ui/Copy";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { AnswerSources } from "./AnswerSources";
import css from "./conversation.module.css";
import { PartView } from "./PartView";
import { messageText } from "./parts";
import { Sources } from "./Sources";
import { lookedUp } from "./sources";
import { Withheld } from "./Withheld";

const FOLD_OVER = 14;
const KEEP_LAST = 6;

interface Props {
  project: string;
  trace: TraceDetail;
  span: SpanRow;
}

/** What was said: the messages as a person reads them. */
export function Conversation({ project, trace, span }: Props) {
  const io = useQuery(spanIOQuery(project, span.trace_id, span.span_id));
  if (io.isError || !io.data) return <Pending of={io} height={160} />;
  if (io.data.withheld) return <Withheld project={project} traceId={span.trace_id} />;
  if (!io.data.captured) return <NotCaptured project={project} />;
  if (lookedUp(io.data)) return <Sources project={project} io={io.data} />;
  return (
    <>
      <Messages key={span.span_id} io={io.data} span={span} />
      <AnswerSources project={project} trace={trace} span={span} />
    </>
  );
}

export function NotCaptured({ project }: { project: string }) {
  return (
    <Notice tone="warn" title="This project keeps content out">
      Numbers are kept, words are not. Turn “Keep the content of calls” on in the{" "}
      <Link to="/p/$project/settings" params={{ project }}>
        project's settings
      </Link>{" "}
      to see the messages of calls made from then on.
    </Notice>
  );
}

function Messages({ io, span }: { io: SpanIO; span: SpanRow }) {
  const [unfolded, setUnfolded] = useState(false);
  const hidden = !unfolded && io.input.length > FOLD_OVER ? io.input.length - KEEP_LAST : 0;
  const shown = hidden > 0 ? [...io.input.slice(0, 1), ...io.input.slice(hidden)] : io.input;
  if (io.input.length === 0 && io.output.length === 0) {
    if (io.note) return <Notice tone="warn">{io.note} The raw view has the bytes.</Notice>;
    return (
      <p className="muted">This span carries no messages. Its numbers are in the details, its bytes in the raw view.</p>
    );
  }
  return (
    <div className={css.list} data-testid="conversation">
      {io.truncated && <Notice tone="warn">The content was too long to keep in full; what is shown ends early.</Notice>}
      {io.note && <Notice tone="warn">{io.note}</Notice>}
      {io.tools.length > 0 && <ToolList tools={io.tools} />}
      {shown.map((message, i) => (
        <div key={i} style={{ display: "contents" }}>
          <Message message={message} />
          {i === 0 && hidden > 1 && (
            <button
              type="button"
              className={css.divider}
              style={{ border: 0, background: "none", cursor: "pointer" }}
              onClick={() => setUnfolded(true)}
            >
              Show {plural(hidden - 1, "earlier message")}
            </button>
          )}
        </div>
      ))}
      {io.output.length > 0 && <div className={css.divider}>answer</div>}
      {io.output.map((message, i) => (
        <Message key={i} message={message} />
      ))}
      {io.output.length === 0 && span.status !== "error" && (
        <div className={css.divider}>{span.status === "running" ? "still answering" : "no answer was kept"}</div>
      )}
    </div>
  );
}

export function Message({ message }: { message: MessageView }) {
  return (
    <article className={css.msg} data-role={message.role} aria-label={`${message.role} message`}>
      <div className={css.msgHead}>
        {message.role}
        {message.name && <span className="muted">{message.name}</span>}
        <span className={css.msgTools}>
          <CopyIconButton text={() => messageText(message)} label="Copy the message" />
        </span>
      </div>
      <div className={css.msgBody}>
        {message.parts.length === 0 && <span className="muted">(empty)</span>}
        {message.parts.map((part, i) => (
          <PartView key={i} part={part} />
        ))}
      </div>
    </article>
  );
}

function ToolList({ tools }: { tools: Record<string, unknown>[] }) {
  return (
    <details className={css.fold}>
      <summary>
        {plural(tools.length, "tool")} on offer: {tools.map((tool) => String(tool.name ?? "?")).join(", ")}
      </summary>
      <pre className={css.callBody}>{JSON.stringify(tools, null, 2)}</pre>
    </details>
  );
}
