// Run by the tests with the real packages: Vercel's AI SDK 5 (scope "ai") and 7 (@ai-sdk/otel), each with a tool.
// Reads TRACES, KEY and MODEL_URL from the environment; prints a JSON object with the trace id of each section.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(path.join(process.env.NODE_HOME, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)

const { context, trace } = await load('@opentelemetry/api')
const { NodeTracerProvider, BatchSpanProcessor } = await load('@opentelemetry/sdk-trace-node')
const { OTLPTraceExporter } = await load('@opentelemetry/exporter-trace-otlp-proto')
const { z } = await load('zod')

const exporter = new OTLPTraceExporter({
  url: process.env.TRACES,
  headers: { authorization: `Bearer ${process.env.KEY}` },
})
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
provider.register()
const tracer = trace.getTracer('the-application')
const ASKED = 'Please use get_weather for Paris.'
const told = {}

async function section(name, run) {
  await tracer.startActiveSpan(name, async (span) => {
    try {
      await run()
      told[name] = span.spanContext().traceId
    } catch (error) {
      told[name] = String(error?.stack ?? error)
    }
    span.end()
  })
}

const tools = (tool) => ({
  get_weather: tool({
    description: 'The weather of a city.',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `It is sunny in ${city}.`,
  }),
})
const settings = { baseURL: process.env.MODEL_URL, apiKey: 'k' }

await section('vercel_5', async () => {
  const { generateText, streamText, stepCountIs, tool } = await load('ai5')
  const { createOpenAI } = await load('@ai-sdk/openai-v2')
  const model = createOpenAI(settings).chat('gpt-4o-mini')
  const experimental_telemetry = {
    isEnabled: true,
    functionId: 'forecast',
    metadata: { sessionId: 'session-5', userId: 'user-5', tags: ['a', 'b'] },
  }
  await generateText({
    model, system: 'Be brief.', prompt: ASKED, tools: tools(tool), stopWhen: stepCountIs(3), experimental_telemetry,
  })
  const stream = streamText({ model, prompt: 'Say hello.', experimental_telemetry })
  for await (const _ of stream.textStream);
})

await section('vercel_7', async () => {
  const { generateText, registerTelemetry, stepCountIs, isStepCount, tool } = await load('ai')
  const { OpenTelemetry } = await load('@ai-sdk/otel')
  const { createOpenAI } = await load('@ai-sdk/openai')
  registerTelemetry(new OpenTelemetry())
  const model = createOpenAI(settings).chat('gpt-4o-mini')
  await generateText({
    model, instructions: 'Be brief.', prompt: ASKED, tools: tools(tool), stopWhen: (isStepCount ?? stepCountIs)(3),
    telemetry: { isEnabled: true, functionId: 'forecast' },
  })
})

await provider.forceFlush()
await provider.shutdown()
console.log(JSON.stringify(told))
