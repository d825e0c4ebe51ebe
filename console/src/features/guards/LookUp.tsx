import { Button, Skeleton, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { type FormEvent, useState } from "react";
import { guardWhyQuery } from "@/api/guards";
import { formatDateTime, plural } from "@/lib/format";
import { Panel } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import css from "./guards.module.css";
import { Verdicts } from "./Verdicts";
import { stopper } from "./words";

interface Props {
  project: string;
  reference: string;
  onLook: (reference: string) => void;
}

/** From the reference that a user was given to why the call was stopped. */
export function LookUp({ project, reference, onLook }: Props) {
  const [text, setText] = useState(reference);
  const why = useQuery(guardWhyQuery(project, reference));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === reference) void why.refetch();
    else onLook(text.trim());
  };
  return (
    <>
      <form className={css.search} onSubmit={submit}>
        <TextInput
          label="Reference that the user was given"
          placeholder="req_…"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          spellCheck={false}
          autoComplete="off"
        />
        <Button type="submit" size="sm" leftSection={<Search size={14} />} disabled={text.trim() === ""}>
          Look it up
        </Button>
      </form>
      {reference === "" && (
        <p className="muted">Every refusal carries a reference: the id of the request. Here it leads to the reason.</p>
      )}
      {why.isError && <ProblemNotice error={why.error} retry={() => void why.refetch()} />}
      {reference !== "" && why.isPending && <Skeleton height={140} />}
      {why.data && (
        <Panel>
          <div className={css.body} style={{ gap: 4 }}>
            <div className={css.say}>
              {stopper(why.data.verdicts)
                ? `Stopped by ${stopper(why.data.verdicts)?.guard}`
                : why.data.verdicts.length === 0
                  ? "No guard looked at it"
                  : "No guard stopped it"}
            </div>
            <p className="muted">
              {formatDateTime(why.data.started)}, a call of {why.data.model || "nothing"} ·{" "}
              <Link
                to="/p/$project/traces/$traceId"
                params={{ project, traceId: why.data.trace_id }}
                search={{ view: "guards" }}
              >
                its trace, and what the user was told
              </Link>
              {why.data.held > 0 && ` · its stream was held back by at most ${plural(why.data.held, "token")}`}
            </p>
          </div>
          <Verdicts project={project} lines={why.data.verdicts} />
        </Panel>
      )}
    </>
  );
}
