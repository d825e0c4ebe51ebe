import { useQuery } from "@tanstack/react-query";
import { spanIOQuery } from "@/api/queries";
import type { SpanRow } from "@/api/types";
import { Code } from "@/ui/Copy";
import { Notice } from "@/ui/Notice";
import { Pending } from "@/ui/Pending";
import { NotCaptured } from "./Conversation";
import { prettyJson } from "./parts";
import { Withheld } from "./Withheld";

/** The bytes as they travelled. JSON is indented; a stream stays the events it was. */
export function RawView({ project, span }: { project: string; span: SpanRow }) {
  const io = useQuery(spanIOQuery(project, span.trace_id, span.span_id));
  if (io.isError || !io.data) return <Pending of={io} height={240} />;
  if (io.data.withheld) return <Withheld project={project} traceId={span.trace_id} />;
  if (!io.data.captured) return <NotCaptured project={project} />;
  const params = Object.keys(io.data.params).length > 0 ? JSON.stringify(io.data.params, null, 2) : "";
  return (
    <>
      {io.data.truncated && (
        <Notice tone="warn">The content was too long to keep in full; what is shown ends early.</Notice>
      )}
      <Block title="Request" text={io.data.raw_request} />
      <Block title={span.stream ? "Response, as streamed" : "Response"} text={io.data.raw_response} />
      {params && <Block title="Parameters" text={params} />}
    </>
  );
}

function Block({ title, text }: { title: string; text: string | null }) {
  return (
    <section>
      <h2 style={{ fontSize: 13, fontWeight: 600, marginBottom: 6 }}>{title}</h2>
      {text === null || text === "" ? (
        <p className="muted">Not kept: it was too large, or nothing was sent.</p>
      ) : (
        <Code text={prettyJson(text)} wrap maxHeight={520} label={`Copy: ${title.toLowerCase()}`} />
      )}
    </section>
  );
}
