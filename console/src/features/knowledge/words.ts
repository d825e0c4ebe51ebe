/** How the console says things of corpora. Pure. */

import type { Corpus, CorpusVersion, Freshness, NewDocument } from "@/api/knowledge";
import { formatInt, plural } from "@/lib/format";

export const MODES = [
  { value: "hybrid", label: "By meaning and words" },
  { value: "meaning", label: "By meaning" },
  { value: "words", label: "By words" },
] as const;

/** What can be searched now, in a few words. */
export function searchable(corpus: Corpus): string {
  if (corpus.ready === 0) return corpus.newest === 0 ? "nothing yet" : `version ${corpus.newest} is being built`;
  const newer = corpus.newest > corpus.ready ? `, ${corpus.newest} is being built` : "";
  return `version ${corpus.ready}${newer}`;
}

/** Who may see it: nobody is named where everybody who may search may. */
export function accessWords(access: readonly string[]): string {
  if (access.length === 0) return "everybody who may search";
  return access.join(", ");
}

/** `user:ada, group:legal` as a list; what is no label is told by name. */
export function readAccess(text: string): { access: string[]; wrong: string } {
  const access = text
    .split(/[,\n]/)
    .map((each) => each.trim())
    .filter(Boolean);
  const odd = access.find((each) => each !== "*" && !/^(user|group|role|key):.+/.test(each));
  return { access, wrong: odd ? `“${odd}” is none of user:…, group:…, role:…, key:… or *.` : "" };
}

export function progressOf(version: CorpusVersion): string {
  if (version.state === "ready") return `${plural(version.chunks, "passage")}`;
  if (version.state === "failed") return version.reason || "It could not be built.";
  const done = `${formatInt(version.done)} of ${plural(version.documents, "document")}`;
  return version.reason ? `${done}; it waits: ${version.reason}` : done;
}

export function staleWords(found: Freshness): string {
  if (found.documents === 0) return "There are no documents.";
  if (found.stale === null) return "Documents may be of any age here.";
  if (found.stale === 0) return "No document is older than it may be.";
  return `${formatInt(found.stale)} of ${plural(found.documents, "document")} ${found.stale === 1 ? "is" : "are"} older than ${plural(found.stale_days ?? 0, "day")}.`;
}

/** An id for a text that was pasted: of its title, or of its first words. */
export function idOf(title: string, text: string): string {
  const said = title.trim() || text.trim().split(/\s+/).slice(0, 6).join(" ");
  const made = said
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 80);
  return made || "document";
}

const KINDS: Record<string, NewDocument["kind"]> = {
  md: "markdown",
  markdown: "markdown",
  mdx: "markdown",
  html: "html",
  htm: "html",
};

/** By the end of a file's name; anything else is read as text. */
export function kindOfFile(name: string): NewDocument["kind"] {
  return KINDS[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "text";
}

/** What a corpus says of itself, as fields to fill in. */
export interface CorpusForm {
  description: string;
  owner: string;
  /** As `readAccess` reads it. */
  access: string;
  /** Empty: documents may be of any age. */
  staleDays: string;
}

export const formOfCorpus = (corpus: Corpus): CorpusForm => ({
  description: corpus.description,
  owner: corpus.owner,
  access: corpus.access.join(", "),
  staleDays: corpus.stale_days === null ? "" : String(corpus.stale_days),
});

const MOST_DAYS = 36_500;

/** What is to be put, against the revision that was read, and what is wrong with a field. */
export function putOfCorpus(form: CorpusForm, corpus: Corpus) {
  const { access, wrong: badAccess } = readAccess(form.access);
  const days = form.staleDays.trim();
  const sound = days === "" || (/^\d+$/.test(days) && Number(days) >= 1 && Number(days) <= MOST_DAYS);
  return {
    body: {
      description: form.description.trim(),
      owner: form.owner.trim(),
      access,
      stale_days: Number(days || 0),
      expected_revision: corpus.revision,
    },
    wrong: { access: badAccess, staleDays: sound ? "" : `A whole number of days, from 1 to ${formatInt(MOST_DAYS)}.` },
  };
}

export interface Clash {
  field: keyof CorpusForm;
  theirs: string;
  /** What is in the form; null where it was left as it was read. */
  mine: string | null;
}

/** What somebody else changed since ``base`` was read, beside what was changed here; and both together, where mine wins. */
export function mergeForms(
  base: CorpusForm,
  mine: CorpusForm,
  theirs: CorpusForm,
): { clashes: Clash[]; both: CorpusForm } {
  const both = { ...theirs };
  const clashes: Clash[] = [];
  for (const field of Object.keys(base) as (keyof CorpusForm)[]) {
    const touched = mine[field] !== base[field];
    if (touched) both[field] = mine[field];
    if (theirs[field] !== base[field] && theirs[field] !== mine[field]) {
      clashes.push({ field, theirs: theirs[field], mine: touched ? mine[field] : null });
    }
  }
  return { clashes, both };
}
