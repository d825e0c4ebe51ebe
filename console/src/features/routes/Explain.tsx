import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { inProject, post } from "@/api/client";
import type { Explanation, RouteView } from "@/api/types";
import { formatMs } from "@/lib/format";
import { formatMoney } from "@/lib/money";
import { Notice, ProblemNotice } from "@/ui/Notice";
import css from "./routes.module.css";

/** A dry run: what the route would decide for a call like this one now. Nothing is asked and nothing is paid. */
export function Explain({ project, route }: { project: string; route: RouteView }) {
  const [question, setQuestion] = useState("What does a trim tab do?");
  const [headers, setHeaders] = useState("");
  const explain = useMutation({
    mutationFn: () =>
      post<Explanation>(inProject(project, "routes", route.name, "explain"), {
        body: { model: route.name, messages: [{ role: "user", content: question }] },
        headers: headersOf(headers),
      }),
  });
  const said = explain.data;
  return (
    <section className={css.explain} aria-label={`Explain ${route.name}`}>
      <form
        className={css.explainForm}
        onSubmit={(event) => {
          event.preventDefault();
          explain.mutate();
        }}
      >
        <Textarea
          label="A user says"
          autosize
          minRows={2}
          value={question}
          onChange={(event) => setQuestion(event.currentTarget.value)}
        />
        <TextInput
          label="Headers"
          description="name: value; name: value"
          placeholder="trimtab-feature: bulk; trimtab-user: ann"
          value={headers}
          onChange={(event) => setHeaders(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" size="sm" loading={explain.isPending}>
            Decide
          </Button>
        </div>
      </form>
      {explain.isError && <ProblemNotice error={explain.error} />}
      {said && (
        <div className={css.said}>
          {said.trouble && <Notice tone="warn">{said.trouble}</Notice>}
          <ol aria-label="Steps">
            {said.steps.map((step) => (
              <li key={step.node}>
                <code>{step.node}</code> took <strong>{step.took}</strong>: {step.why}
                {step.value !== null && step.value !== undefined && (
                  <span className="num muted"> ({step.value.toPrecision(3)})</span>
                )}
              </li>
            ))}
          </ol>
          <p>
            Would be asked, in this order:{" "}
            {said.candidates.map((candidate, i) => (
              <span key={candidate.node || candidate.model}>
                {i > 0 && ", then "}
                <strong>{candidate.model}</strong>{" "}
                <span className="muted">
                  at {candidate.provider}
                  {candidate.known?.ewma_ms ? `, ${formatMs(candidate.known.ewma_ms)}` : ""}
                  {candidate.known?.expected_cost ? `, about ${formatMoney(candidate.known.expected_cost)}` : ""}
                  {candidate.reason && `: ${candidate.reason}`}
                </span>
              </span>
            ))}
          </p>
          {said.doubts.length > 0 && (
            <p className="muted">
              A whole answer that is {said.doubts.join(" or ")} would be asked again of the stronger.
            </p>
          )}
        </div>
      )}
    </section>
  );
}

function headersOf(text: string): Record<string, string> {
  const pairs = text
    .split(";")
    .map((part) => part.split(":"))
    .filter((pair) => pair.length >= 2)
    .map(([name, ...rest]) => [(name ?? "").trim().toLowerCase(), rest.join(":").trim()]);
  return Object.fromEntries(pairs);
}
