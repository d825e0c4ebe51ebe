/** What an app can be made of, to be offered while one types. */

import { useQuery } from "@tanstack/react-query";
import { guardsQuery } from "@/api/guards";
import { modelsQuery, routesQuery } from "@/api/queries";
import { promptNamesQuery } from "@/api/releases";

export function useRouteNames(project: string): string[] {
  const models = useQuery({ ...modelsQuery(project), staleTime: 30_000 });
  const routes = useQuery({ ...routesQuery(project), staleTime: 30_000 });
  return [...(routes.data ?? []).map((route) => route.name), ...(models.data ?? []).map((model) => model.name)];
}

/** `support`, and `support@production` for each label. */
export function usePromptNames(project: string): string[] {
  const prompts = useQuery(promptNamesQuery(project));
  return (prompts.data ?? []).flatMap(({ name, labels }) => [name, ...labels.map(({ label }) => `${name}@${label}`)]);
}

/** Guards that are in use. */
export function useGuardNames(project: string): string[] {
  const guards = useQuery({ ...guardsQuery(project), staleTime: 30_000 });
  return (guards.data ?? []).map((each) => each.name);
}
