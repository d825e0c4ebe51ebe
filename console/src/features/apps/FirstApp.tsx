import { Button, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { Empty } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { firstApp } from "./snippets";

/** What an app is, and the few lines that make the first. */
export function FirstApp({ project, onAdd }: { project: string; onAdd: () => void }) {
  const [by, setBy] = useState<"cli" | "api">("cli");
  return (
    <Empty title="No app yet">
      <p>
        An app is a feature that a model stands behind: its prompt, route, parameters and tools together. A release
        freezes all of it under a number; an environment runs one, and each call says which. Clients call it by its
        name, <code>model="support"</code>, and never change again.
      </p>
      <div style={{ display: "flex", gap: 8, marginBottom: 12, flexWrap: "wrap" }}>
        <Button size="sm" onClick={onAdd}>
          Make an app here
        </Button>
        <SegmentedControl
          size="xs"
          aria-label="Or by"
          data={[
            { value: "cli", label: "Command line" },
            { value: "api", label: "API" },
          ]}
          value={by}
          onChange={(value) => setBy(value as "cli" | "api")}
        />
      </div>
      <Code text={firstApp(by, { origin: window.location.origin, project })} label="Copy" />
    </Empty>
  );
}
