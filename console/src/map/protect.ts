/** The pages under “Protect” and what is opened from them. */

import { createRoute } from "@tanstack/react-router";
import { fields, page, projectRoute, type Raw } from "./inside";

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

const policies = createRoute({
  getParentRoute: () => projectRoute,
  path: "policies",
  component: page(() => import("@/features/policies/PoliciesPage"), "PoliciesPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "new"),
});

const audit = createRoute({
  getParentRoute: () => projectRoute,
  path: "audit",
  component: page(() => import("@/features/audit/AuditPage"), "AuditPage"),
  validateSearch: (raw: Raw) => fields(raw, "subject", "actor", "action", "range"),
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

const data = createRoute({
  getParentRoute: () => projectRoute,
  path: "data",
  component: page(() => import("@/features/data/DataPage"), "DataPage"),
  validateSearch: (raw: Raw) => fields(raw, "view", "edit", "new", "show"),
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

export const protect = [
  guards,
  guard,
  redteam,
  redteamRun,
  policies,
  audit,
  compliance,
  card,
  data,
  retention,
  erasures,
] as const;
