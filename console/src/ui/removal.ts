import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { asProblem, del } from "@/api/client";

interface Removal<Thing> {
  /** Where it is, and the revision of it that is shown. */
  at: (thing: Thing) => readonly [path: string, revision?: number];
  /** What was read before and is another once it is gone, or was changed by somebody else. */
  stale: readonly QueryKey[];
  onRemoved?: () => unknown;
}

/**
 * Removes what was seen. Where somebody changed it meanwhile that is refused, and the refusal shows what they did: who
 * then says so again removes it as it is by now, and not something that was changed once more.
 */
export function useRemoval<Thing = void>({ at, stale, onRemoved }: Removal<Thing>) {
  const queries = useQueryClient();
  const [shown, setShown] = useState<number>();
  const renew = () => Promise.all(stale.map((queryKey) => queries.invalidateQueries({ queryKey })));
  const removing = useMutation({
    mutationFn: (thing: Thing) => {
      const [path, revision] = at(thing);
      return del(path, shown ?? revision);
    },
    onError: (error) => {
      setShown(asProblem(error).meanwhile?.revision);
      return renew();
    },
    onSuccess: async () => {
      setShown(undefined);
      await renew();
      await onRemoved?.();
    },
  });
  return {
    mutate: removing.mutate,
    isPending: removing.isPending,
    error: removing.error,
    /** Forgets a refusal: whoever asks again begins with what is shown then. */
    reset: () => {
      setShown(undefined);
      removing.reset();
    },
  };
}
