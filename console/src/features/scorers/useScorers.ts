import { useQuery } from "@tanstack/react-query";
import type { JudgeView, ScorerView } from "@/api/evaluationTypes";
import { judgesQuery, scorersQuery } from "@/api/suites";

/** A judge as something that a suite may name: what it was told is its own, so there is nothing to set. */
export function asScorer(judge: JudgeView, kinds: readonly ScorerView[]): ScorerView {
  const kind = kinds.find((each) => each.name === judge.kind);
  return {
    name: judge.scorer,
    version: String(judge.version),
    about: `Your judge, version ${judge.version}, made of ${judge.kind}.`,
    kind: kind?.kind ?? "share",
    better: kind?.better ?? null,
    source: "llm",
    needs: kind?.needs ?? [],
    options: {},
  };
}

/** All that a suite may name: those that come with the server, and the team's judges. */
export function useScorers(project: string) {
  const known = useQuery(scorersQuery(project));
  const judges = useQuery(judgesQuery(project));
  const scorers = [...(judges.data ?? []).map((each) => asScorer(each, known.data ?? [])), ...(known.data ?? [])];
  return {
    scorers,
    error: known.error ?? judges.error,
    refetch: () => void Promise.all([known.refetch(), judges.refetch()]),
  };
}
