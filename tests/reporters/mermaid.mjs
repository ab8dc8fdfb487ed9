// Pictures as a JSON list on standard input; what Mermaid's own parser says of each on the output.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const core = `${process.argv[2]}/mermaid/dist/mermaid.core.mjs`;
const mermaid = (await import(pathToFileURL(core))).default;
const said = [];
for (const picture of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    said.push((await mermaid.parse(picture)).diagramType);
  } catch (error) {
    said.push(`${error}`);
  }
}
console.log(JSON.stringify(said));
