// Asks with the official SDK for Node. Reads {"model", "stream", options...} from each line, and writes what became
// of it: {"raised", "of_sdk", "heard", "waits"}. The first argument is the base URL.

import { createInterface } from "node:readline";
import OpenAI from "openai";

const MESSAGES = [{ role: "user", content: "Hello there, who are you?" }];
let waits = [];

// The SDK sleeps by giving setTimeout a promise's own resolve, native code: that is noted, and not slept.
const setTimer = globalThis.setTimeout;
globalThis.setTimeout = (then, ms, ...given) => {
  if (!String(then).includes("[native code]")) return setTimer(then, ms, ...given);
  waits.push(ms);
  return setTimer(then, 0);
};

async function ask({ model, stream, ...options }) {
  const told = { raised: null, of_sdk: false, heard: "" };
  try {
    const client = new OpenAI({ baseURL: process.argv[2], apiKey: "any", ...options });
    const answer = await client.chat.completions.create({ model, stream, messages: MESSAGES });
    if (!stream) told.heard = answer.choices[0].message.content;
    else for await (const chunk of answer) told.heard += chunk.choices[0]?.delta.content ?? "";
  } catch (error) {
    told.raised = error.constructor.name;
    told.of_sdk = error instanceof OpenAI.OpenAIError;
  }
  return told;
}

for await (const line of createInterface({ input: process.stdin })) {
  waits = [];
  const told = await ask(JSON.parse(line));
  console.log(JSON.stringify({ ...told, waits }));
}
