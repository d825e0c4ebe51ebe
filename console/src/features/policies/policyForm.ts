import type { PolicyDetail } from "@/api/policies";

export interface PolicyForm {
  name: string;
  text: string;
  otherwise: "allow" | "deny";
  /** JSON, as it is typed. */
  tests: string;
  note: string;
}

export const FIRST_TEXT = `@id("personal-stays")
@reason("Personal data stays in the EU.")
forbid(principal, action == Action::"call_model", resource)
when { context.data_class == "personal" }
unless { resource.local || resource.region like "eu-*" };
`;

export const FIRST_TESTS = JSON.stringify(
  [
    {
      name: "personal data does not go to the US",
      expect: "deny",
      action: "call_model",
      resource: { region: "us-east-1" },
      context: { data_class: "personal" },
    },
  ],
  null,
  2,
);

/** Of the version in force, else the newest; a first example for a new set. */
export function formOf(detail: PolicyDetail | undefined): PolicyForm {
  if (!detail) return { name: "", text: FIRST_TEXT, otherwise: "allow", tests: FIRST_TESTS, note: "" };
  const number = detail.set.in_force ?? detail.set.newest;
  const shown = detail.versions.find((version) => version.number === number) ?? detail.versions[0];
  return {
    name: detail.set.name,
    text: shown?.text ?? "",
    otherwise: shown?.otherwise ?? "allow",
    tests: shown && shown.tests.length > 0 ? JSON.stringify(shown.tests.map(bare), null, 2) : "",
    note: "",
  };
}

/** The tests as the API takes them; undefined for what is no list. Nothing typed is no tests. */
export function jsonOf(text: string): unknown[] | undefined {
  if (text.trim() === "") return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A test without what it does not say: the API answers with every field. */
export function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value)
    .map(([name, each]) => [name, bare(each)] as const)
    .filter(([, each]) => !isNothing(each));
  return Object.fromEntries(kept);
}

function isNothing(value: unknown): boolean {
  if (value === "" || value === null || value === undefined || value === false || value === 0) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}
