import { Button, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Terminal } from "lucide-react";
import { spanIOQuery } from "@/api/queries";
import type { TraceDetail } from "@/api/types";
import { CopyButton } from "@/ui/Copy";
import { curlOf, frontOf } from "./curl";
import { entrySpan } from "./entry";
import css from "./trace.module.css";

/** The client's own request as a curl command. */
export function CurlButton({ project, trace }: { project: string; trace: TraceDetail }) {
  const entry = entrySpan(trace);
  const io = useQuery({ ...spanIOQuery(project, trace.trace_id, entry?.span_id ?? ""), enabled: entry !== undefined });
  const body = io.data?.raw_request;
  const front = frontOf(io.data?.dialect ?? "");
  if (!body || !front) {
    const why = io.data && !io.data.captured ? "this project keeps content out" : "the request's bytes are not there";
    return (
      <Tooltip label={io.isPending ? "Loading" : `Not possible: ${why}.`}>
        <Button
          variant="default"
          leftSection={<Terminal size={13} />}
          data-disabled
          aria-disabled="true"
          onClick={(e) => e.preventDefault()}
        >
          <CurlLabel />
        </Button>
      </Tooltip>
    );
  }
  return <CopyButton text={() => curlOf(window.location.origin, front, body)} label={<CurlLabel />} />;
}

/** Short on a phone. */
function CurlLabel() {
  return (
    <span>
      <span className={css.curlLong}>Copy as </span>curl
    </span>
  );
}
