/** What stands around every page: the login, the session, the project; and what the parts of the map are written with. */

import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { ApiProblem } from "@/api/client";
import { currencyQuery } from "@/api/money";
import { meQuery } from "@/api/queries";
import { NotFound, PageFailure } from "@/features/frame/Failure";
import { Frame } from "@/features/frame/Frame";
import { lastProject } from "@/features/frame/lastProject";
import { ProjectPages } from "@/features/frame/ProjectPages";
import { LoginPage } from "@/features/login/LoginPage";
import { part } from "@/lib/away";
import { heldIn } from "@/lib/role";

interface Context {
  queries: QueryClient;
}

export type Raw = Record<string, unknown>;

/** The named parts of the query, as text; whatever else is in an address is not ours. */
export function fields<K extends string>(raw: Raw, ...keys: K[]): { [key in K]?: string } {
  const out: { [key in K]?: string } = {};
  for (const key of keys) {
    const value = raw[key];
    if (typeof value === "string" && value !== "") out[key] = value;
  }
  return out;
}
export const RANGE = ["range", "start", "end"] as const;

/** A page's own part of the console, which is loaded when somebody goes there. */
export function page<T extends Record<string, unknown>, K extends keyof T>(load: () => Promise<T>, name: K) {
  return lazyRouteComponent(() => part(load), name);
}

export const root = createRootRouteWithContext<Context>()({ component: Outlet, notFoundComponent: NotFound });

export const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  component: LoginPage,
  // Whoever signs in next may be somebody else.
  beforeLoad: ({ context }) => context.queries.removeQueries({ queryKey: ["me"] }),
  validateSearch: (raw: Raw) => fields(raw, "token", "next", "problem"),
});

/** Everything below needs a session; without one the way leads through the login page and back. */
export const inside = createRoute({
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

export const home = createRoute({
  getParentRoute: () => inside,
  path: "/",
  beforeLoad: ({ context }) => {
    throw redirect({ to: "/p/$project/overview", params: { project: lastProject(context.me.projects) } });
  },
});

export const projectRoute = createRoute({
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

export const projectHome = createRoute({
  getParentRoute: () => projectRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/p/$project/overview", params });
  },
});
