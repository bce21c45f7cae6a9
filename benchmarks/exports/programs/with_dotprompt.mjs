import { readFileSync } from "node:fs";
import { Dotprompt } from "dotprompt";

const dotprompt = new Dotprompt();
let exact = 0, total = 0;
const wrong = new Set();
for (const item of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  const render = await dotprompt.compile(item.file);
  const constants = render.prompt.input?.default; // the library reads defaults of the caller only
  for (const { values, messages: expected } of item.cases) {
    const { messages } = await render({ input: { ...constants, ...values } });
    const got = messages.map((message) => message.content.map((part) => part.text).join(""));
    total += 1;
    if (JSON.stringify(got) === JSON.stringify(expected)) exact += 1;
    else wrong.add(item.slug);
  }
}
console.log(`${exact} of ${total}` + (wrong.size ? `, not ${[...wrong].join(", ")}` : ""));
