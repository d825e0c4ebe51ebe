import { ActionIcon, Button, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Maximize2, X } from "lucide-react";
import { traceQuery } from "@/api/queries";
import { Conversation } from "@/features/trace/Conversation";
import { entrySpan } from "@/features/trace/entry";
import { Verdict } from "@/features/trace/Verdict";
import { Pending } from "@/ui/Pending";
import css from "./traces.module.css";

interface Props {
  project: string;
  traceId: string;
  onClose: () => void;
  onOpen: () => void;
}

/** One call beside the list: its verdict and its words. The list stays where it is. */
export function Peek({ project, traceId, onClose, onOpen }: Props) {
  const trace = useQuery(traceQuery(project, traceId));
  const entry = trace.data ? entrySpan(trace.data) : undefined;
  return (
    <aside className={css.peekPane} aria-label="The selected call" data-testid="peek">
      <div style={{ display: "flex", gap: 6, alignItems: "center", padding: "10px 12px 0 16px" }}>
        <strong className="ellipsis" style={{ flex: 1 }}>
          {entry?.name ?? "Call"}
        </strong>
        <Button variant="default" onClick={onOpen} leftSection={<Maximize2 size={13} />}>
          Open
        </Button>
        <Tooltip label="Close (Esc)">
          <ActionIcon onClick={onClose} aria-label="Close the peek">
            <X size={16} />
          </ActionIcon>
        </Tooltip>
      </div>
      <div style={{ overflowY: "auto", padding: "8px 16px 24px", display: "grid", gap: 16, alignContent: "start" }}>
        <Pending of={trace} height={120} />
        {trace.data && entry && (
          <>
            <Verdict trace={trace.data} compact />
            <Conversation project={project} trace={trace.data} span={entry} />
          </>
        )}
      </div>
    </aside>
  );
}
