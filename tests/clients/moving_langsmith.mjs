// Run by test_moving_langsmith.py: LangSmith's JavaScript SDK as it is, around a client of OpenAI whose answers are given.
// Reads URL, KEY and NODE_HOME from the environment; prints the id of the trace.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(path.join(process.env.NODE_HOME, 'package.json'))
const load = (name) => import(pathToFileURL(require.resolve(name)).href)

Object.assign(process.env, {
  LANGSMITH_ENDPOINT: process.env.URL,
  LANGSMITH_API_KEY: process.env.KEY,
  LANGSMITH_TRACING: 'true',
})
const { Client } = await load('langsmith')
const { getCurrentRunTree, traceable } = await load('langsmith/traceable')
const { wrapOpenAI } = await load('langsmith/wrappers')
const OpenAI = (await load('openai')).default

const usage = { prompt_tokens: 16, completion_tokens: 3, total_tokens: 19, prompt_tokens_details: { cached_tokens: 6 } }
const about = { id: 'chatcmpl-1', created: 1, model: 'gpt-4o-mini-2024-07-18', usage }
const call = { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{"word":"x"}' } }
const asked = { role: 'assistant', content: null, tool_calls: [call] }
const whole = { ...about, object: 'chat.completion', choices: [{ index: 0, finish_reason: 'tool_calls', message: asked }] }
const piece = (delta, finish_reason = null) => ({
  ...about,
  id: 'chatcmpl-2',
  usage: finish_reason ? usage : null,
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason }],
})
const pieces = [piece({ role: 'assistant', content: 'There' }), piece({ content: '.' }), piece({}, 'stop')]

const answering = async (_, { body }) => {
  if (!JSON.parse(body).stream) return Response.json(whole)
  const lines = pieces.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('') + 'data: [DONE]\n\n'
  return new Response(lines, { headers: { 'content-type': 'text/event-stream' } })
}

const client = new Client()
const openai = wrapOpenAI(new OpenAI({ apiKey: 'k', fetch: answering }), { client })
const tools = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }]
const lookUp = traceable(async ({ word }) => `${word} is there.`, { name: 'look_up', run_type: 'tool', client })
const fail = traceable(async () => { throw new TypeError('it broke') }, { name: 'fail', client })

const about_it = { metadata: { thread_id: 's-6', user_id: 'ada' }, tags: ['beta'] }
const app = traceable(
  async (question) => {
    const run = getCurrentRunTree()
    const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: question }]
    await openai.chat.completions.create({ model: 'gpt-4o-mini', messages, tools })
    await lookUp({ word: 'x' })
    const stream = await openai.chat.completions.create({ model: 'gpt-4o-mini', messages, stream: true })
    for await (const _ of stream);
    await fail().catch(() => {})
    await client.createFeedback(run.id, 'helpful', { score: 1, traceId: run.trace_id })
    return run.trace_id
  },
  { name: 'app', run_type: 'chain', client, ...about_it },
)
const traceId = await app('Where?')
await client.awaitPendingTraceBatches()
process.stdout.write(traceId)
