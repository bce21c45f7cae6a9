// promptfoo renders each text of a prompt that is JSON with Nunjucks.
import { readFileSync } from "node:fs";
import nunjucks from "nunjucks";

const engine = nunjucks.configure({ autoescape: false });
let exact = 0, total = 0;
const wrong = new Set();
for (const item of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const messages = JSON.parse(JSON.parse(item.file).prompts[0].raw);
  for (const { values, messages: expected } of item.cases) {
    const got = messages.map((message) => engine.renderString(message.content, values));
    total += 1;
    if (JSON.stringify(got) === JSON.stringify(expected)) exact += 1;
    else wrong.add(item.slug);
  }
}
console.log(`${exact} of ${total}` + (wrong.size ? `, not ${[...wrong].join(", ")}` : ""));
