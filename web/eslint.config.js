import svelte from "eslint-plugin-svelte";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

export default ts.config(
  { ignores: ["node_modules"] },
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  { rules: { "@typescript-eslint/no-non-null-assertion": "off", "max-lines": ["error", 400] } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      "svelte/no-at-html-tags": "error",
      "svelte/require-each-key": "error",
      // Large maps are kept raw on purpose: they are replaced whole, never changed in place.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
);
