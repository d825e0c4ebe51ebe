import { Button, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { FlaskConical } from "lucide-react";
import type { SpanRow } from "@/api/types";
import css from "./trace.module.css";

/** Asks again what the selected span was asked: its messages, tools, parameters and model, to be changed and compared. */
export function PlaygroundButton({ project, span }: { project: string; span: SpanRow }) {
  const asks = span.kind === "llm" || span.request_id !== "";
  const label = (
    <span>
      <span className={css.curlLong}>Open in </span>playground
    </span>
  );
  if (!asks) {
    return (
      <Tooltip label="Only a call of a model can be asked again: select one.">
        <Button
          variant="default"
          leftSection={<FlaskConical size={13} />}
          data-disabled
          aria-disabled="true"
          onClick={(event) => event.preventDefault()}
        >
          {label}
        </Button>
      </Tooltip>
    );
  }
  return (
    <Button
      component={Link}
      to="/p/$project/playground"
      params={{ project } as never}
      search={{ trace: span.trace_id, span: span.span_id } as never}
      variant="default"
      leftSection={<FlaskConical size={13} />}
    >
      {label}
    </Button>
  );
}
