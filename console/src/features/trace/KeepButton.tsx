import { Button, Menu } from "@mantine/core";
import { Table2, UserCheck } from "lucide-react";
import { useState } from "react";
import type { SpanRow } from "@/api/types";
import { AddToDataset } from "@/features/datasets/AddToDataset";
import { SendToReview } from "@/features/review/SendToReview";
import { lacking, useMay } from "@/lib/role";

/** What one does with an answer that matters: it becomes a case, or a person looks at it. */
export function KeepButton({ project, span }: { project: string; span: SpanRow }) {
  const [open, setOpen] = useState<"dataset" | "review" | null>(null);
  const may = { dataset: useMay("dataset:write"), review: useMay("review:write") };
  const none = !may.dataset && !may.review;
  return (
    <>
      <Menu position="bottom-end" width={210}>
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<Table2 size={13} />}
            disabled={none}
            title={none ? lacking("dataset:write or review:write") : undefined}
          >
            Keep
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<Table2 size={14} />}
            disabled={!may.dataset}
            title={may.dataset ? undefined : lacking("dataset:write")}
            onClick={() => setOpen("dataset")}
          >
            Add to dataset…
          </Menu.Item>
          <Menu.Item
            leftSection={<UserCheck size={14} />}
            disabled={!may.review}
            title={may.review ? undefined : lacking("review:write")}
            onClick={() => setOpen("review")}
          >
            Send to review…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {open === "dataset" && (
        <AddToDataset
          project={project}
          from={{
            kind: "traces",
            asked: { spans: [{ trace_id: span.trace_id, span_id: span.span_id }] },
            told: `What ${span.name || "this call"} was asked becomes a case that remembers its trace, with the texts that retrievers gave.`,
          }}
          onClose={() => setOpen(null)}
        />
      )}
      {open === "review" && <SendToReview project={project} traceIds={[span.trace_id]} onClose={() => setOpen(null)} />}
    </>
  );
}
