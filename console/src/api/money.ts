/** What the pages of prices and of providers' bills ask. */

import { queryOptions } from "@tanstack/react-query";
import { get, inProject, withQuery } from "./client";
import { everyPage } from "./queries";
import type { CurrencyView, DatedPriceView, Page, PriceBookView, PriceView, RepricingView } from "./types";

export const pricesQuery = (project: string) =>
  queryOptions({
    queryKey: ["prices", project],
    queryFn: ({ signal }) => everyPage<DatedPriceView>(inProject(project, "prices"), signal),
  });

export const priceBookQuery = (project: string) =>
  queryOptions({
    queryKey: ["price-book", project],
    queryFn: ({ signal }) => get<PriceBookView>(inProject(project, "price-book"), signal),
    staleTime: 60_000,
  });

export const currencyQuery = (project: string) =>
  queryOptions({
    queryKey: ["currency", project],
    queryFn: ({ signal }) => get<CurrencyView>(inProject(project, "currency"), signal),
  });

/** The price of a model at a moment, in a service tier. */
export const priceAtQuery = (project: string, model: string, at: number | undefined, tier: string) =>
  queryOptions({
    queryKey: ["price", project, model, at, tier],
    queryFn: ({ signal }) => get<PriceView>(withQuery(inProject(project, "price"), { model, at, tier }), signal),
    enabled: model !== "",
    retry: false,
  });

/** The newest re-pricings; asked for again while one runs. */
export const repricingsQuery = (project: string) =>
  queryOptions({
    queryKey: ["repricings", project],
    queryFn: async ({ signal }) => (await get<Page<RepricingView>>(inProject(project, "repricings"), signal)).items,
    refetchInterval: (query) => (query.state.data?.some((job) => job.state === "running") ? 1_000 : false),
  });
