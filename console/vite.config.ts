import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": here("./src") } },
  build: {
    outDir: here("../src/trimtab/server/static"),
    emptyOutDir: true,
    sourcemap: false,
    // Fonts must stay files: the content security policy allows data: for images only.
    assetsInlineLimit: 0,
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: { "/api": process.env.TRIMTAB_URL ?? "http://127.0.0.1:4600" },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
