// Says how heavy the page is, and refuses one that is too heavy.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 350;
const folder = new URL("../src/facies/atlas/static/", import.meta.url);
const bytes = readdirSync(folder, { recursive: true })
  .filter((name) => /\.(js|css|html|svg)$/.test(name))
  .map((name) => gzipSync(readFileSync(new URL(name, folder))).length)
  .reduce((sum, size) => sum + size, 0);
console.log(`atlas: ${(bytes / 1000).toFixed(1)} kB gzipped (at most ${LIMIT_KB})`);
if (bytes > LIMIT_KB * 1000) process.exit(1);
