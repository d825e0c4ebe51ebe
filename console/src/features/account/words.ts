/** A person's own sessions, in words. */

import type { OwnSession } from "@/api/identity";

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\//, "Firefox"],
  [/(Headless)?Chrom(e|ium)\//, "Chrome"],
  [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/Linux/, "Linux"],
];

const first = (words: [RegExp, string][], agent: string) => words.find(([pattern]) => pattern.test(agent))?.[1];

/** `Firefox on macOS`; what a browser or program says of itself where we do not know it. */
export function deviceOf(session: Pick<OwnSession, "kind" | "agent">): string {
  if (session.kind === "cli") return "Command line";
  const [browser, system] = [first(BROWSERS, session.agent), first(SYSTEMS, session.agent)];
  if (!browser) return session.agent ? session.agent.slice(0, 60) : "A browser";
  return system ? `${browser} on ${system}` : browser;
}

/** How somebody came in: `with a key and a code`. */
export function methodOf(method: string): string {
  const [how = "", second] = method.split("+");
  const words = how.startsWith("oidc:")
    ? `with ${how.slice(5)}`
    : how === "link"
      ? "with a login link"
      : how === "key"
        ? "with a key"
        : how;
  return second === "totp" ? `${words} and a code` : words;
}

/** When it ends if nothing more comes of it, whichever is first. */
export const endOf = (session: Pick<OwnSession, "expires" | "idle_ends">): number =>
  Math.min(session.expires, session.idle_ends);
