import type { Policy } from "@/api/types";

/** A policy as the server has it by default; for tests. */
export const POLICY: Policy = {
  attempts: 8,
  retries: { connection: 7, timeout: 3, server: 7, rate_limited: 7, broken: 7 },
  backoff_ms: 50,
  max_backoff_ms: 500,
  retry_ratio: 1,
  retry_per_s: 1,
  limit_wait_s: 1,
  deadline_s: null,
  breaker: {
    failures_in_a_row: 10,
    failure_rate: 0.6,
    min_calls: 40,
    window_s: 30,
    open_s: 1,
    max_open_s: 60,
    probes: 2,
  },
  hedge: null,
  concurrency: null,
};
