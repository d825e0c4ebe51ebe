/** Which groups of the navigation a person has folded away: of this browser, as nothing that a link should show. */

const PLACE = "trimtab-nav-folded";

export function readFolded(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return []; // Written by something else, or no storage is to be had: then nothing is folded.
  }
}

export function writeFolded(names: readonly string[]) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(names));
  } catch {
    // No storage is to be had: then it holds for this page only.
  }
}
