import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleStop, HelpCircle, Play, RotateCcw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { asProblem } from "@/api/client";
import type { ExperimentView, ResumeExperiment } from "@/api/evaluationTypes";
import { cancelExperiment, experimentsKey, isRunning, resumeExperiment } from "@/api/experiments";
import { formatInt, plural } from "@/lib/format";
import { formatMoney, formatUsd, parseUsd } from "@/lib/money";
import { Confirm } from "@/ui/Confirm";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import css from "./experiments.module.css";
import { UnpricedWords } from "./Unpriced";

interface Props {
  project: string;
  experiment: ExperimentView;
}

type Asking = "" | "cancel" | "unknown" | "unpriced" | "budget";
/** What the server wants to be asked about before it goes on. */
const REFUSALS: Record<string, Asking> = { unpriced: "unpriced", budget_spent: "budget" };

/** What can be done with a run: stopping it, going on with it, and asking again for what failed. */
export function Acts({ project, experiment }: Props) {
  const [asking, setAsking] = useState<Asking>("");
  const queries = useQueryClient();
  const done = async () => {
    setAsking("");
    await queries.invalidateQueries({ queryKey: experimentsKey(project) });
  };
  const cancel = useMutation({ mutationFn: () => cancelExperiment(project, experiment.id), onSuccess: done });
  const resume = useMutation({
    mutationFn: (how: ResumeExperiment) => resumeExperiment(project, experiment.id, how),
    onSuccess: done,
    onError: (error) => setAsking(REFUSALS[asProblem(error).code] ?? asking),
  });
  const wanted = resume.variables ?? {};
  const failed = experiment.failed - experiment.unknown;
  return (
    <div className={css.acts}>
      <Buttons
        experiment={experiment}
        failed={failed}
        busy={resume.isPending && asking === ""}
        onAsk={(what) => {
          resume.reset();
          setAsking(what);
        }}
        onResume={(how) => resume.mutate(how)}
      />
      {resume.isError && asking === "" && <ProblemNotice error={resume.error} />}
      <Confirm
        opened={asking === "cancel"}
        title="Cancel this experiment?"
        action="Cancel it"
        busy={cancel.isPending}
        error={cancel.error}
        onConfirm={() => cancel.mutate()}
        onClose={() => setAsking("")}
      >
        What was answered stays and is not paid again when you resume it. There is no outcome until it is done.
      </Confirm>
      <Confirm
        opened={asking === "unknown"}
        title={`Ask ${plural(experiment.unknown, "unknown call")} again?`}
        action="Ask again"
        busy={resume.isPending}
        error={resume.error}
        onConfirm={() => resume.mutate({ unknown: true })}
        onClose={() => setAsking("")}
      >
        The server died while they were under way: the provider may have answered them, and charged for it. Asked again,
        they may be paid twice.
        {failed > 0 && ` ${plural(failed, "call")} that failed otherwise will be asked again, too.`}
      </Confirm>
      <Confirm
        opened={asking === "unpriced"}
        title="Go on without a known price?"
        action="Go on anyway"
        busy={resume.isPending}
        onConfirm={() => resume.mutate({ ...wanted, allow_unpriced: true })}
        onClose={() => setAsking("")}
      >
        <UnpricedWords error={resume.error} />
      </Confirm>
      {asking === "budget" && (
        <BudgetDialog
          experiment={experiment}
          busy={resume.isPending}
          error={resume.error}
          onRaise={(budget) => resume.mutate({ ...wanted, budget })}
          onClose={() => setAsking("")}
        />
      )}
    </div>
  );
}

interface ButtonsProps {
  experiment: ExperimentView;
  /** Calls that failed for a reason that is known. */
  failed: number;
  busy: boolean;
  onAsk: (what: Asking) => void;
  onResume: (how: ResumeExperiment) => void;
}

function Buttons({ experiment, failed, busy, onAsk, onResume }: ButtonsProps) {
  // What paused within a budget would most likely pause again at once.
  const bounded = experiment.state === "paused" && Boolean(experiment.spec.budget);
  if (isRunning(experiment.state))
    return (
      <WriteButton
        needs="evaluation:write"
        variant="default"
        size="sm"
        leftSection={<CircleStop size={15} />}
        onClick={() => onAsk("cancel")}
      >
        Cancel…
      </WriteButton>
    );
  return (
    <>
      {failed > 0 && (
        <WriteButton
          needs="evaluation:write"
          variant="default"
          size="sm"
          leftSection={<RotateCcw size={15} />}
          onClick={() => onResume({ failed: true })}
        >
          Ask {formatInt(failed)} failed again
        </WriteButton>
      )}
      {experiment.unknown > 0 && (
        <WriteButton
          needs="evaluation:write"
          variant="default"
          size="sm"
          leftSection={<HelpCircle size={15} />}
          onClick={() => onAsk("unknown")}
        >
          Ask {formatInt(experiment.unknown)} unknown again…
        </WriteButton>
      )}
      {experiment.state !== "done" && (
        <WriteButton
          needs="evaluation:write"
          size="sm"
          leftSection={<Play size={15} />}
          loading={busy}
          onClick={() => (bounded ? onAsk("budget") : onResume({}))}
        >
          {bounded ? "Resume…" : "Resume"}
        </WriteButton>
      )}
    </>
  );
}

interface BudgetProps {
  experiment: ExperimentView;
  busy: boolean;
  error: unknown;
  onRaise: (budget: string) => void;
  onClose: () => void;
}

function BudgetDialog({ experiment, busy, error, onRaise, onClose }: BudgetProps) {
  const [budget, setBudget] = useState(experiment.spec.budget ?? "");
  const [tried, setTried] = useState(false);
  const value = parseUsd(budget);
  const wrong = value === null || value <= 0n ? "US dollars, for example 25 or 0.50." : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!wrong) onRaise(budget.trim());
  };
  const left = experiment.cells - experiment.done;
  return (
    <Modal opened onClose={onClose} title={<strong>Go on within which budget?</strong>}>
      <form className={css.ask} onSubmit={submit} noValidate>
        <Notice tone="warn" title={error ? asProblem(error).message : experiment.reason}>
          {formatMoney(experiment.cost)} spent. {plural(left, "answer")} of {formatInt(experiment.cells)}{" "}
          {left === 1 ? "is" : "are"} missing. With a larger budget it goes on where it stopped; nothing that is there
          is paid again.
        </Notice>
        <TextInput
          label="Budget of all that it costs together, US dollars"
          description={experiment.spec.budget && `It was ${formatUsd(experiment.spec.budget)}.`}
          inputMode="decimal"
          value={budget}
          error={tried && wrong}
          onChange={(event) => setBudget(event.currentTarget.value)}
          data-autofocus
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={onClose}>
            Leave it
          </Button>
          <Button type="submit" size="sm" loading={busy}>
            Go on
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
