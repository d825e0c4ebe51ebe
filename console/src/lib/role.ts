import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/api/queries";

/** Whether this caller may change things; the server decides, this only spares a refusal. */
export function useMayWrite(): boolean {
  const role = useQuery(meQuery()).data?.role;
  return role === "admin" || role === "editor";
}

/** Reviewers work queues, and nothing else. */
export function useMayReview(): boolean {
  const role = useQuery(meQuery()).data?.role;
  return role === "admin" || role === "editor" || role === "reviewer";
}

export const READ_ONLY = "You are logged in with a read-only key.";

/** Whether the key may do without what an environment demands: an administrator's, in an emergency. */
export function useMayOverride(): boolean {
  return useQuery(meQuery()).data?.role === "admin";
}
