/** One door to the API: JSON in, JSON out, every failure an `ApiProblem` that says what is wrong and how to mend it. */

import { readRows } from "@/lib/longJson";
import type { Meanwhile, Problem } from "./types";

export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fix: string;
  readonly requestId: string;
  readonly param: string | null;
  /** Where the audit log tells what somebody else did, where that is why it was refused. */
  readonly meanwhile: Meanwhile | null;

  constructor(problem: Partial<Problem> & { status: number; detail: string }) {
    super(problem.detail);
    this.name = "ApiProblem";
    this.status = problem.status;
    this.code = problem.code ?? "";
    this.fix = problem.fix ?? "";
    this.requestId = problem.request_id ?? "";
    this.param = problem.param ?? null;
    this.meanwhile = problem.meanwhile ?? null;
  }
}

const CHECK = "Check that `trimtab up` is running and that this machine can reach it";

/** What is read is asked for again (`lib/away.ts`); a change is not, as nobody knows how far it came. */
export function unreachable(method: string): ApiProblem {
  return new ApiProblem({
    status: 0,
    code: "unreachable",
    detail: "The Trimtab server does not answer.",
    fix:
      method === "GET"
        ? `${CHECK}; the page tries again by itself.`
        : `${CHECK}, and try again then: what you typed is still here. It may have been done already.`,
  });
}

/** Turns anything thrown into a problem that can be shown. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ status: 0, detail, code: "console_error" });
}

/** Where the API is, for links; requests go through `request`. */
export const API = "/api/v1";

type Query = Record<string, string | number | null | undefined>;

/** A path with these asked besides; what is empty is left out. The path may ask something already. */
export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") params.set(key, String(value));
  }
  const text = params.toString();
  return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

/** A path below a project; each part is escaped, because model names may hold slashes. */
export function inProject(project: string, ...parts: string[]): string {
  return ["/projects", project, ...parts].map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join("/");
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as Partial<Problem>;
    if (typeof body.detail === "string")
      return new ApiProblem({ ...body, status: response.status, detail: body.detail });
  } catch {
    // Not JSON: a proxy in between may answer with a page of its own; its status is all we can tell.
  }
  return new ApiProblem({
    status: response.status,
    detail: `The server answered ${response.status} ${response.statusText}.`.replace(" .", "."),
    fix: response.status >= 500 ? "Try again; the server's log has the reason." : "",
  });
}

/** Calls `/api/v1` + path. Answers of 204 give `undefined`. */
export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await ask(method, path, body === undefined ? undefined : JSON.stringify(body), signal);
  if (response.status === 204 || response.headers.get("content-length") === "0") return undefined as T;
  return (await response.json()) as T;
}

/** What is answered with thousands of rows in `field`: read as they come, so that the page goes on meanwhile. */
export async function getRows<T>(path: string, field: keyof T & string, signal?: AbortSignal): Promise<T> {
  const response = await ask("GET", path, undefined, signal);
  if (!response.body) return (await response.json()) as T;
  return (await readRows(response.body, field, signal)) as T;
}

/** The same with bodies as the text that travels: for JSON that must not pass through JavaScript's numbers. */
export async function requestText(method: string, path: string, body?: string, signal?: AbortSignal): Promise<string> {
  return (await ask(method, path, body, signal)).text();
}

/** A question that is answered by a stream of events (`api/events.ts` reads it). */
export async function openStream(path: string, body: unknown, signal: AbortSignal): Promise<Response> {
  return ask("POST", path, JSON.stringify(body), signal);
}

/** A file as the body, as it is. */
export async function sendFile<T>(path: string, file: Blob, type: string): Promise<T> {
  return (await (await ask("POST", path, file, undefined, type)).json()) as T;
}

async function ask(
  method: string,
  path: string,
  body: string | Blob | undefined,
  signal?: AbortSignal,
  type = "application/json",
): Promise<Response> {
  // Another site cannot set a header of ours without being asked about it first: the server takes it as proof.
  const headers: Record<string, string> = { accept: "application/json", "trimtab-console": "1" };
  if (body !== undefined) headers["content-type"] = type;
  let response: Response;
  try {
    response = await fetch(`${API}${path}`, {
      method,
      headers,
      credentials: "same-origin",
      body,
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(method);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export const get = <T>(path: string, signal?: AbortSignal) => request<T>("GET", path, undefined, signal);
export const post = <T>(path: string, body?: unknown) => request<T>("POST", path, body ?? {});
export const patch = <T>(path: string, body: unknown) => request<T>("PATCH", path, body);
export const put = <T>(path: string, body: unknown) => request<T>("PUT", path, body);
/** With the `revision` that was seen it is refused (409) where somebody changed it since. What has none is at 0: nobody
 * can have changed it, and the server says why it stays. */
export const del = (path: string, revision?: number) =>
  request<undefined>("DELETE", withQuery(path, { expected_revision: revision || undefined }));
