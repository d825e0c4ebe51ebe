import { Table2 } from "lucide-react";
import { useState } from "react";
import type { Window } from "@/api/types";
import { AddToDataset } from "@/features/datasets/AddToDataset";
import { WriteButton } from "@/ui/WriteButton";

interface Props {
  project: string;
  q: string;
  window: Window;
}

const MOST = 50;

/** Makes cases of what the search finds: so many, chosen as one says. */
export function AddFound({ project, q, window }: Props) {
  const [asked, setAsked] = useState<{ q: string; start: number; end: number } | null>(null);
  return (
    <>
      <WriteButton
        needs="dataset:write"
        variant="subtle"
        size="compact-xs"
        leftSection={<Table2 size={12} />}
        onClick={() => setAsked({ q, start: Math.floor(window.start), end: Math.ceil(window.end) })}
      >
        Add these to a dataset…
      </WriteButton>
      {asked && (
        <AddToDataset
          project={project}
          from={{
            kind: "traces",
            asked: { ...asked, limit: MOST },
            told: `Up to ${MOST} of the calls ${q ? `that “${q}” finds` : "in this time"} become cases; those that are cases already stay as they are.`,
          }}
          onClose={() => setAsked(null)}
        />
      )}
    </>
  );
}
