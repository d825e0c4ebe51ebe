/** The map of the console. The project is in the path; filters, range, selection and views are in the query. */

import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { ApiProblem } from "@/api/client";
import { currencyQuery } from "@/api/money";
import { meQuery } from "@/api/queries";
import { Asking, NotFound, PageFailure } from "@/features/frame/Failure";
import { Frame } from "@/features/frame/Frame";
import { lastProject } from "@/features/frame/lastProject";
import { ProjectPages } from "@/features/frame/ProjectPages";
import { LoginPage } from "@/features/login/LoginPage";
import { part } from "@/lib/away";
import { heldIn } from "@/lib/role";

interface Context {
  queries: QueryClient;
}

type Raw = Record<string, unknown>;

/** The named parts of the query, as text; whatever else is in an address is not ours. */
function fields<K extends string>(raw: Raw, ...keys: K[]): { [key in K]?: string } {
  const out: { [key in K]?: string } = {};
  for (const key of keys) {
    const value = raw[key];
    if (typeof value === "string" && value !== "") out[key] = value;
  }
  return out;
}
const RANGE = ["range", "start", "end"] as const;

/** A page's own part of the console, which is loaded when somebody goes there. */
function page<T extends Record<string, unknown>, K extends keyof T>(load: () => Promise<T>, name: K) {
  return lazyRouteComponent(() => part(load), name);
}

const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: LoginPage,
  // Whoever signs in next may be somebody else.
  beforeLoad: ({ context }) => context.queries.removeQueries({ queryKey: ["me"] }),
  validateSearch: (raw: Raw) => fields(raw, "token", "next", "problem"),
});

/** Everything below needs a session; without one the way leads through the login page and back. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Frame,
  errorComponent: PageFailure,
  beforeLoad: async ({ context, location }) => {
    try {
      return { me: await context.queries.ensureQueryData(meQuery()) };
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) {
        throw redirect({ to: "/login", search: { next: location.href === "/" ? undefined : location.href } });
      }
      throw error;
    }
  },
});

const home = createRoute({
  getParentRoute: () => inside,
  path: "/",
  beforeLoad: ({ context }) => {
    throw redirect({ to: "/p/$project/overview", params: { project: lastProject(context.me.projects) } });
  },
});

const projectRoute = createRoute({
  getParentRoute: () => inside,
  path: "/p/$project",
  component: ProjectPages,
  // Asked once, before the first page is drawn: what it says of money would else change its currency under the eyes. A
  // project that is not there, or a server that is away, is told of by the page itself.
  beforeLoad: async ({ context, params }) => {
    const currency = { ...currencyQuery(params.project), retry: false, staleTime: Number.POSITIVE_INFINITY };
    if (heldIn(context.me, params.project).has("cost:read")) await context.queries.prefetchQuery(currency);
  },
});

const projectHome = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/p/$project/overview", params });
  },
});

const overview = createRoute({
  getParentRoute: () => projectRoute,
  path: "overview",
  component: page(() => import("@/features/overview/OverviewPage"), "OverviewPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "by", "sort"),
});

const traces = createRoute({
  getParentRoute: () => projectRoute,
  path: "traces",
  component: page(() => import("@/features/traces/TracesPage"), "TracesPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "peek", "live", "facets"),
});

const trace = createRoute({
  getParentRoute: () => projectRoute,
  path: "traces/$traceId",
  component: page(() => import("@/features/trace/TracePage"), "TracePage"),
  validateSearch: (raw: Raw) => fields(raw, "span", "view", "nav"),
});

const models = createRoute({
  getParentRoute: () => projectRoute,
  path: "models",
  component: page(() => import("@/features/models/ModelsPage"), "ModelsPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new", "card", "open", "find"),
});

const providers = createRoute({
  getParentRoute: () => projectRoute,
  path: "providers",
  component: page(() => import("@/features/models/ProvidersPage"), "ProvidersPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new", "policy", "all", "tune", "find"),
});

const keys = createRoute({
  getParentRoute: () => projectRoute,
  path: "keys",
  component: page(() => import("@/features/keys/KeysPage"), "KeysPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "show", "q"),
});

const people = createRoute({
  getParentRoute: () => projectRoute,
  path: "people",
  component: page(() => import("@/features/people/PeoplePage"), "PeoplePage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "new", "edit", "find"),
});

const account = createRoute({
  getParentRoute: () => projectRoute,
  path: "account",
  component: page(() => import("@/features/account/AccountPage"), "AccountPage"),
});

const costs = createRoute({
  getParentRoute: () => projectRoute,
  path: "costs",
  component: page(() => import("@/features/costs/CostsPage"), "CostsPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "by", "sort", "energy"),
});

const batches = createRoute({
  getParentRoute: () => projectRoute,
  path: "batches",
  component: page(() => import("@/features/batches/BatchesPage"), "BatchesPage"),
  validateSearch: (raw: Raw) => fields(raw, "state"),
});

const prices = createRoute({
  getParentRoute: () => projectRoute,
  path: "prices",
  component: page(() => import("@/features/prices/PricesPage"), "PricesPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "model", "at", "tier", "job"),
});

const reconciliation = createRoute({
  getParentRoute: () => projectRoute,
  path: "reconciliation",
  component: page(() => import("@/features/costs/ReconciliationPage"), "ReconciliationPage"),
  validateSearch: (raw: Raw) => fields(raw, "provider", "all", "cause", "sort"),
});

const limits = createRoute({
  getParentRoute: () => projectRoute,
  path: "limits",
  component: page(() => import("@/features/limits/LimitsPage"), "LimitsPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new", "find"),
});

const policies = createRoute({
  getParentRoute: () => projectRoute,
  path: "policies",
  component: page(() => import("@/features/policies/PoliciesPage"), "PoliciesPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new"),
});

const routes = createRoute({
  getParentRoute: () => projectRoute,
  path: "routes",
  component: page(() => import("@/features/routes/RoutesPage"), "RoutesPage"),
  validateSearch: (raw: Raw) =>
    fields(raw, "edit", "new", "explain", "replay", "find", "tree", "q", "range", "limit", "at"),
});

const cache = createRoute({
  getParentRoute: () => projectRoute,
  path: "cache",
  component: page(() => import("@/features/cache/CachePage"), "CachePage"),
  validateSearch: (raw: Raw) => fields(raw, "days"),
});

const connect = createRoute({
  getParentRoute: () => projectRoute,
  path: "connect",
  component: page(() => import("@/features/connect/ConnectPage"), "ConnectPage"),
  validateSearch: (raw: Raw) => fields(raw, "model", "with"),
});

const dashboards = createRoute({
  getParentRoute: () => projectRoute,
  path: "dashboards",
  component: page(() => import("@/features/boards/DashboardsPage"), "DashboardsPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "id"),
});

const sessions = createRoute({
  getParentRoute: () => projectRoute,
  path: "sessions",
  component: page(() => import("@/features/sessions/SessionsPage"), "SessionsPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "sort"),
});

const session = createRoute({
  getParentRoute: () => projectRoute,
  path: "sessions/$session",
  component: page(() => import("@/features/sessions/SessionPage"), "SessionPage"),
});

const users = createRoute({
  getParentRoute: () => projectRoute,
  path: "users",
  component: page(() => import("@/features/users/UsersPage"), "UsersPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "sort"),
});

const user = createRoute({
  getParentRoute: () => projectRoute,
  path: "users/$user",
  component: page(() => import("@/features/users/UserPage"), "UserPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE),
});

const errors = createRoute({
  getParentRoute: () => projectRoute,
  path: "errors",
  component: page(() => import("@/features/errors/ErrorsPage"), "ErrorsPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "cause"),
});

const tools = createRoute({
  getParentRoute: () => projectRoute,
  path: "tools",
  component: page(() => import("@/features/tools/ToolsPage"), "ToolsPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "q", "sort"),
});

const compare = createRoute({
  getParentRoute: () => projectRoute,
  path: "compare",
  component: page(() => import("@/features/compare/ComparePage"), "ComparePage"),
  validateSearch: (raw: Raw) => fields(raw, "a", "b", "pair"),
});

const prompts = createRoute({
  getParentRoute: () => projectRoute,
  path: "prompts",
  component: page(() => import("@/features/prompts/PromptsPage"), "PromptsPage"),
  validateSearch: (raw: Raw) => fields(raw, "q", "folder", "label", "archived", "new"),
});

const prompt = createRoute({
  getParentRoute: () => projectRoute,
  path: "prompts/$name",
  component: page(() => import("@/features/prompts/PromptPage"), "PromptPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "ref", "before", "after", "label", "model", "new"),
});

const playground = createRoute({
  getParentRoute: () => projectRoute,
  path: "playground",
  component: page(() => import("@/features/playground/PlaygroundPage"), "PlaygroundPage"),
  validateSearch: (raw: Raw) => fields(raw, "trace", "span", "prompt", "ref", "models", "diff"),
});

const letters = createRoute({
  getParentRoute: () => projectRoute,
  path: "dead-letters",
  component: page(() => import("@/features/letters/LettersPage"), "LettersPage"),
  validateSearch: (raw: Raw) => fields(raw, "show", "cause", "find"),
});

const retention = createRoute({
  getParentRoute: () => projectRoute,
  path: "retention",
  component: page(() => import("@/features/kept/RetentionPage"), "RetentionPage"),
});

const erasures = createRoute({
  getParentRoute: () => projectRoute,
  path: "erasures",
  component: page(() => import("@/features/kept/ErasuresPage"), "ErasuresPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "show"),
});

const data = createRoute({
  getParentRoute: () => projectRoute,
  path: "data",
  component: page(() => import("@/features/data/DataPage"), "DataPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "edit", "new", "show"),
});

const settings = createRoute({
  getParentRoute: () => projectRoute,
  path: "settings",
  component: page(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "events"),
});

const apps = createRoute({
  getParentRoute: () => projectRoute,
  path: "apps",
  component: page(() => import("@/features/apps/AppsPage"), "AppsPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "find"),
});

const app = createRoute({
  getParentRoute: () => projectRoute,
  path: "apps/$app",
  component: page(() => import("@/features/apps/AppPage"), "AppPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "release", "promote", "to", "back"),
});

const release = createRoute({
  getParentRoute: () => projectRoute,
  path: "apps/$app/releases/$release",
  component: page(() => import("@/features/apps/ReleasePage"), "ReleasePage"),
  validateSearch: (raw: Raw) => fields(raw, "against", "promote", "to"),
});

const rollouts = createRoute({
  getParentRoute: () => projectRoute,
  path: "rollouts",
  component: page(() => import("@/features/rollouts/RolloutsPage"), "RolloutsPage"),
  validateSearch: (raw: Raw) => fields(raw, "state", "app", "environment"),
});

const rollout = createRoute({
  getParentRoute: () => projectRoute,
  path: "rollouts/$rollout",
  component: page(() => import("@/features/rollouts/RolloutPage"), "RolloutPage"),
  validateSearch: (raw: Raw) => fields(raw, "act"),
});

const environments = createRoute({
  getParentRoute: () => projectRoute,
  path: "environments",
  component: page(() => import("@/features/environments/EnvironmentsPage"), "EnvironmentsPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new"),
});

const knowledge = createRoute({
  getParentRoute: () => projectRoute,
  path: "knowledge",
  component: page(() => import("@/features/knowledge/KnowledgePage"), "KnowledgePage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "sort"),
});

const corpus = createRoute({
  getParentRoute: () => projectRoute,
  path: "knowledge/$corpus",
  component: page(() => import("@/features/knowledge/CorpusPage"), "CorpusPage"),
  validateSearch: (raw: Raw) =>
    fields(raw, "view", "new", "gone", "document", "q", "mode", "top", "version", "user", "groups"),
});

const guards = createRoute({
  getParentRoute: () => projectRoute,
  path: "guards",
  component: page(() => import("@/features/guards/GuardsPage"), "GuardsPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "new", "archived", "ref", "edit"),
});

const guard = createRoute({
  getParentRoute: () => projectRoute,
  path: "guards/$guard",
  component: page(() => import("@/features/guards/GuardPage"), "GuardPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "days", "edit", "mode", "version", "before"),
});

const redteam = createRoute({
  getParentRoute: () => projectRoute,
  path: "red-team",
  component: page(() => import("@/features/redteam/RedteamPage"), "RedteamPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "a", "b"),
});

const redteamRun = createRoute({
  getParentRoute: () => projectRoute,
  path: "red-team/$experiment",
  component: page(() => import("@/features/redteam/RunPage"), "RunPage"),
});

const compliance = createRoute({
  getParentRoute: () => projectRoute,
  path: "compliance",
  component: page(() => import("@/features/compliance/CompliancePage"), "CompliancePage"),
  validateSearch: (raw: Raw) => fields(raw, "from", "to", "frameworks"),
});

const card = createRoute({
  getParentRoute: () => projectRoute,
  path: "compliance/$kind/$name",
  component: page(() => import("@/features/compliance/CardPage"), "CardPage"),
});

const audit = createRoute({
  getParentRoute: () => projectRoute,
  path: "audit",
  component: page(() => import("@/features/audit/AuditPage"), "AuditPage"),
  validateSearch: (raw: Raw) => fields(raw, "subject", "actor", "action", "range"),
});

const datasets = createRoute({
  getParentRoute: () => projectRoute,
  path: "datasets",
  component: page(() => import("@/features/datasets/DatasetsPage"), "DatasetsPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "sort"),
});

const dataset = createRoute({
  getParentRoute: () => projectRoute,
  path: "datasets/$dataset",
  component: page(() => import("@/features/datasets/DatasetPage"), "DatasetPage"),
  validateSearch: (raw: Raw) =>
    fields(raw, "view", "version", "q", "split", "tag", "case", "edit", "new", "import", "before", "after"),
});

const suites = createRoute({
  getParentRoute: () => projectRoute,
  path: "suites",
  component: page(() => import("@/features/suites/SuitesPage"), "SuitesPage"),
  validateSearch: (raw: Raw) => fields(raw, "new", "archived", "dataset"),
});

const suite = createRoute({
  getParentRoute: () => projectRoute,
  path: "suites/$suite",
  component: page(() => import("@/features/suites/SuitePage"), "SuitePage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "run", "a", "b"),
});

const experiments = createRoute({
  getParentRoute: () => projectRoute,
  path: "experiments",
  component: page(() => import("@/features/experiments/ExperimentsPage"), "ExperimentsPage"),
  validateSearch: (raw: Raw) => fields(raw, "suite"),
});

const experiment = createRoute({
  getParentRoute: () => projectRoute,
  path: "experiments/$experiment",
  component: page(() => import("@/features/experiments/ExperimentPage"), "ExperimentPage"),
  validateSearch: (raw: Raw) => fields(raw, "metric", "cases", "case"),
});

const scorers = createRoute({
  getParentRoute: () => projectRoute,
  path: "scorers",
  component: page(() => import("@/features/scorers/ScorersPage"), "ScorersPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new", "try"),
});

const reviews = createRoute({
  getParentRoute: () => projectRoute,
  path: "review",
  component: page(() => import("@/features/review/QueuesPage"), "QueuesPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "edit", "new", "by", "queue", "archived"),
});

const review = createRoute({
  getParentRoute: () => projectRoute,
  path: "review/$queue",
  component: page(() => import("@/features/review/ReviewPage"), "ReviewPage"),
  validateSearch: (raw: Raw) => fields(raw, "item", "state"),
});

const quality = createRoute({
  getParentRoute: () => projectRoute,
  path: "quality",
  component: page(() => import("@/features/quality/QualityPage"), "QualityPage"),
  validateSearch: (raw: Raw) => fields(raw, ...RANGE, "app", "score", "view", "by", "edit", "new"),
});

const routeTree = root.addChildren([
  login,
  inside.addChildren([
    home,
    projectRoute.addChildren([
      projectHome,
      overview,
      traces,
      trace,
      dashboards,
      sessions,
      session,
      users,
      user,
      errors,
      tools,
      compare,
      prompts,
      prompt,
      playground,
      letters,
      apps,
      app,
      release,
      rollouts,
      rollout,
      environments,
      audit,
      guards,
      guard,
      knowledge,
      corpus,
      redteam,
      redteamRun,
      compliance,
      card,
      datasets,
      dataset,
      suites,
      suite,
      experiments,
      experiment,
      scorers,
      reviews,
      review,
      quality,
      costs,
      batches,
      prices,
      reconciliation,
      limits,
      policies,
      routes,
      cache,
      models,
      providers,
      keys,
      people,
      account,
      connect,
      retention,
      erasures,
      data,
      settings,
    ]),
  ]),
]);

/** Plain `key=value`, so that addresses can be read and written by hand. */
function parseSearch(search: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(search));
}

function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const out = params.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  return out ? `?${out}` : "";
}

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree,
    context: { queries },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: PageFailure,
    defaultPendingComponent: Asking,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
