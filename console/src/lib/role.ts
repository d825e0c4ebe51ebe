import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/api/queries";

/** Whether this caller may change things; the server decides, this only spares a refusal. */
export function useMayWrite(): boolean {
  const role = useQuery(meQuery()).data?.role;
  return role === "admin" || role === "editor";
}

export const READ_ONLY = "You are logged in with a read-only key.";
