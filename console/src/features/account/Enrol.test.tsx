import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { qrOf, qrPath } from "@/lib/qr";
import { Enrol } from "./Enrol";

const SECRET = "PVGNH56NCNJR3L2AC7ZSOLTSGAKIVQXQ";

const shown = (uri: string) =>
  renderToStaticMarkup(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <Enrol secret={{ secret: SECRET, uri }} onConfirmed={() => {}} onCancel={() => {}} />
      </QueryClientProvider>
    </MantineProvider>,
  );

describe("setting up a second factor", () => {
  it("draws the secret here, and sends it to nobody", () => {
    const uri = `otpauth://totp/Trimtab:admin?secret=${SECRET}&issuer=Trimtab`;
    const page = shown(uri);
    expect(page).toContain(`d="${qrPath(qrOf(uri))}"`);
    expect(page).toContain(SECRET);
    expect(page).not.toMatch(/<img|src=|href=/);
  });

  it("leaves the picture out where the key's name makes it too long, and keeps the text", () => {
    const page = shown(`otpauth://totp/${"x".repeat(220)}?secret=${SECRET}`);
    expect(page).not.toContain('<path d="M0 0');
    expect(page).not.toContain('role="img"');
    expect(page).toContain(SECRET);
  });
});
