/**
 * JavaScript's numbers hold whole numbers up to 2^53 - 1 exactly; JSON has larger ones, which reading it rounds in
 * silence. What has been rounded, or may have been, is found here, so that it is refused and never saved as another.
 */

/** The first such number in a value, as it reads by now; undefined where there is none. */
export function roundedIn(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const each of Object.values(value)) {
    const found = roundedIn(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Why a value cannot be saved from here. */
export function tooLarge(value: number): string {
  return `The whole number ${value} is beyond 2^53 and cannot be kept exactly here. Write it as text in quotes, or save this from the command line or the API.`;
}
