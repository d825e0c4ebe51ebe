import { Skeleton } from "@mantine/core";
import { ProblemNotice } from "./Notice";

interface Props {
  of: { isError: boolean; isPending: boolean; error: unknown; refetch: () => unknown };
  /** Of the place that is kept for it. */
  height: number;
}

/** What was asked for and is not there: a place for it, or why it did not come, and asking again. */
export function Pending({ of, height }: Props) {
  if (of.isError) return <ProblemNotice error={of.error} retry={() => void of.refetch()} />;
  if (!of.isPending) return null;
  return (
    <div>
      <Skeleton height={height} />
      <span className="sr-only">Not here yet</span>
    </div>
  );
}
