import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { limitEventsQuery, limitsQuery } from "@/api/queries";
import { Empty } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { useLastSeen } from "@/ui/EditDrawer";
import { LongList } from "@/ui/LongList";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { inWords, percentUsed } from "./amounts";
import { Events } from "./Events";
import { LimitCard } from "./LimitCard";
import { LimitEditor } from "./LimitEditor";
import css from "./limits.module.css";

const FIRST = `limits:
  team-budget: {measure: money, bound: 100, window: month}
  per-user: {measure: requests, bound: 60, window: minute, per: [user]}`;

/** "How much is left, how fast does it go, and what happens then?" */
export function LimitsPage() {
  const { project } = useParams({ from: "/inside/p/$project/limits" });
  const search = useSearch({ from: "/inside/p/$project/limits" });
  const navigate = useNavigate({ from: "/p/$project/limits" });
  const { find } = search;
  const limits = useQuery(limitsQuery(project));
  const events = useQuery(limitEventsQuery(project));
  const edited = useLastSeen(
    limits.data?.find((limit) => limit.name === search.edit),
    search.edit,
  );
  // Nearest to its bound first: that is what somebody comes for.
  const nearest = [...(limits.data ?? [])].sort(
    (a, b) => percentUsed(b, b.standings[0]?.used ?? "0") - percentUsed(a, a.standings[0]?.used ?? "0"),
  );
  return (
    <Page
      title="Limits and budgets"
      lead="Bounds on requests, tokens, calls at once and money. Hard ones are never passed, whatever the number of workers."
      actions={
        <WriteButton
          needs="limit:write"
          size="sm"
          leftSection={<Plus size={15} />}
          onClick={() => void navigate({ search: { find, new: "1" } })}
        >
          Add a limit
        </WriteButton>
      }
    >
      <Pending of={limits} height={220} />
      {limits.data?.length === 0 && (
        <Empty title="Nothing is limited yet">
          <p>
            A budget keeps a feature, a key or each user from spending more than you decide. Add one here, or in the
            config file:
          </p>
          <Code text={FIRST} wrap />
        </Empty>
      )}
      <LongList
        rows={nearest}
        noun="limit"
        textOf={(limit) => `${limit.name} ${limit.measure} ${limit.mode} ${inWords(limit)}`}
        words={find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Name, or what it holds for"
      >
        {(rows) => (
          <ul className={css.cards} aria-label="Limits">
            {rows.map((limit) => (
              <LimitCard
                key={limit.name}
                project={project}
                limit={limit}
                events={events.data ?? []}
                onEdit={() => void navigate({ search: { find, edit: limit.name } })}
              />
            ))}
          </ul>
        )}
      </LongList>
      {events.data && events.data.length > 0 && (
        <Events project={project} events={events.data} limits={limits.data ?? []} />
      )}
      {limits.data && (search.new || edited) && (
        <LimitEditor
          key={edited?.name ?? "new"}
          project={project}
          limit={edited}
          onClose={() => void navigate({ search: { find } })}
        />
      )}
    </Page>
  );
}
