import { describe, expect, it } from "vitest";
import type { ForwardView } from "@/api/types";
import { check, formOf, madeSecret, newForwardOf, pairsOf, patchOf, testWords } from "./forwardForm";

const DOTS = "••••••••";
const KEPT: ForwardView = {
  name: "pager",
  kind: "webhook",
  url: "https://hooks.example.com/trimtab",
  content: "previews",
  filter: "status:error",
  sample: 0.07,
  quiet_s: 10,
  root_wait_s: 120,
  enabled: true,
  headers: { authorization: DOTS },
  secret_hint: "f00d",
  options: {},
  source: "catalog",
  standing: "well",
  problem: "",
  delivered: 0,
  failed: 0,
  passed_over: 0,
  retrying: 0,
  failed_now: 0,
  lag: 0,
  tries: 0,
  next_try: null,
  last_delivered: null,
  revision: 3,
};
const LAKE: ForwardView = { ...KEPT, name: "lake", kind: "kafka", url: "kafka://b:9092/t", headers: {} };

describe("a destination as a form", () => {
  it("sends of what is there only what was changed, and no secret that was left alone", () => {
    const form = formOf(KEPT);
    expect(form).toMatchObject({ share: "7", secret: "", headers: `authorization: ${DOTS}` });
    expect(check(form, KEPT)).toEqual({});
    expect(patchOf(form, form)).toEqual({});
    expect(patchOf({ ...form, share: "12.5", enabled: false }, form)).toEqual({ sample: 0.125, enabled: false });
    expect(patchOf({ ...form, secret: " another secret of 16 " }, form)).toEqual({ secret: "another secret of 16" });
    const more = { ...form, headers: `authorization: ${DOTS}\nx-team: a:b` };
    expect(check(more, KEPT)).toEqual({});
    expect(patchOf(more, form)).toEqual({ headers: { authorization: DOTS, "x-team": "a:b" } });
    expect(patchOf({ ...form, headers: "" }, form)).toEqual({ headers: {} });
  });

  it("makes a new one of each kind with what that has, and nothing of another kind", () => {
    const typed = {
      ...formOf(undefined),
      name: " a ",
      url: " https://x.example/ ",
      headers: "x-a: 1",
      options: "sasl.username: t",
      secret: "sixteen letters!",
    };
    expect(newForwardOf(typed)).toEqual({
      name: "a",
      kind: "otlp",
      url: "https://x.example/",
      content: "off",
      filter: "",
      sample: 1,
      quiet_s: 10,
      root_wait_s: 120,
      enabled: true,
      headers: { "x-a": "1" },
    });
    const hook = newForwardOf({ ...typed, kind: "webhook" });
    expect([hook.secret, hook.headers, "options" in hook]).toEqual(["sixteen letters!", { "x-a": "1" }, false]);
    const topic = newForwardOf({ ...typed, kind: "kafka", url: "kafka://b:9092/t" });
    expect([topic.options, "headers" in topic, "secret" in topic]).toEqual([{ "sasl.username": "t" }, false, false]);
  });

  it("names what cannot be, by its field", () => {
    const empty = {
      ...formOf(undefined),
      kind: "webhook" as const,
      share: "",
      quiet: "0",
      rootWait: "x",
      headers: "no",
    };
    expect(Object.keys(check(empty, undefined)).sort()).toEqual(
      ["headers", "name", "quiet", "rootWait", "secret", "share", "url"].sort(),
    );
    expect(check({ ...formOf(KEPT), quiet: "300" }, KEPT)).toHaveProperty("rootWait");
    expect(check({ ...formOf(KEPT), secret: "short" }, KEPT)).toHaveProperty("secret");
    expect(check({ ...formOf(LAKE), url: "https://b:9092/t" }, LAKE)).toHaveProperty("url");
    expect(check(formOf(LAKE), LAKE)).toEqual({});
    expect(check({ ...formOf(KEPT), url: "kafka://b:9092/t" }, KEPT)).toHaveProperty("url");
  });

  it("does not save the dots of a value that is not kept", () => {
    expect(check({ ...formOf(KEPT), headers: `x-api-key: ${DOTS}` }, KEPT).headers).toContain("x-api-key");
    expect(check({ ...formOf(KEPT), headers: `authorization: ${DOTS}x` }, KEPT)).toHaveProperty("headers");
    const nothing = { ...formOf(undefined), name: "a", url: "https://x.example/", headers: `authorization: ${DOTS}` };
    expect(check(nothing, undefined)).toHaveProperty("headers");
  });

  it("asks for what is kept again where it would go elsewhere, or less protected", () => {
    const form = formOf(KEPT);
    expect(check({ ...form, url: `${KEPT.url}/closed` }, KEPT)).toEqual({});
    const moved = { ...form, url: "https://hooks.example.com/theirs" };
    expect(Object.keys(check(moved, KEPT)).sort()).toEqual(["headers", "secret"]);
    const again = { ...moved, headers: "authorization: Bearer 2", secret: madeSecret() };
    expect(check(again, KEPT)).toEqual({});
    expect(check({ ...again, headers: "" }, KEPT)).toEqual({});
    const options = { "security.protocol": "SASL_SSL", "sasl.password": DOTS, "linger.ms": DOTS };
    const topic: ForwardView = { ...KEPT, kind: "kafka", url: "kafka://one:9092/t", headers: {}, options };
    const lines = formOf(topic);
    expect(check({ ...lines, url: "kafka://one:9092/other" }, topic)).toEqual({});
    expect(check({ ...lines, url: "kafka://evil:9092/t" }, topic).options).toContain("sasl.password");
    const plainer = lines.options.replace("SASL_SSL", "SASL_PLAINTEXT");
    expect(check({ ...lines, options: plainer }, topic)).toHaveProperty("options");
    expect(check({ ...lines, options: plainer.replace(`password: ${DOTS}`, "password: s3") }, topic)).toEqual({});
  });

  it("reads lines, each name once, and the line ends of a certificate", () => {
    expect(pairsOf("a: 1\n\n b :2 \nc:")).toEqual({ a: "1", b: "2", c: "" });
    expect(pairsOf("ssl.ca.pem: A\\nB\nx: A\\nB")).toEqual({ "ssl.ca.pem": "A\nB", x: "A\\nB" });
    expect(pairsOf("a: 1\na: 2")).toBe("a: 2");
    expect(pairsOf("a: 1\nno pair")).toBe("no pair");
  });

  it("makes secrets that a webhook can be signed with, each another", () => {
    const made = madeSecret();
    expect(made).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(madeSecret()).not.toBe(made);
    expect(check({ ...formOf(KEPT), secret: made }, KEPT)).toEqual({});
  });

  it("says what came of a test", () => {
    expect(testWords({ verdict: "delivered", status: 204, problem: "" })).toEqual({
      well: true,
      words: "Delivered (204).",
    });
    expect(testWords({ verdict: "away", status: 0, problem: "Connection refused" })).toEqual({
      well: false,
      words: "It was not reached: Connection refused",
    });
    expect(testWords({ verdict: "refused", status: 400, problem: "" }).words).toBe("Refused (400): it says no more.");
  });
});
