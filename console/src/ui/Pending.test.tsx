import { MantineProvider } from "@mantine/core";
import { renderToString } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { ApiProblem } from "@/api/client";
import { Pending } from "./Pending";

function shown(state: "pending" | "error" | "success") {
  const error = state === "error" ? new ApiProblem({ status: 503, detail: "The store is away." }) : null;
  const asked = { isError: state === "error", isPending: state === "pending", error, refetch: () => undefined };
  return renderToString(
    <MantineProvider>
      <Pending of={asked} height={120} />
    </MantineProvider>,
  );
}

describe("what was asked for and is not there", () => {
  it("keeps a place for it, and says so to who does not see that", () => {
    expect(shown("pending")).toContain("mantine-Skeleton-root");
    expect(shown("pending")).toContain("--skeleton-height:");
    expect(shown("pending")).toMatch(/class="sr-only">Not here yet</);
  });

  it("says why it did not come, and offers to ask again", () => {
    expect(shown("error")).toContain("The store is away.");
    expect(shown("error")).toContain("Try again");
    expect(shown("error")).not.toContain("mantine-Skeleton-root");
  });

  it("is nothing once it is there", () => {
    expect(shown("success")).not.toMatch(/Skeleton-root|Try again/);
  });
});
