import { ActionIcon, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import type { ReactNode } from "react";
import { facetsQuery } from "@/api/queries";
import { RangePicker } from "@/search/RangePicker";
import type { Range, RangeSearch } from "@/search/range";
import { SearchBar } from "@/search/SearchBar";
import { ProblemNotice } from "@/ui/Notice";
import { Page } from "@/ui/Page";
import { SavedViews } from "./SavedViews";
import css from "./searched.module.css";

interface Props {
  project: string;
  /** Which page's saved views are offered. */
  page: "sessions" | "users" | "errors" | "tools";
  title: string;
  lead: string;
  search: { q?: string; sort?: string };
  range: Range;
  /** What is changed in the page's address. */
  onChange: (change: RangeSearch & { q?: string; sort?: string }) => void;
  onRefresh: () => void;
  /** What the page shows, while it is not there yet or cannot be had. */
  asked: { error: unknown; isPending: boolean };
  /** Before the saved views. */
  actions?: ReactNode;
  children: ReactNode;
}

/** A page of what a search finds in a range of time. */
export function SearchedPage(props: Props) {
  const { project, search, range, onChange, onRefresh, asked } = props;
  const q = search.q ?? "";
  const facets = useQuery(facetsQuery(project, q, range.window));
  return (
    <Page
      title={props.title}
      lead={props.lead}
      actions={
        <>
          {props.actions}
          <SavedViews
            project={project}
            page={props.page}
            q={q}
            last={range.preset}
            sort={search.sort ?? ""}
            onApply={(view) => {
              const kept = view.last ? { range: view.last, start: undefined, end: undefined } : {};
              onChange({ q: view.q || undefined, sort: view.sort || undefined, ...kept });
            }}
          />
          <RangePicker range={range} onChange={onChange} />
          <Tooltip label="Refresh">
            <ActionIcon variant="default" size={36} onClick={onRefresh} aria-label="Refresh">
              <RefreshCw size={15} />
            </ActionIcon>
          </Tooltip>
        </>
      }
    >
      <div className={css.search}>
        <SearchBar
          project={project}
          window={range.window}
          q={q}
          onChange={(next) => onChange({ q: next || undefined })}
          facets={facets.data ?? []}
        />
      </div>
      {asked.error ? <ProblemNotice error={asked.error} retry={onRefresh} /> : null}
      {asked.isPending && !asked.error && <Skeleton height={320} />}
      {props.children}
    </Page>
  );
}
