/** The project last looked at in this browser, for addresses that name none. */
const KEY = "trimtab.project";

export function lastProject(visible: string[]): string {
  const last = localStorage.getItem(KEY);
  if (last && (visible.includes(last) || visible.length === 0)) return last;
  return visible.includes("default") ? "default" : (visible[0] ?? "default");
}

export function rememberProject(slug: string) {
  localStorage.setItem(KEY, slug);
}
