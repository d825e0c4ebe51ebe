import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OUT = here("../src/trimtab/server/static");

/** Writes `file.gz` beside each text file, once, so that the server never compresses on a request. */
function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(OUT, { recursive: true, encoding: "utf8" })) {
        const file = join(OUT, name);
        if (!/\.(js|css|html|svg)$/.test(name) || statSync(file).size < 1024) continue;
        writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
      }
    },
  };
}

const TESTS = ["src/**/*.test.{ts,tsx}"];

/**
 * The tests that put something else in the place of a module or a global (`vi.mock`, `vi.stubGlobal`): each is run in a
 * process of its own. All others share the modules that they import: reading those anew for each file was most of the run.
 */
const APART = readdirSync(here("./src"), { recursive: true, encoding: "utf8" })
  .filter((file) => /\.test\.tsx?$/.test(file) && readFileSync(here(`./src/${file}`), "utf8").includes("vi."))
  .map((file) => `src/${file}`);

export default defineConfig({
  plugins: [react(), precompress()],
  resolve: { alias: { "@": here("./src") } },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    sourcemap: false,
    // Fonts must stay files: they are cached, and the policy should need no data: for them.
    assetsInlineLimit: 0,
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
  server: {
    // The host stays as the browser has it: the server takes changes only from a page of its own address.
    proxy: { "/api": { target: process.env.TRIMTAB_URL ?? "http://127.0.0.1:4600", changeOrigin: false } },
  },
  test: {
    environment: "node",
    projects: [
      { extends: true, test: { name: "apart", include: APART } },
      { extends: true, test: { name: "together", include: TESTS, exclude: APART, isolate: false } },
    ],
  },
});
