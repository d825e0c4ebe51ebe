import { Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type Corpus, corpusQuery } from "@/api/knowledge";
import { formatAgo } from "@/lib/format";
import { Facts } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./knowledge.module.css";
import { type CorpusForm, formOfCorpus, mergeForms } from "./words";

const LABELS: Record<keyof CorpusForm, string> = {
  access: "Only for",
  staleDays: "Stale after, in days",
  owner: "Owner",
  description: "What it is",
};

interface Props {
  project: string;
  base: Corpus;
  mine: CorpusForm;
  /** Go on editing, from what is there now. */
  onGoOn: (base: Corpus, form: CorpusForm) => void;
}

/** Somebody else saved first: what they changed, and to go on with theirs, or with theirs and mine together. */
export function CorpusConflict({ project, base, mine, onGoOn }: Props) {
  const theirs = useQuery({ ...corpusQuery(project, base.name), staleTime: 0, gcTime: 0, refetchOnMount: "always" });
  if (theirs.isLoadingError) return <ProblemNotice error={theirs.error} retry={() => void theirs.refetch()} />;
  if (!theirs.data || theirs.isFetching) return <p className="muted">Looking at theirs…</p>;
  const now = theirs.data;
  const { clashes, both } = mergeForms(formOfCorpus(base), mine, formOfCorpus(now));
  return (
    <section className={css.form} aria-label="Changed by somebody else">
      <Notice tone="warn" title={`Somebody else saved it ${formatAgo(now.updated, Date.now())}.`}>
        {clashes.length === 0 ? "Nothing that differs from yours: save again." : "What they changed:"}
      </Notice>
      <Facts
        rows={clashes.map(({ field, theirs: said, mine: own }) => [
          LABELS[field],
          <span key={field}>
            {said || "nothing"}
            {own !== null && <span className="muted"> (yours: {own || "nothing"})</span>}
          </span>,
        ])}
      />
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={() => onGoOn(now, formOfCorpus(now))}>
          Take theirs
        </Button>
        <Button size="sm" onClick={() => onGoOn(now, both)}>
          Keep my changes over theirs
        </Button>
      </Group>
    </section>
  );
}
