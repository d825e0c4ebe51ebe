import "@mantine/core/styles.css";
import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import "./styles/tokens.css";
import "./styles/base.css";

import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiProblem } from "@/api/client";
import { mayPass, statusQuery } from "@/api/queries";
import type { ServerStatus } from "@/api/types";
import { askAgain } from "@/lib/away";
import { reloadWhenRebuilt } from "@/lib/rebuilt";
import { makeRouter } from "./router";
import { cssVariables, theme } from "./theme";

let led = "";
const isStatus = (query: { queryKey: readonly unknown[] }) => query.queryKey[0] === statusQuery().queryKey[0];

/** A session that ended while a page was open: log in again and come back to the same address. Who is in the middle of
 * an edit is asked, once (`Unsaved.tsx`), and may stay: what the page asks every few seconds does not ask them again. */
function onFailure(error: unknown) {
  if (!(error instanceof ApiProblem) || error.status !== 401) return;
  const { pathname, href } = router.state.location;
  if (pathname === "/login" || led === href) return;
  led = href;
  void router.navigate({ to: "/login", search: { next: href } });
}

/** Whether the server was away, or its store was, when it was asked last. */
let wasAway = false;

function onSuccess(data: unknown, query: { queryKey: readonly unknown[] }) {
  led = "";
  if (!isStatus(query)) return;
  const whole = (data as ServerStatus).telemetry.state === "ok";
  askAgain(queries, wasAway && whole, Date.now());
  wasAway = !whole;
}

function onQueryFailure(error: unknown, query: { queryKey: readonly unknown[] }) {
  if (isStatus(query)) wasAway = true;
  onFailure(error);
}

/** What was to be changed is not there any more: what is on the screen is read anew. */
function onRefusal(error: unknown) {
  onFailure(error);
  if (error instanceof ApiProblem && error.status === 404) void queries.invalidateQueries();
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: onQueryFailure, onSuccess }),
  mutationCache: new MutationCache({ onError: onRefusal }),
  defaultOptions: {
    queries: {
      // Whether the browser thinks that it is online says nothing of a server on this machine or in this house.
      networkMode: "always",
      refetchOnWindowFocus: false,
      retry: mayPass,
      retryDelay: (attempt) => 600 * 2 ** attempt,
    },
    mutations: { networkMode: "always" },
  },
});
const router = makeRouter(queries);
reloadWhenRebuilt();

const mount = document.getElementById("root");
if (!mount) throw new Error("index.html has no #root");
createRoot(mount).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
