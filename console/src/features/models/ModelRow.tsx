import { Button, Tooltip } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ArrowRight, FlaskConical } from "lucide-react";
import { inProject, post } from "@/api/client";
import { modelsQuery } from "@/api/queries";
import type { ModelView, TestResult } from "@/api/types";
import { formatMs, plural } from "@/lib/format";
import { EditOrDelete } from "@/ui/EditOrDelete";
import { FromFile, fixedByFile } from "@/ui/FromFile";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { HealthSign } from "@/ui/status";
import css from "./models.module.css";

interface Props {
  project: string;
  model: ModelView;
  onEdit: () => void;
}

export function ModelRow({ project, model, onEdit }: Props) {
  const queries = useQueryClient();
  const test = useMutation({
    mutationFn: () => post<TestResult>(inProject(project, "models", model.name, "test")),
    onSettled: () => queries.invalidateQueries({ queryKey: modelsQuery(project).queryKey }),
  });
  const fixed = fixedByFile(model);
  return (
    <li data-model={model.name}>
      <div className={css.row}>
        <div style={{ minWidth: 0 }}>
          <div className={css.name}>
            <span className="ellipsis">{model.name}</span>
            <FromFile thing={model} />
          </div>
          <div className={css.sub}>
            <Link to="/p/$project/traces" params={{ project }} search={{ q: `model:"${model.name}"` }}>
              its calls
            </Link>
            {" · "}
            <Link to="/p/$project/models" params={{ project }} search={(was) => ({ find: was.find, card: model.name })}>
              {model.capabilities === null
                ? "capabilities not known"
                : `shown to do ${plural(model.capabilities.length, "thing")}`}
              <span className="sr-only">, capability card of {model.name}</span>
            </Link>
            {" · "}
            <Link to="/p/$project/compliance/$kind/$name" params={{ project, kind: "models", name: model.name }}>
              its card<span className="sr-only">, {model.name}, for auditors</span>
            </Link>
            {" · "}
            <Link to="/p/$project/prices" params={{ project }} search={{ model: model.name }}>
              its price<span className="sr-only"> of {model.name}, by day and tier</span>
            </Link>
          </div>
        </div>
        <div style={{ minWidth: 0 }}>
          <div className="ellipsis">
            {model.upstream} <span className="muted">at</span>{" "}
            <Link to="/p/$project/providers" params={{ project }}>
              {model.provider}
            </Link>
          </div>
          {model.fallback.length > 0 && (
            <div className={`${css.sub} ${css.chain}`}>
              if it fails
              {model.fallback.map((name) => (
                <span key={name} style={{ display: "inline-flex", alignItems: "center", gap: 4 }}>
                  <ArrowRight size={12} aria-hidden="true" />
                  {name}
                </span>
              ))}
            </div>
          )}
        </div>
        <Price model={model} />
        <div>
          <HealthSign health={model.health} label />
          {model.health === "failing" && model.last_error && (
            <Tooltip label={model.last_error}>
              <div className={`${css.sub} ${css.trouble}`}>{model.last_error}</div>
            </Tooltip>
          )}
        </div>
        <div className={css.actions}>
          <Button
            variant="default"
            leftSection={<FlaskConical size={13} />}
            loading={test.isPending}
            onClick={() => test.mutate()}
          >
            Test
          </Button>
          <EditOrDelete
            thing={model}
            path={inProject(project, "models", model.name)}
            stale={modelsQuery(project).queryKey}
            needs="model:write"
            why={fixed}
            onEdit={onEdit}
          >
            Calls to <strong>{model.name}</strong> will be refused from the moment it is gone. Its provider, and the
            traces of its calls, stay.
          </EditOrDelete>
        </div>
      </div>
      {(test.data || test.isError) && (
        <div className={css.result}>
          {test.isError ? (
            <ProblemNotice error={test.error} />
          ) : (
            <TestAnswer project={project} result={test.data as TestResult} />
          )}
        </div>
      )}
    </li>
  );
}

function Price({ model }: { model: ModelView }) {
  const { price } = model;
  if (!price.known) {
    return (
      <Tooltip label={price.note || "Calls are traced with their tokens; their cost is unknown, not zero."}>
        <div>
          <span style={{ color: "var(--warn)", fontWeight: 550 }}>no price known</span>
          <div className={css.sub}>cost stays unknown</div>
        </div>
      </Tooltip>
    );
  }
  const free = Number(price.input) === 0 && Number(price.output) === 0;
  return (
    <Tooltip label={[price.source, price.note].filter(Boolean).join(". ")}>
      <div className="num">
        {free ? "no charge" : `$${price.input} in, $${price.output} out`}
        <div className={css.sub}>{free ? "runs on your machine" : "per million tokens"}</div>
      </div>
    </Tooltip>
  );
}

function TestAnswer({ project, result }: { project: string; result: TestResult }) {
  const trace = result.trace_id && (
    <Link to="/p/$project/traces/$traceId" params={{ project, traceId: result.trace_id }}>
      Open its trace
    </Link>
  );
  if (!result.ok) {
    return (
      <Notice title={result.error || "The test call failed."}>
        <span className="mono muted">{result.error_code}</span> {trace}
      </Notice>
    );
  }
  return (
    <Notice tone="good" title={`${result.model_used || "It"} answered in ${formatMs(result.latency)}`}>
      <div style={{ margin: "2px 0 4px" }}>“{result.text}”</div>
      {trace}
    </Notice>
  );
}
