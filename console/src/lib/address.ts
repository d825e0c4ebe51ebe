/** Where something is sent, and whether a secret that is kept for it may go along: the server decides, and says the same. */

/** The scheme, host and port; empty for what is no address of the web. */
export function originOf(url: string): string {
  const found = URL.canParse(url) ? new URL(url) : null;
  return found && /^https?:$/.test(found.protocol) ? found.origin : "";
}

const BROKERS = /^kafka:\/\/([^/]+)\//;
/** In lower case, with the port that they have if none is said. */
const brokersOf = (list: string): string[] =>
  list
    .toLowerCase()
    .split(",")
    .map((each) => (/:[^\]]*$/.test(each) ? each : `${each}:9092`));
const bare = (path: string): string => path.replace(/\/+$/, "");

/** Another scheme, host or port, or a path that does not lie below; none where one of them is no address yet. */
export function leadsElsewhere(before: string, now: string): boolean {
  const [was, to] = [BROKERS.exec(before)?.[1], BROKERS.exec(now)?.[1]];
  if (was && to) {
    const known = new Set(brokersOf(was));
    return brokersOf(to).some((broker) => !known.has(broker));
  }
  if (!originOf(before) || !originOf(now)) return false;
  const [old, next] = [new URL(before), new URL(now)];
  const below = bare(next.pathname) === bare(old.pathname) || next.pathname.startsWith(`${bare(old.pathname)}/`);
  return old.origin !== next.origin || old.search !== next.search || !below;
}

/** Said of each secret that is kept and would go along. */
export const GIVE_AGAIN = "It was given for the address before, and is not sent to another one: give it again.";
