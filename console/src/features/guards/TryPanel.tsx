import { Button, Select, Textarea } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Play } from "lucide-react";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import type { GuardKind, GuardSpec, GuardTried, Stage, TrialStage } from "@/api/guards";
import { formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./guards.module.css";
import { pieces } from "./highlight";
import { ActionIcon } from "./Signs";
import { ACTIONS, STAGES, scoreWords, stagesOf } from "./words";

interface Props {
  project: string;
  spec: GuardSpec;
  kind: GuardKind;
  /** Inside another form: then it is no form of its own. */
  inForm?: boolean;
}

/** One text before one guard: what it would find there, and what it would do. Nothing is kept. */
export function TryPanel({ project, spec, kind, inForm = false }: Props) {
  const stages = stagesOf(spec, kind.stages);
  const [wanted, setStage] = useState<Stage>(stages[0] ?? "input");
  const stage = stages.includes(wanted) ? wanted : (stages[0] ?? "input");
  const [text, setText] = useState("");
  const [system, setSystem] = useState("");
  const [context, setContext] = useState("");
  const run = useMutation({
    mutationFn: (asked: { text: string; stage: Stage }) =>
      post<GuardTried>(inProject(project, "guards", "try"), {
        spec,
        texts: [{ stage: asked.stage, text: asked.text, role: asked.stage === "input" ? "user" : "assistant" }],
        ...(system.trim() && { system }),
        ...(context.trim() && { context: context.split(/\n-{3,}\n/) }),
      }),
  });
  const ask = () => text.trim() && run.mutate({ text, stage });
  const body = (
    <>
      <Select
        label="The text is a"
        data={stages.map((value) => ({ value, label: STAGES[value].label }))}
        value={stage}
        allowDeselect={false}
        onChange={(value) => value && setStage(value as Stage)}
      />
      <Textarea
        label="Text"
        autosize
        minRows={4}
        maxRows={16}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        spellCheck={false}
      />
      <details>
        <summary>What it may judge it by</summary>
        <div className={css.form} style={{ paddingTop: 10 }}>
          <Textarea
            label="System prompt"
            autosize
            minRows={1}
            maxRows={8}
            value={system}
            onChange={(event) => setSystem(event.currentTarget.value)}
          />
          <Textarea
            label="Context"
            description="Texts that an answer should rest on, apart by a line of three dashes."
            autosize
            minRows={1}
            maxRows={8}
            value={context}
            onChange={(event) => setContext(event.currentTarget.value)}
          />
        </div>
      </details>
      <div className={css.foot}>
        {inForm ? (
          <Button variant="default" size="sm" leftSection={<Play size={14} />} loading={run.isPending} onClick={ask}>
            Try it
          </Button>
        ) : (
          <WriteButton
            needs="guard:write"
            size="sm"
            leftSection={<Play size={14} />}
            loading={run.isPending}
            onClick={ask}
          >
            Try it
          </WriteButton>
        )}
      </div>
      {run.isError && <ProblemNotice error={run.error} />}
      {run.data && run.variables && <Result tried={run.data} text={run.variables.text} />}
    </>
  );
  return <div className={css.form}>{body}</div>;
}

function Result({ tried, text }: { tried: GuardTried; text: string }) {
  return (
    <section className={css.result} aria-label="What it says" data-testid="tried">
      <div className={css.big}>It {ACTIONS[tried.action].label}</div>
      {tried.stages.length === 0 && <p className="muted">It did not look: nothing of the text is at its stages.</p>}
      {tried.stages.map((stage) => (
        <StageResult key={stage.stage} told={stage} text={text} />
      ))}
      {tried.texts[0] !== undefined && tried.texts[0] !== text && (
        <div>
          <h3 className={css.heading}>What goes on</h3>
          <pre className={css.text} tabIndex={0} aria-label="What goes on">
            {tried.texts[0]}
          </pre>
        </div>
      )}
    </section>
  );
}

function StageResult({ told, text }: { told: TrialStage; text: string }) {
  if (told.failed)
    return (
      <Notice tone="warn" title="It could not tell">
        {told.failed}
      </Notice>
    );
  const figures = [
    `score ${scoreWords(told.score)}`,
    `acts from ${scoreWords(told.threshold)} on`,
    told.label.replaceAll("_", " "),
    `took ${formatMs(told.took_us / 1000)}`,
    told.cost === null ? "its cost is not known" : told.cost !== "0" && `cost ${formatMoney(told.cost)}`,
  ];
  return (
    <>
      <p style={{ display: "flex", gap: 8, alignItems: "center" }}>
        <ActionIcon action={told.action} mode="enforce" failed={false} />
        <span>{told.reason || "It found nothing."}</span>
      </p>
      <p className="muted num">{figures.filter(Boolean).join(" · ")}</p>
      {told.findings.length > 0 && <Highlighted text={text} told={told} />}
    </>
  );
}

/** The text as text, never as HTML, with what was found marked. */
function Highlighted({ text, told }: { text: string; told: TrialStage }) {
  const mine = told.findings.filter((finding) => finding.text === 0);
  return (
    <pre className={css.text} tabIndex={0} aria-label="What was found">
      {pieces(text, mine).map((piece, i) =>
        piece.kinds.length === 0 ? (
          piece.text
        ) : (
          <mark key={i} title={`${piece.kinds.join(", ")}, ${scoreWords(piece.score)}`}>
            {piece.text}
            <sup>{piece.kinds.map((kind) => kind.replaceAll("_", " ")).join(", ")}</sup>
          </mark>
        ),
      )}
    </pre>
  );
}
