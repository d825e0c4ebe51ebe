import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Withheld } from "./Withheld";

const held = vi.hoisted(() => ({ permissions: new Set<string>() }));
vi.mock("@/lib/role", () => ({ useMay: (permission: string) => held.permissions.has(permission) }));

const shown = () =>
  renderToStaticMarkup(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <Withheld project="shop" traceId="0199" />
      </QueryClientProvider>
    </MantineProvider>,
  );

describe("in place of what one may not read", () => {
  afterEach(() => held.permissions.clear());

  it("says so, and who could let one, where one may not unmask", () => {
    const page = shown();
    expect(page).toContain("Withheld: you may not read what was said");
    expect(page).toContain("An administrator can give one that reads content.");
    expect(page).not.toContain("<button");
  });

  it("offers to unmask, and asks for nothing yet, where one may", () => {
    held.permissions.add("content:unmask");
    const page = shown();
    expect(page).toContain("Unmask with a reason");
    expect(page).not.toContain("An administrator");
    expect(page).not.toContain("<form");
  });

  it("takes the right to read for no right to unmask: who reads is never shown this", () => {
    held.permissions.add("content:read");
    expect(shown()).not.toContain("<button");
  });
});
