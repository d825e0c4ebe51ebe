/** The id of a trace in what somebody pastes: the id itself, or a page's address that has it. Empty where there is none. */
export function traceIdIn(text: string): string {
  const ids = text.toLowerCase().match(/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/g) ?? [];
  return ids.length === 1 ? ids[0] : "";
}
