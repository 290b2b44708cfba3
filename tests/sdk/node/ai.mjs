// Asks with the Vercel AI SDK, and writes what became of it as JSON: {kit: {case: told}}. A kit is a model of one of
// its vendors, a case one use of the SDK. The only argument is the URL of a server with the rules of ai.yaml.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { Output, ToolLoopAgent, embed, embedMany, generateText, isStepCount, jsonSchema, streamText, tool } from "ai";

const URL = process.argv[2];
const WRONG = "mock-key-invalid";
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
globalThis.AI_SDK_LOG_WARNINGS = false;

// The SDK's retries sleep by a timer that only resolves a promise: that is noted, and not slept.
const setTimer = globalThis.setTimeout;
let waits = [];
globalThis.setTimeout = (then, ms, ...given) => {
  if (!String(then).includes("resolve()")) return setTimer(then, ms, ...given);
  waits.push(ms);
  return setTimer(then, 0);
};

// Each kit asks in a space of its own, so that what a rule remembers is of this kit alone.
const openai = (apiKey) => createOpenAI({ baseURL: `${URL}/@responses/v1`, apiKey });
const chat = (apiKey) => createOpenAI({ baseURL: `${URL}/@chat/v1`, apiKey });
const anthropic = (apiKey) => createAnthropic({ baseURL: `${URL}/@messages/v1`, apiKey });
const google = (apiKey) => createGoogle({ baseURL: `${URL}/@gemini/v1beta`, apiKey });
const KITS = {
  "openai": {
    model: openai("any")("gpt-5"),
    wrong_key: openai(WRONG)("gpt-5"),
    embedding: openai("any").embedding("text-embedding-3-small"),
    thinking: { openai: { reasoningEffort: "high", reasoningSummary: "auto" } },
    goes_on: ({ response }) => ({ openai: { previousResponseId: response.id } }),
  },
  "openai.chat": {
    model: chat("any").chat("gpt-5"),
    wrong_key: chat(WRONG).chat("gpt-5"),
    thinking: { openai: { reasoningEffort: "high" } },
  },
  "anthropic": {
    model: anthropic("any")("claude-sonnet-4-5"),
    wrong_key: anthropic(WRONG)("claude-sonnet-4-5"),
    thinking: { anthropic: { thinking: { type: "enabled", budgetTokens: 1024 } } },
  },
  "google": {
    model: google("any")("gemini-2.5-flash"),
    wrong_key: google(WRONG)("gemini-2.5-flash"),
    embedding: google("any").embedding("gemini-embedding-001"),
    thinking: { google: { thinkingConfig: { includeThoughts: true } } },
  },
};

const schema = jsonSchema({
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
});
const get_weather = tool({
  description: "The weather in a city.",
  inputSchema: jsonSchema({
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  }),
  execute: async ({ city }) => `21 degrees in ${city}`,
});

const told = ({ text, finishReason, usage }) => ({
  text,
  finishReason,
  usage: [usage.inputTokens, usage.outputTokens, usage.outputTokenDetails.reasoningTokens ?? 0],
});
const steps = (all) =>
  all.map((step) => ({
    calls: step.toolCalls.map(({ toolName, input }) => [toolName, input]),
    results: step.toolResults.map(({ output }) => output),
    finishReason: step.finishReason,
  }));

/** What a stream told: the kinds of its parts, without repetitions, how many texts, and the answer at its end. */
async function heard(result) {
  const kinds = [];
  const said = { texts: 0, error: null };
  for await (const part of result.stream) {
    if (part.type !== kinds.at(-1)) kinds.push(part.type);
    if (part.type === "text-delta") said.texts += 1;
    if (part.type === "error") said.error = part.error.message;
  }
  return { kinds, ...said };
}

async function whole(result) {
  return { text: await result.text, finishReason: await result.finishReason, usage: await result.usage };
}

/** What a question raised in the end, after which waits in milliseconds; or its text. */
async function raised(question) {
  try {
    return { text: (await question).text, waits };
  } catch (error) {
    const { statusCode, message } = error.lastError ?? error;
    return { raised: error.name, status: statusCode, message, waits };
  }
}

const CASES = {
  text: async ({ model }) => told(await generateText({ model, system: "Be brief.", prompt: "Say hello" })),

  stream: async ({ model }) => {
    const result = streamText({ model, system: "Be brief.", prompt: "Say hello" });
    return { ...(await heard(result)), ...told(await whole(result)) };
  },

  length: async ({ model }) => told(await generateText({ model, prompt: "Go on for ever" })),

  refusal: async ({ model }) => told(await generateText({ model, prompt: "Something forbidden" })),

  refusal_streamed: async ({ model }) => {
    const result = streamText({ model, prompt: "Something forbidden" });
    await heard(result);
    return told(await whole(result));
  },

  loop: async ({ model }) => {
    const result = await generateText({
      model, prompt: "Compare the weather", tools: { get_weather }, stopWhen: isStepCount(5),
    });
    return { steps: steps(result.steps), text: result.text };
  },

  loop_streamed: async ({ model }) => {
    const result = streamText({
      model, prompt: "Compare the weather", tools: { get_weather }, stopWhen: isStepCount(5),
    });
    const { kinds } = await heard(result);
    return { kinds, steps: steps(await result.steps), text: await result.text };
  },

  loop_unruled: async ({ model }) => {
    const result = await generateText({
      model, prompt: "Is it warm in Oslo?", tools: { get_weather }, stopWhen: isStepCount(5),
    });
    return { steps: steps(result.steps), said: result.text.length > 0 };
  },

  agent: async ({ model }) => {
    const agent = new ToolLoopAgent({ model, instructions: "Be brief.", tools: { get_weather } });
    return steps((await agent.generate({ prompt: "Is it warm in Oslo?" })).steps);
  },

  forced: async ({ model }) => {
    const toolChoice = { type: "tool", toolName: "get_weather" };
    const result = await generateText({ model, prompt: "Is it warm in Oslo?", tools: { get_weather }, toolChoice });
    return steps(result.steps);
  },

  object: async ({ model }) => {
    const output = Output.object({ schema, name: "weather" });
    return (await generateText({ model, prompt: "Is it warm in Oslo?", output })).output;
  },

  choice: async ({ model }) => {
    const output = Output.choice({ options: ["sunny", "rainy"] });
    return (await generateText({ model, prompt: "Is it sunny or rainy?", output })).output;
  },

  object_streamed: async ({ model }) => {
    const result = streamText({ model, prompt: "The weather as an object", output: Output.object({ schema }) });
    const seen = [];
    for await (const partial of result.partialOutputStream) seen.push(partial);
    return { growing: seen.length > 1, output: await result.output };
  },

  reasoning: async ({ model, thinking }) => {
    const result = await generateText({ model, providerOptions: thinking, prompt: "Think about it" });
    return { reasoning: result.reasoningText ?? null, ...told(result) };
  },

  reasoning_streamed: async ({ model, thinking }) => {
    const result = streamText({ model, providerOptions: thinking, prompt: "Think about it" });
    const { kinds } = await heard(result);
    return { kinds, reasoning: (await result.reasoningText) ?? null, ...told(await whole(result)) };
  },

  reasoning_loop: async ({ model, thinking }) => {
    const result = await generateText({
      model, providerOptions: thinking, prompt: "Think first, then ask", tools: { get_weather }, stopWhen: isStepCount(5),
    });
    return { steps: steps(result.steps), text: result.text };
  },

  reasoning_loop_unkept: async ({ model, thinking }) => {
    const providerOptions = { ...thinking, openai: { ...thinking.openai, store: false } };
    const result = await generateText({
      model, providerOptions, prompt: "Think first, then ask", tools: { get_weather }, stopWhen: isStepCount(5),
    });
    return { steps: steps(result.steps), text: result.text };
  },

  continued: async ({ model, goes_on }) => {
    const first = await generateText({ model, prompt: "My name is Ada." });
    return (await generateText({ model, providerOptions: goes_on(first), prompt: "The second turn" })).text;
  },

  image: async ({ model }) => {
    const content = [
      { type: "text", text: "What is this?" },
      { type: "image", image: Buffer.from(PIXEL, "base64"), mediaType: "image/png" },
    ];
    return (await generateText({ model, messages: [{ role: "user", content }] })).text;
  },

  document: async ({ model }) => {
    const content = [
      { type: "text", text: "What does it say?" },
      { type: "file", data: Buffer.from("%PDF-1.4"), mediaType: "application/pdf", filename: "letter.pdf" },
    ];
    return (await generateText({ model, messages: [{ role: "user", content }] })).text;
  },

  conversation: async ({ model }) => {
    const messages = [
      { role: "user", content: "My name is Ada." },
      { role: "assistant", content: "Hello, Ada!" },
      { role: "user", content: "The second turn" },
    ];
    return (await generateText({ model, messages })).text;
  },

  wrong_key: ({ wrong_key }) => raised(generateText({ model: wrong_key, prompt: "Say hello" })),

  no_model: ({ model }) => raised(generateText({ model, prompt: "No such model" })),

  bad_request: ({ model }) => raised(generateText({ model, prompt: "A bad request" })),

  limited_twice: ({ model }) => raised(generateText({ model, prompt: "Limited twice" })),

  limited_always: ({ model }) => raised(generateText({ model, prompt: "Limited always" })),

  overloaded: ({ model }) => raised(generateText({ model, prompt: "Overloaded", maxRetries: 1 })),

  broken_stream: async ({ model }) => {
    const result = streamText({ model, prompt: "Break the stream", onError: () => {} });
    const { texts, error } = await heard(result);
    return { began: texts > 0, error };
  },

  aborted: async ({ model }) => {
    const leave = new AbortController();
    const result = streamText({ model, prompt: "A long story", abortSignal: leave.signal });
    const kinds = [];
    for await (const part of result.stream) {
      if (part.type !== kinds.at(-1)) kinds.push(part.type);
      if (part.type === "text-delta") leave.abort();
    }
    return kinds;
  },

  embed: async ({ embedding }) => {
    const { embedding: vector, usage } = await embed({ model: embedding, value: "a sunny day" });
    return { length: Math.hypot(...vector).toFixed(3), dimensions: vector.length, tokens: usage.tokens };
  },

  embed_many: async ({ embedding }) => {
    const { embeddings } = await embedMany({ model: embedding, values: ["a sunny day", "sunny days", "tax law"] });
    return embeddings.map((vector) => vector.length);
  },
};

async function told_of(kit) {
  const all = {};
  for (const [name, ask] of Object.entries(CASES)) {
    if (name.startsWith("embed") && !kit.embedding) continue;
    if (name === "continued" && !kit.goes_on) continue;
    waits = [];
    try {
      all[name] = await ask(kit);
    } catch (error) {
      all[name] = { failed: `${error.name}: ${error.message}`, cause: String(error.cause ?? "") };
    }
  }
  return all;
}

const all = {};
for (const [name, kit] of Object.entries(KITS)) all[name] = await told_of(kit);
console.log(JSON.stringify(all));
