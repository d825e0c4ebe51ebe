import { Button, Popover } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import { useState } from "react";
import css from "./compare.module.css";
import { LastCalls, useLastCalls } from "./LastCalls";
import { TraceField } from "./TraceField";
import { traceIdIn } from "./traceId";

/** With which other trace? One whose id is at hand, or one of the last of the same model. */
export function CompareButton({ project, traceId }: { project: string; traceId: string }) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width={340} trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<GitCompareArrows size={13} />}
          onClick={() => setOpened((was) => !was)}
          aria-expanded={opened}
          aria-label="Compare"
          className={css.shrinks}
        >
          Compare
        </Button>
      </Popover.Target>
      <Popover.Dropdown>{opened && <Choice project={project} traceId={traceId} />}</Popover.Dropdown>
    </Popover>
  );
}

function Choice({ project, traceId }: { project: string; traceId: string }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const { model, others } = useLastCalls(project, traceId);
  const id = traceIdIn(text);
  const go = (b: string) =>
    void navigate({ to: "/p/$project/compare", params: { project }, search: { a: traceId, b } });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (id) go(id);
      }}
    >
      <TraceField label="Compare with trace" value={text} onChange={setText} first />
      {others.length > 0 && (
        <>
          <p className={css.hint}>or with one of the last calls{model ? ` to ${model}` : ""}</p>
          <LastCalls project={project} rows={others} withIt={(b) => ({ a: traceId, b })} />
        </>
      )}
    </form>
  );
}
