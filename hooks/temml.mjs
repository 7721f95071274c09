// Reads formulas as lines of JSON, writes MathML as lines of JSON.
import { createInterface } from "node:readline";
import temml from "temml";

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let answer;
  try {
    const options = { displayMode: display, throwOnError: true, trust: true };
    answer = { mathml: temml.renderToString(tex, options) };
  } catch (error) {
    answer = { error: String(error.message).split("\n")[0] };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
