import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { duplicatesQuery } from "@/api/datasets";
import type { DatasetView } from "@/api/evaluationTypes";
import { percent } from "@/features/rollouts/words";
import { plural } from "@/lib/format";
import { Empty, Tag } from "@/ui/bits";
import { ProblemNotice } from "@/ui/Notice";
import css from "./datasets.module.css";
import { inputLine } from "./words";

interface Props {
  project: string;
  dataset: DatasetView;
  onOpen: (id: string) => void;
}

/** Cases that ask the same: they count a question more often than it is asked, and leak from one split to another. */
export function Duplicates({ project, dataset, onOpen }: Props) {
  const found = useQuery({ ...duplicatesQuery(project, dataset.name), enabled: dataset.newest > 0 });
  if (dataset.newest === 0) return <Empty title="No case yet">{null}</Empty>;
  if (found.isError) return <ProblemNotice error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton height={200} />;
  if (found.data.items.length === 0)
    return (
      <Empty title="No two cases ask the same">
        <p>Neither the same text, nor nearly the same.</p>
      </Empty>
    );
  return (
    <div className={css.changes} data-testid="duplicates">
      <p>
        {plural(found.data.items.length, "group")} of cases that ask the same, or nearly. They count one question more
        often than it is asked; in two splits they let a measure look better than it is.
      </p>
      {found.data.items.map((group) => (
        <article key={group.cases.map((each) => each.id).join(" ")} className={css.change}>
          <div className={css.changeHead}>
            <Tag tone={group.similarity === 1 ? "bad" : "warn"}>
              {group.similarity === 1 ? "the same" : `${percent(group.similarity, 2)} alike`}
            </Tag>
            {new Set(group.cases.map((each) => each.split)).size > 1 && <Tag tone="bad">in several splits</Tag>}
          </div>
          {group.cases.map((each) => (
            <div key={each.id} className={css.changeHead}>
              <Button variant="subtle" size="compact-xs" onClick={() => onOpen(each.id)}>
                {each.id}
              </Button>
              {each.split && <Tag>{each.split}</Tag>}
              <span className="ellipsis" style={{ flex: 1 }}>
                {inputLine(each.input)}
              </span>
            </div>
          ))}
        </article>
      ))}
    </div>
  );
}
