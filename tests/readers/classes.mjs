// Makes classes of JSON Schemas by quicktype, and reads and writes bodies with them.
// Standard input and output are JSON: by name {schema, bodies, wrong}, and {again, refused}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { runInNewContext } from "node:vm";

const require = createRequire(import.meta.url);
const { FetchingJSONSchemaStore, InputData, JSONSchemaInput, quicktype } = require("quicktype-core");

async function classesOf(schema) {
  const input = new JSONSchemaInput(new FetchingJSONSchemaStore());
  await input.addSource({ name: "Message", schema: JSON.stringify(schema) });
  const inputData = new InputData();
  inputData.addInput(input);
  const { lines } = await quicktype({ inputData, lang: "javascript", rendererOptions: { "runtime-typecheck": "true" } });
  const module = { exports: {} };
  runInNewContext(lines.join("\n"), { module });
  return module.exports;
}

function isRefused(classes, body) {
  try {
    classes.toMessage(JSON.stringify(body));
    return false;
  } catch {
    return true;
  }
}

const read = {};
for (const [name, { schema, bodies, wrong }] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const classes = await classesOf(schema);
  read[name] = {
    again: bodies.map((body) => JSON.parse(classes.messageToJson(classes.toMessage(JSON.stringify(body))))),
    refused: isRefused(classes, wrong),
  };
}
console.log(JSON.stringify(read));
