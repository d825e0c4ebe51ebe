/** The map of the console. The project is in the path; filters, range, selection and views are in the query. */

import type { QueryClient } from "@tanstack/react-query";
import { createRouter } from "@tanstack/react-router";
import { Asking, PageFailure } from "@/features/frame/Failure";
import { home, inside, login, projectHome, projectRoute, root } from "@/map/inside";
import { measure } from "@/map/measure";
import { protect } from "@/map/protect";
import { run } from "@/map/run";
import { ship } from "@/map/ship";
import { watch } from "@/map/watch";

const routeTree = root.addChildren([
  login,
  inside.addChildren([
    home,
    projectRoute.addChildren([projectHome, ...watch, ...ship, ...measure, ...protect, ...run]),
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
