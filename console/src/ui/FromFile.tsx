import { Tag } from "./bits";

const FROM_FILE = "It is declared in the config file; change it there.";

/** Why this cannot be changed here, where that is so: the config file says it. */
export function fixedByFile({ source }: { source: string }): string | undefined {
  return source === "config" ? FROM_FILE : undefined;
}

/** The sign of what the config file declares. */
export function FromFile({ thing }: { thing: { source: string } }) {
  return fixedByFile(thing) ? <Tag title={FROM_FILE}>config file</Tag> : null;
}
