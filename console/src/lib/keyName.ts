import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { namedKeysQuery, serverKeysQuery } from "@/api/queries";

/** Keys are told apart by id and known by name; an id that is not of this project's keys stays an id, shortened. Only
 * those of `ids` are asked for: a project may have thousands. */
export function useKeyName(project: string, ids: readonly string[]): (id: string) => string {
  const wanted = [...new Set(ids)].filter(Boolean).sort();
  const found = useQuery(namedKeysQuery(project, wanted));
  const elsewhere = found.data !== undefined && found.data.length < wanted.length;
  const { data: own } = useQuery({ ...serverKeysQuery(), enabled: elsewhere });
  const { data } = found;
  return useCallback(
    (id: string) => [...(data ?? []), ...(own ?? [])].find((key) => key.id === id)?.name || shortId(id),
    [data, own],
  );
}

function shortId(id: string): string {
  return id.length > 18 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}
