import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useAnchor } from "@/lib/hooks";
import { RangePicker } from "@/search/RangePicker";
import { resolveRange } from "@/search/range";
import { Page } from "@/ui/Page";
import { Tabs } from "@/ui/Tabs";
import { Feedback } from "./Feedback";
import { Judges } from "./Judges";
import { OnlineRules } from "./OnlineRules";
import { Trends } from "./Trends";

const ROUTE = "/inside/p/$project/quality";
const VIEWS = [
  { id: "trends", label: "Scores" },
  { id: "feedback", label: "Users' feedback" },
  { id: "judges", label: "Judges" },
  { id: "rules", label: "Rules" },
] as const;

/** "Are answers as good as they were, by whose word, and how sure is that?" */
export function QualityPage() {
  const { project } = useParams({ from: ROUTE });
  const search = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: "/p/$project/quality" });
  const { now, tick } = useAnchor();
  const range = resolveRange({ range: "7d", ...search }, now);
  const view = VIEWS.find((each) => each.id === search.view)?.id ?? "trends";
  const patch = (change: Partial<typeof search>) => void navigate({ search: (prev) => ({ ...prev, ...change }) });
  return (
    <Page
      title="Quality"
      lead="Scores of live answers by release, what users say, and how far judges can be believed."
      actions={
        view !== "judges" &&
        view !== "rules" && (
          <RangePicker
            range={range}
            onChange={(change) => {
              tick();
              patch(change);
            }}
          />
        )
      }
    >
      <Tabs
        label="Views"
        tabs={VIEWS}
        value={view}
        onChange={(id) => patch({ view: id === "trends" ? undefined : id })}
      >
        {view === "trends" && (
          <Trends project={project} window={range.window} app={search.app} score={search.score} onSearch={patch} />
        )}
        {view === "feedback" && (
          <Feedback project={project} window={range.window} by={search.by} onBy={(by) => patch({ by })} />
        )}
        {view === "judges" && <Judges project={project} />}
        {view === "rules" && (
          <OnlineRules project={project} edit={search.edit} isNew={Boolean(search.new)} onSearch={patch} />
        )}
      </Tabs>
    </Page>
  );
}
