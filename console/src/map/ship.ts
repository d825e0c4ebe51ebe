/** The pages under “Ship” and what is opened from them. */

import { createRoute } from "@tanstack/react-router";
import { fields, page, projectRoute, type Raw } from "./inside";

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

export const ship = [
  apps,
  app,
  release,
  rollouts,
  rollout,
  environments,
  knowledge,
  corpus,
  prompts,
  prompt,
  playground,
] as const;
