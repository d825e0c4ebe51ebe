import { MantineProvider } from "@mantine/core";
import { renderToString } from "react-dom/server";
import { describe, expect, it, vi } from "vitest";
import { WriteButton } from "./WriteButton";

vi.mock("@/lib/role", () => ({
  useMay: (permission: string) => permission === "knowledge:write",
  lacking: (permission: string) => `It takes ${permission}.`,
}));

function shown(needs: string | null, why?: string) {
  return renderToString(
    <MantineProvider>
      <WriteButton needs={needs} why={why} onClick={() => undefined}>
        Publish
      </WriteButton>
    </MantineProvider>,
  );
}

describe("a button for changes", () => {
  it("is on for who holds its own permission, and off for who holds others alone", () => {
    expect(shown("knowledge:write")).toContain('aria-disabled="false"');
    expect(shown("limit:write")).toContain('aria-disabled="true"');
  });

  it("is off for another reason too, and leaves the judging to who shows it where it names no permission", () => {
    expect(shown("knowledge:write", "It is archived.")).toContain('aria-disabled="true"');
    expect(shown(null)).toContain('aria-disabled="false"');
    expect(shown(null, "Only in the organisation.")).toContain('aria-disabled="true"');
  });
});
