/** The few lines that make an app, release it and call it. */

interface Place {
  origin: string;
  project: string;
}

export function firstApp(by: "cli" | "api", { origin, project }: Place): string {
  if (by === "cli") {
    return [
      `trimtab apps set support --route fast --prompt support --param temperature=0.2`,
      `trimtab release create support -m "First release"`,
      `trimtab release promote support r1 --in production`,
    ].join("\n");
  }
  const api = `${origin}/api/v1/projects/${project}`;
  const post = (path: string, body: unknown, method = "POST") =>
    `curl -X ${method} ${api}${path} -H "authorization: Bearer $TRIMTAB_KEY" \\\n  -H "content-type: application/json" -d '${JSON.stringify(body)}'`;
  return [
    post("/apps/support", { spec: { route: "fast", prompt: "support" } }, "PUT"),
    post("/apps/support/releases", { message: "First release" }),
    post("/apps/support/environments/production/rollouts", { release: "r1", plan: { kind: "direct" } }),
  ].join("\n\n");
}

/** How a client calls it, wherever it runs. */
export function callApp({ origin, app }: { origin: string; app: string }): string {
  return `curl ${origin}/v1/chat/completions -H "authorization: Bearer $TRIMTAB_KEY" \\
  -H "content-type: application/json" \\
  -d '${JSON.stringify({ model: app, messages: [{ role: "user", content: "Where is my order?" }] })}'`;
}
