/** The pages under “Run”, and two that the menu does not name: the dead letters, and who has read which traces. */

import { createRoute } from "@tanstack/react-router";
import { fields, page, projectRoute, RANGE, type Raw } from "./inside";

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

const cache = createRoute({
  getParentRoute: () => projectRoute,
  path: "cache",
  component: page(() => import("@/features/cache/CachePage"), "CachePage"),
  validateSearch: (raw: Raw) => fields(raw, "days"),
});

const routes = createRoute({
  getParentRoute: () => projectRoute,
  path: "routes",
  component: page(() => import("@/features/routes/RoutesPage"), "RoutesPage"),
  validateSearch: (raw: Raw) =>
    fields(raw, "edit", "new", "explain", "replay", "find", "tree", "q", "range", "limit", "at"),
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

const connect = createRoute({
  getParentRoute: () => projectRoute,
  path: "connect",
  component: page(() => import("@/features/connect/ConnectPage"), "ConnectPage"),
  validateSearch: (raw: Raw) => fields(raw, "model", "with"),
});

const settings = createRoute({
  getParentRoute: () => projectRoute,
  path: "settings",
  component: page(() => import("@/features/settings/SettingsPage"), "SettingsPage"),
  validateSearch: (raw: Raw) => fields(raw, "edit", "events"),
});

const account = createRoute({
  getParentRoute: () => projectRoute,
  path: "account",
  component: page(() => import("@/features/account/AccountPage"), "AccountPage"),
});

const letters = createRoute({
  getParentRoute: () => projectRoute,
  path: "dead-letters",
  component: page(() => import("@/features/letters/LettersPage"), "LettersPage"),
  validateSearch: (raw: Raw) => fields(raw, "show", "cause", "find"),
});

const mapping = createRoute({
  getParentRoute: () => projectRoute,
  path: "mapping",
  component: page(() => import("@/features/mapping/MappingPage"), "MappingPage"),
  validateSearch: (raw: Raw) => fields(raw, "days"),
});

export const run = [
  costs,
  batches,
  prices,
  reconciliation,
  limits,
  cache,
  routes,
  models,
  providers,
  keys,
  people,
  connect,
  settings,
  account,
  letters,
  mapping,
] as const;
