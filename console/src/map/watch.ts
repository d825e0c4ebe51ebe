/** The pages under “Watch”, what is opened from them, and two traces side by side. */

import { createRoute } from "@tanstack/react-router";
import { fields, page, projectRoute, RANGE, type Raw } from "./inside";

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

export const watch = [
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
] as const;
