import { describe, expect, it } from "vitest";
import type { KeyView } from "@/api/types";
import { optionsOf } from "./keyOptions";

const key = (id: string, name: string, role = "client") => ({ id, name, role, prefix: "tt_ab" }) as KeyView;
const ALSO = [{ value: "rollout controller", label: "rollout controller" }];

describe("what is offered where a key is chosen", () => {
  it("is what the server found, and what is offered besides where that fits what is typed", () => {
    const found = { items: [key("k1", "shop"), key("k2", "")], total: 2 };
    expect(optionsOf({ found, also: ALSO, q: "" }).map((each) => each.label)).toEqual([
      "rollout controller",
      "shop",
      "tt_ab",
    ]);
    expect(optionsOf({ found, also: ALSO, q: "shop" }).map((each) => each.value)).toEqual(["k1", "k2"]);
  });

  it("has the chosen one wherever it is, and each but once", () => {
    const found = { items: [key("k1", "shop")], total: 1 };
    const also = [{ value: "k1", label: "shop" }];
    expect(optionsOf({ found, also, q: "", chosen: { value: "k9", label: "old" } }).map((each) => each.value)).toEqual([
      "k9",
      "k1",
    ]);
  });

  it("leaves out who does not fit, and says that there are more", () => {
    const found = { items: [key("k1", "shop"), key("k2", "Ada", "reviewer")], total: 1200 };
    const options = optionsOf({ found, fits: (each) => each.role !== "client", also: [], q: "" });
    expect(options.map((each) => [each.label, each.disabled ?? false])).toEqual([
      ["Ada", false],
      ["1198 more: type a part of the name", true],
    ]);
  });

  it("is nothing before the server answered", () => {
    expect(optionsOf({ found: undefined, also: [], q: "x" })).toEqual([]);
  });
});
