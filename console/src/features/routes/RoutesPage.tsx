import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { routesQuery } from "@/api/queries";
import type { RouteView } from "@/api/types";
import { Empty } from "@/ui/bits";
import { Code } from "@/ui/Copy";
import { useLastSeen } from "@/ui/EditDrawer";
import { LongList } from "@/ui/LongList";
import { Page } from "@/ui/Page";
import { Pending } from "@/ui/Pending";
import { WriteButton } from "@/ui/WriteButton";
import { RouteCard } from "./RouteCard";
import { RouteEditor } from "./RouteEditor";

const FIRST = `routes:
  smart:
    tree:
      node: when
      of: [{if: {feature: [bulk]}, use: cheap}]
      otherwise: {node: fallback, of: [fast, cheap]}`;

const wordsOf = (route: RouteView) =>
  [route.name, route.about, ...route.targets.map((target) => target.model)].join(" ");

/** "Where does a call by this name go, why there, and how do these places fare now?" */
export function RoutesPage() {
  const { project } = useParams({ from: "/inside/p/$project/routes" });
  const search = useSearch({ from: "/inside/p/$project/routes" });
  const navigate = useNavigate({ from: "/p/$project/routes" });
  const { find } = search;
  /** What was looked for stays whatever is opened. */
  const show = (what: typeof search) => void navigate({ search: { find, ...what } });
  const routes = useQuery(routesQuery(project));
  const edited = useLastSeen(
    routes.data?.find((route) => route.name === search.edit),
    search.edit,
  );
  return (
    <Page
      title="Routes"
      lead="Names that clients call as a model; each is a tree that decides, call by call, which models are asked in which order."
      actions={
        <WriteButton needs="route:write" size="sm" leftSection={<Plus size={15} />} onClick={() => show({ new: "1" })}>
          Add a route
        </WriteButton>
      }
    >
      <Pending of={routes} height={260} />
      {routes.data?.length === 0 && (
        <Empty title="No route yet">
          <p>
            A model with a fallback needs none. A route does more: shares, conditions, the fastest or cheapest target,
            cheap first with escalation. Add one here, or in the config file:
          </p>
          <Code text={FIRST} wrap />
        </Empty>
      )}
      <LongList
        rows={routes.data}
        noun="route"
        textOf={wordsOf}
        words={find}
        onWords={(find) => void navigate({ search: (was) => ({ ...was, find }), replace: true })}
        placeholder="Name, what it is for, or a model in it"
        kept={(route) => [search.explain, search.replay].includes(route.name)}
      >
        {(rows) =>
          rows.map((route) => (
            <RouteCard
              key={route.name}
              project={project}
              route={route}
              explaining={search.explain === route.name}
              onExplain={(open) => show(open ? { explain: route.name } : {})}
              replay={search.replay === route.name ? search : undefined}
              onReplay={(asked) => show(asked ? { ...asked, replay: route.name } : {})}
              onEdit={(tree) => show({ edit: route.name, tree })}
            />
          ))
        }
      </LongList>
      {routes.data && (search.new || edited) && (
        <RouteEditor
          key={edited?.name ?? "new"}
          project={project}
          route={edited}
          draft={search.tree}
          onReplay={(tree) => show({ replay: edited?.name, tree, at: String(Date.now()) })}
          onClose={() => show({})}
        />
      )}
    </Page>
  );
}
