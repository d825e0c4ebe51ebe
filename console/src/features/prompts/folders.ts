/** The folders of prompts as a tree that a list beside them can show. */

import type { PromptView } from "@/api/types";

export interface Folder {
  path: string;
  name: string;
  depth: number;
  /** Prompts in it and in what is in it. */
  count: number;
}

/** Every folder once, parents before what is in them. */
export function foldersOf(prompts: Pick<PromptView, "folder">[]): Folder[] {
  const counts = new Map<string, number>();
  for (const { folder } of prompts) {
    const parts = folder ? folder.split("/") : [];
    for (let depth = 1; depth <= parts.length; depth++) {
      const path = parts.slice(0, depth).join("/");
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return [...counts.keys()]
    .sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))
    .map((path) => {
      const parts = path.split("/");
      return { path, name: parts.at(-1) ?? path, depth: parts.length - 1, count: counts.get(path) ?? 0 };
    });
}

export const isIn = (prompt: Pick<PromptView, "folder">, folder: string): boolean =>
  folder === "" || prompt.folder === folder || prompt.folder.startsWith(`${folder}/`);

/** Labels in use, with how many prompts have each. */
export function labelsOf(prompts: Pick<PromptView, "labels">[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { labels } of prompts) for (const { label } of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts.entries()].sort(([a], [b]) => a.localeCompare(b));
}
