import type { BatchView } from "@/api/types";
import { formatAgo, plural } from "@/lib/format";

/** By whose count a batch stands in the books. */
const BY: Record<string, string> = {
  told: "by the provider's count",
  estimate: "by the most it can have taken",
  unknown: "without a sum: nobody knows what it took",
};

/** What is known of it, and when more will be: `Booked 2 h ago, by the provider's count`. */
export function knownOf(batch: BatchView, now: number): string {
  if (batch.settled !== null) {
    return `Booked ${formatAgo(batch.settled, now)}, ${BY[batch.settlement] ?? batch.settlement}`;
  }
  if (batch.state !== "open" && batch.state !== "making") return "Over, and being booked";
  const next = batch.next_look === null ? "" : batch.next_look > now ? formatAgo(batch.next_look, now) : "now";
  const said = (word: string) => (next ? `, ${word} ${next}` : "");
  if (batch.failures > 0) return `${plural(batch.failures, "look")} in a row failed${said("asked about again")}`;
  if (batch.state === "making") return `Its provider has not said that it made it${said("looked for there")}`;
  if (batch.looked === null) return `Not asked about yet${said("first")}`;
  return `Asked about ${formatAgo(batch.looked, now)}${said("again")}`;
}
