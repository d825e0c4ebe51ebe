import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { keysQuery, serverKeysQuery } from "@/api/queries";

/** Keys are told apart by id and known by name; an id that is not of this project's keys stays an id, shortened. */
export function useKeyName(project: string): (id: string) => string {
  const { data } = useQuery({ ...keysQuery(project), staleTime: 60_000 });
  const { data: own } = useQuery(serverKeysQuery());
  return useCallback(
    (id: string) => [...(data ?? []), ...(own ?? [])].find((key) => key.id === id)?.name || shortId(id),
    [data, own],
  );
}

function shortId(id: string): string {
  return id.length > 18 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}
