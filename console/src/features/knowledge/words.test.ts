import { expect, test } from "vitest";
import type { Corpus, CorpusVersion } from "@/api/knowledge";
import { formOfCorpus, idOf, kindOfFile, mergeForms, progressOf, putOfCorpus, readAccess, searchable } from "./words";

test("what can be searched is the newest that is ready, and what is being built is said", () => {
  const corpus = (ready: number, newest: number) => ({ ready, newest }) as Corpus;
  expect(searchable(corpus(0, 0))).toBe("nothing yet");
  expect(searchable(corpus(0, 1))).toBe("version 1 is being built");
  expect(searchable(corpus(2, 2))).toBe("version 2");
  expect(searchable(corpus(2, 3))).toBe("version 2, 3 is being built");
});

test("an access list is read by commas and lines, and what is no label is named", () => {
  expect(readAccess("user:ada, group:legal\nrole:editor")).toEqual({
    access: ["user:ada", "group:legal", "role:editor"],
    wrong: "",
  });
  expect(readAccess("  ")).toEqual({ access: [], wrong: "" });
  expect(readAccess("ada").wrong).toContain("“ada”");
  expect(readAccess("*").wrong).toBe("");
});

test("an id is made of the title, else of the first words", () => {
  expect(idOf("How returns work!", "x")).toBe("how-returns-work");
  expect(idOf("", "  Returns are free for thirty days after you buy ")).toBe("returns-are-free-for-thirty-days");
  expect(idOf("日本", "")).toBe("document");
});

test("a version says how far it is, and why it waits or failed", () => {
  const version = (change: object) =>
    ({ state: "building", done: 3, documents: 9, chunks: 0, reason: "", ...change }) as CorpusVersion;
  expect(progressOf(version({}))).toBe("3 of 9 documents");
  expect(progressOf(version({ reason: "Away." }))).toBe("3 of 9 documents; it waits: Away.");
  expect(progressOf(version({ state: "failed", reason: "No such model." }))).toBe("No such model.");
  expect(progressOf(version({ state: "ready", chunks: 1 }))).toBe("1 passage");
});

test("a file's kind is known by the end of its name", () => {
  expect(kindOfFile("a/b.MD")).toBe("markdown");
  expect(kindOfFile("page.html")).toBe("html");
  expect(kindOfFile("notes")).toBe("text");
});

test("settings of a corpus go back as they came, against the revision that was read", () => {
  const corpus = { description: "Ours", owner: "ada", access: ["group:legal", "user:bo"], revision: 4 } as Corpus;
  const aged = { ...corpus, stale_days: 90 };
  expect(putOfCorpus(formOfCorpus(aged), aged)).toEqual({
    body: {
      description: "Ours",
      owner: "ada",
      access: ["group:legal", "user:bo"],
      stale_days: 90,
      expected_revision: 4,
    },
    wrong: { access: "", staleDays: "" },
  });
  const ageless = { ...corpus, stale_days: null };
  expect(putOfCorpus(formOfCorpus(ageless), ageless).body.stale_days).toBe(0);
  for (const staleDays of ["0", "1.5", "-3", "36501", "a week"])
    expect(putOfCorpus({ ...formOfCorpus(aged), staleDays }, aged).wrong.staleDays).not.toBe("");
  expect(putOfCorpus({ ...formOfCorpus(aged), access: "ada" }, aged).wrong.access).not.toBe("");
});

test("what somebody else changed is told, and goes together with what was changed here", () => {
  const base = { description: "d", owner: "Ada", access: "", staleDays: "30" };
  const mine = { ...base, owner: "Eve", staleDays: "60" };
  const theirs = { ...base, owner: "Bob", access: "group:legal", staleDays: "60" };
  expect(mergeForms(base, mine, theirs)).toEqual({
    clashes: [
      { field: "owner", theirs: "Bob", mine: "Eve" },
      { field: "access", theirs: "group:legal", mine: null },
    ],
    both: { description: "d", owner: "Eve", access: "group:legal", staleDays: "60" },
  });
  expect(mergeForms(base, mine, base)).toEqual({ clashes: [], both: mine });
});
