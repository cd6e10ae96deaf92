// What AsyncAPI's own parser and Spectral's rules find in a document, as JSON: node contract.mjs FILE
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { Parser } = require("@asyncapi/parser");
const { Spectral } = require("@stoplight/spectral-core");
const { asyncapi } = require("@stoplight/spectral-rulesets");

const text = readFileSync(process.argv[2], "utf8");
const parsed = await new Parser().parse(text);
const spectral = new Spectral();
spectral.setRuleset({ extends: [asyncapi] });
const linted = await spectral.run(text);

console.log(
  JSON.stringify({
    messages: parsed.document?.allMessages().length ?? 0,
    errors: [...parsed.diagnostics, ...linted].filter((one) => one.severity === 0).map((one) => one.message),
    others: [...parsed.diagnostics, ...linted].filter((one) => one.severity > 0).map((one) => one.code),
  }),
);
