import { Group, Select, Skeleton, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Sparkles } from "lucide-react";
import { useState } from "react";
import {
  type CaseProposal,
  datasetsKey,
  decideProposals,
  type GeneratedCases,
  generateCases,
  type ProposalDecision,
  proposalsQuery,
} from "@/api/datasets";
import type { Case, DatasetView } from "@/api/evaluationTypes";
import { modelsQuery } from "@/api/queries";
import { formatAgo, plural } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Empty, Panel } from "@/ui/bits";
import { FormDialog } from "@/ui/FormDialog";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { WriteButton } from "@/ui/WriteButton";
import { CaseEditor } from "./CaseEditor";
import { CaseView } from "./CaseView";
import type { ReadCase } from "./caseForm";
import css from "./datasets.module.css";

interface Props {
  project: string;
  dataset: DatasetView;
}

/** What a model proposed, one under the other: nothing of it is a case before a person took it. */
export function Proposals({ project, dataset }: Props) {
  const found = useQuery(proposalsQuery(project, dataset.name));
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [edited, setEdited] = useState<CaseProposal>();
  const [made, setMade] = useState<GeneratedCases>();
  const renew = () => queries.invalidateQueries({ queryKey: datasetsKey(project) });
  const decide = useMutation({
    mutationFn: (decision: ProposalDecision) => decideProposals(project, dataset.name, decision),
    onSettled: renew,
  });
  const open = found.data ?? [];
  const closed = dataset.archived !== null ? "The dataset is archived." : undefined;
  return (
    <>
      <div className={css.proposalBar}>
        <WriteButton
          needs="dataset:write"
          size="xs"
          leftSection={<Sparkles size={13} />}
          why={closed}
          onClick={() => setAsking(true)}
        >
          Let a model propose cases…
        </WriteButton>
        {open.length > 1 && (
          <WriteButton
            needs="dataset:write"
            size="xs"
            variant="default"
            why={closed}
            disabled={decide.isPending}
            onClick={() => decide.mutate({ accept: open.map(({ id }) => ({ id })) })}
          >
            Take all {open.length}
          </WriteButton>
        )}
      </div>
      {made && <Told made={made} />}
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {decide.isError && <ProblemNotice error={decide.error} />}
      {found.isPending && <Skeleton height={200} />}
      {found.data?.length === 0 && <Nothing />}
      <ul className={css.proposals} aria-label="Proposals">
        {open.map((each) => (
          <li key={each.id}>
            <Panel>
              <One
                project={project}
                proposal={each}
                why={closed}
                busy={decide.isPending}
                onDecide={decide.mutate}
                onEdit={() => setEdited(each)}
              />
            </Panel>
          </li>
        ))}
      </ul>
      {asking && (
        <Generate project={project} dataset={dataset.name} onClose={() => setAsking(false)} onMade={setMade} />
      )}
      {edited && (
        <CaseEditor
          project={project}
          dataset={dataset}
          given={edited.case as Case}
          onClose={() => setEdited(undefined)}
          onSaved={() => setEdited(undefined)}
          instead={{
            title: "Take it, changed",
            act: "Take it so",
            run: (one: ReadCase["value"], message: string) =>
              decideProposals(project, dataset.name, { accept: [{ id: edited.id, case: one }], message }),
          }}
        />
      )}
    </>
  );
}

interface OneProps {
  project: string;
  proposal: CaseProposal;
  why: string | undefined;
  busy: boolean;
  onDecide: (decision: ProposalDecision) => void;
  onEdit: () => void;
}

function One({ project, proposal, why, busy, onDecide, onEdit }: OneProps) {
  return (
    <article className={css.proposal}>
      <CaseView project={project} one={proposal.case as Case} />
      <div className={css.proposalFoot}>
        <span className="muted">
          {proposal.model}, asked by {proposal.author_name} {formatAgo(proposal.created, Date.now())}
          {proposal.trace_id && (
            <>
              {" · "}
              <Link to="/p/$project/traces/$traceId" params={{ project, traceId: proposal.trace_id }} search={{}}>
                the call
              </Link>
            </>
          )}
        </span>
        <Group gap="xs">
          <WriteButton
            needs="dataset:write"
            variant="default"
            why={why}
            disabled={busy}
            onClick={() => onDecide({ reject: [proposal.id] })}
          >
            Leave it
          </WriteButton>
          <WriteButton needs="dataset:write" variant="default" why={why} disabled={busy} onClick={onEdit}>
            Change it…
          </WriteButton>
          <WriteButton
            needs="dataset:write"
            why={why}
            disabled={busy}
            onClick={() => onDecide({ accept: [{ id: proposal.id }] })}
          >
            Take it
          </WriteButton>
        </Group>
      </div>
    </article>
  );
}

function Told({ made }: { made: GeneratedCases }) {
  const left = made.left ?? [];
  return (
    <Notice
      tone={made.proposals.length > 0 ? "good" : "warn"}
      title={`${plural(made.proposals.length, "proposal")} in ${plural(made.calls, "call")}, ${
        made.cost === null ? "of unknown price" : `for ${formatMoney(made.cost)}`
      }`}
    >
      {left.length > 0 && (
        <ul className={css.errors}>
          {left.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
    </Notice>
  );
}

interface GenerateProps {
  project: string;
  dataset: string;
  onClose: () => void;
  onMade: (made: GeneratedCases) => void;
}

function Generate({ project, dataset, onClose, onMade }: GenerateProps) {
  const models = useQuery(modelsQuery(project));
  const [model, setModel] = useState("");
  const [about, setAbout] = useState("");
  const [count, setCount] = useState("10");
  const [budget, setBudget] = useState("0.50");
  const queries = useQueryClient();
  const ask = useMutation({
    mutationFn: () => generateCases(project, dataset, { model, about: about.trim(), count: Number(count), budget }),
    onSuccess: async (made) => {
      onMade(made);
      await queries.invalidateQueries({ queryKey: datasetsKey(project) });
      onClose();
    },
  });
  const many = /^\d+$/.test(count) && Number(count) >= 1 && Number(count) <= 20;
  return (
    <FormDialog
      title="Let a model propose cases"
      size={520}
      action="Propose"
      off={!model || !many}
      asking={ask}
      onSubmit={() => ask.mutate()}
      onClose={onClose}
    >
      {models.isError && <ProblemNotice error={models.error} retry={() => void models.refetch()} />}
      <Select
        label="Model"
        description="It sees up to eight cases of this dataset that may be used to tune."
        data={(models.data ?? []).map((each) => each.name)}
        value={model || null}
        searchable
        onChange={(value) => setModel(value ?? "")}
        data-autofocus
      />
      <Textarea
        label="What they should be like"
        autosize
        minRows={3}
        value={about}
        onChange={(event) => setAbout(event.currentTarget.value)}
      />
      <div className={css.two}>
        <TextInput
          label="How many"
          inputMode="numeric"
          value={count}
          error={many ? undefined : "From 1 to 20."}
          onChange={(event) => setCount(event.currentTarget.value)}
        />
        <TextInput
          label="For at most, US dollars"
          inputMode="decimal"
          value={budget}
          onChange={(event) => setBudget(event.currentTarget.value)}
        />
      </div>
    </FormDialog>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing waits for a decision">
      <p>
        A model can propose cases like those that are here. What it says waits on this page until a person takes it,
        changes it or leaves it; what is taken says that a model made it.
      </p>
    </Empty>
  );
}
