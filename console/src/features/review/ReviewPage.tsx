import { SegmentedControl, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { itemsQuery, queueQuery, takeNext } from "@/api/review";
import { AddToDataset } from "@/features/datasets/AddToDataset";
import { plural } from "@/lib/format";
import { useMayReview } from "@/lib/role";
import { Empty } from "@/ui/bits";
import { Notice, ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { Desk, type Kept } from "./Desk";
import { ItemList } from "./ItemList";
import css from "./review.module.css";
import { pressing } from "./rubric";

const ROUTE = "/inside/p/$project/review/$queue";
const STATES = [
  { value: "open", label: "Waiting" },
  { value: "done", label: "Done" },
];

/** "Is this answer good, and if not, what should it have been?" One after the other, from the keyboard. */
export function ReviewPage() {
  const { project, queue: name } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/review/$queue" });
  const state = search.state === "done" ? "done" : "open";
  const queue = useQuery(queueQuery(project, name));
  const found = useInfiniteQuery(itemsQuery(project, name, state));
  const loaded = found.data?.pages.flatMap((page) => page.items) ?? [];
  const items = state === "open" ? pressing(loaded) : loaded;
  const ids = items.map((each) => each.id);
  const selected = search.item ?? "";
  const may = useMayReview();
  const patch = (change: Partial<typeof search>, replace = false) =>
    void navigate({ search: (prev) => ({ ...prev, ...change }), replace });
  const [kept, setKept] = useState<Kept>();
  const next = useMutation({
    mutationFn: (_from: string) => takeNext(project, name),
    // Who chose an item while this was asked keeps it: what one works on never changes under one's hands.
    onSuccess: ({ item }, from) =>
      void navigate({
        search: (prev) => ((prev.item ?? "") === from ? { ...prev, item: item?.id } : prev),
        replace: true,
      }),
  });
  const { mutate: take } = next;
  const idle = !selected && state === "open" && ids.length > 0 && may;
  useEffect(() => {
    // Nothing chosen: what is most urgent comes onto the desk, so that work begins with the first key.
    if (idle) take("");
  }, [idle, take]);
  return (
    <Page
      title={name}
      lead={
        <>
          <Link to="/p/$project/review" params={{ project }} search={{}} activeProps={{}}>
            Review
          </Link>
          {queue.data?.spec.description && ` · ${queue.data.spec.description}`}
        </>
      }
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Which items"
          data={STATES}
          value={state}
          onChange={(value) => patch({ state: value === "open" ? undefined : value, item: undefined })}
        />
      }
    >
      {queue.data && queue.data.archived !== null && (
        <Notice tone="warn" title="This queue is archived">
          Nothing is sent to it any more; what waits here may still be worked off.
        </Notice>
      )}
      {queue.isError && <ProblemNotice error={queue.error} retry={() => void queue.refetch()} />}
      {found.isError && <ProblemNotice error={found.error} retry={() => void found.refetch()} />}
      {next.isError && <ProblemNotice error={next.error} />}
      {(queue.isPending || found.isPending) && !queue.isError && !found.isError && <Skeleton height={420} />}
      {queue.data && found.data && items.length === 0 && !selected && <NothingHere open={state === "open"} />}
      {queue.data && found.data && (items.length > 0 || selected) && (
        <div className={css.page}>
          <ItemList
            items={items}
            selected={selected}
            more={Boolean(found.hasNextPage)}
            onMore={() => void found.fetchNextPage()}
            onSelect={(item) => patch({ item }, true)}
            told={plural(items.length, "item")}
          />
          {selected && (
            <Desk
              key={selected}
              project={project}
              queue={queue.data}
              id={selected}
              onMove={(step) => {
                const next = ids[ids.indexOf(selected) + step];
                if (next) patch({ item: next }, true);
              }}
              onDone={() => take(selected)}
              onKeep={setKept}
            />
          )}
        </div>
      )}
      {kept && (
        // Not on the desk: what comes onto that, or leaves it, closes no dialog.
        <AddToDataset project={project} from={{ kind: "review", ...kept }} onClose={() => setKept(undefined)} />
      )}
    </Page>
  );
}

function NothingHere({ open }: { open: boolean }) {
  return (
    <Empty title={open ? "Nothing waits here" : "Nothing was decided yet"}>
      <p>
        {open
          ? "Rules of the queue send answers here: low scores, complaints, guards' verdicts, a random share. “Send to review” on a trace does it by hand."
          : "What people decided is listed here with who said what."}
      </p>
    </Empty>
  );
}
