import { asProblem } from "@/api/client";

/** What it means to run within a budget where a price is not known (409 `unpriced`). */
export function UnpricedWords({ error }: { error: unknown }) {
  return (
    <>
      <p>{asProblem(error).message}</p>
      <p className="muted">
        A call without a price counts as the dearest one whose price is known, or as nothing if none is. So the budget
        may be passed without anybody seeing it. To be sure, set the price under Models first.
      </p>
    </>
  );
}
