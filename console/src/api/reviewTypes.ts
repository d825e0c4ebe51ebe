/** The shapes of queues, items and verdicts of people, from the API's own description. What has a default is left out of
 * specs, in answers as in bodies. */

import type { Lax } from "./evaluationTypes";
import type { components } from "./schema";
import type { JsonObject } from "./types";

type S = components["schemas"];

export type Criterion = Lax<S["Criterion"], "name">;
export type SendRule = Lax<S["SendRule"], "name" | "kind">;
export type RuleKind = SendRule["kind"];
export type HoldRule = Lax<S["HoldRule"], "model">;
export type Holding = Omit<Partial<S["Holding"]>, "rules"> & { rules?: HoldRule[] };
export type QueueSpec = Omit<Partial<S["QueueSpec"]>, "criteria" | "rules" | "holding"> & {
  criteria?: Criterion[];
  rules?: SendRule[];
  holding?: Holding | null;
};
export type QueueView = Omit<S["QueueView"], "spec"> & { spec: QueueSpec };

export type SeenScore = S["SeenScore"];
export type Subject = Omit<S["Subject"], "messages" | "tool_calls"> & {
  messages: JsonObject[];
  tool_calls: JsonObject[];
};
export type VerdictView = Omit<S["VerdictView"], "answers"> & { answers: JsonObject };
export type Decision = VerdictView["decision"];
export type NewVerdict = Omit<Lax<S["NewVerdict"], "decision">, "answers"> & { answers: JsonObject };
/** `mine` is the caller's own verdict; `blind`: what others said is kept from the caller, who has not spoken yet. */
export type ItemView = Omit<S["ItemView"], "subject" | "verdicts" | "mine"> & {
  subject: Subject;
  verdicts: VerdictView[];
  mine: VerdictView | null;
};
/** An assignee is a key's id, or empty for anybody; what is left out stays. */
export type ItemChange = Partial<S["ChangeItem"]>;

export type Rate = S["ReviewRate"];
export type OverrideRow = S["OverrideRow"];
export type Overrides = S["Overrides"];
export type CriterionAgreement = S["CriterionAgreement"];
export type Agreement = S["Agreement"];
