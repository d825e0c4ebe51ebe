/** A prompt that is being begun, on its way from a dialog or the playground to the editor. */

export interface StartedDraft {
  file: string;
  /** What could not be carried over as it was. */
  notes: string[];
}

export const draftKey = (project: string, name: string) => ["prompt-draft", project, name] as const;

export function starter(name: string, folder = ""): string {
  const place = folder.trim() ? `folder: ${folder.trim()}\n` : "";
  return `---
name: ${name}
${place}description: ""
variables:
  question: {type: string, examples: [How do I begin?]}
---
@system
You are helpful, and brief.

@user
{{ question }}
`;
}
