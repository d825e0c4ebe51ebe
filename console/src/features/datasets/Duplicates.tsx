import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { duplicatesQuery } from "@/api/datasets";
import type { DatasetView } from "@/api/evaluationTypes";
import { percent } from "@/features/rollouts/words";
import { Empty, Tag } from "@/ui/bits";
import { Pending } from "@/ui/Pending";
import css from "./datasets.module.css";

interface Props {
  project: string;
  dataset: DatasetView;
  onOpen: (id: string) => void;
}

/** Cases that ask the same: they count a question more often than it is asked, and leak from one split to another. */
export function Duplicates({ project, dataset, onOpen }: Props) {
  const found = useQuery({ ...duplicatesQuery(project, dataset.name, "latest"), enabled: dataset.newest > 0 });
  if (dataset.newest === 0) return <Empty title="No case yet">{null}</Empty>;
  if (found.isError || !found.data) return <Pending of={found} height={200} />;
  const { exact, near, says, more } = found.data;
  if (exact.length + near.length === 0)
    return (
      <Empty title="No two cases ask the same">
        <p>{says}</p>
      </Empty>
    );
  const open = (id: string) => (
    <Button key={id} variant="subtle" size="compact-xs" onClick={() => onOpen(id)}>
      {id}
    </Button>
  );
  return (
    <div className={css.changes} data-testid="duplicates">
      <p>
        <strong>{says}</strong>
      </p>
      <p className="muted">
        They count a question more often than it is asked; in two splits they let a measure look better than it is.
      </p>
      {exact.map((ids) => (
        <article key={ids.join(" ")} className={css.change}>
          <div className={css.changeHead}>
            <Tag tone="bad">the same</Tag>
            {ids.map(open)}
          </div>
        </article>
      ))}
      {near.map((pair) => (
        <article key={`${pair.one} ${pair.other}`} className={css.change}>
          <div className={css.changeHead}>
            <Tag tone="warn">{percent(pair.likeness, 2)} alike</Tag>
            {pair.split && <Tag tone="bad">in two splits</Tag>}
            {open(pair.one)}
            {open(pair.other)}
          </div>
          <p className="muted">{pair.text}</p>
        </article>
      ))}
      {more && <p className="muted">There are more; correct these first.</p>}
    </div>
  );
}
