import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "./",
  plugins: [svelte()],
  build: {
    outDir: here("../src/facies/atlas/static"),
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: true,
    modulePreload: false,
  },
  server: { proxy: { "/api": { target: process.env["ATLAS"] ?? "http://127.0.0.1:8765" } } },
  test: { include: ["src/**/*.test.ts"] },
});
