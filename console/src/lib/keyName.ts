import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { keysQuery } from "@/api/queries";

/** Keys are told apart by id and known by name; an id that is not of this project's keys stays an id, shortened. */
export function useKeyName(project: string): (id: string) => string {
  const { data } = useQuery({ ...keysQuery(project), staleTime: 60_000 });
  return useCallback((id: string) => data?.find((key) => key.id === id)?.name || shortId(id), [data]);
}

function shortId(id: string): string {
  return id.length > 18 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}
