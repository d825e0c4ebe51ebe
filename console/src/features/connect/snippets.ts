/** The few lines that send a first call, for each way people call models. Pure text in, text out. */

export interface SnippetInput {
  /** Where this console is served from, e.g. `http://localhost:4600`. */
  origin: string;
  model: string;
  /** A secret just created, or null: then the snippet reads it from the environment. */
  secret: string | null;
}

export interface Snippet {
  id: string;
  label: string;
  /** What to install or know first. */
  before: string;
  render: (input: SnippetInput) => string;
}

const py = (text: string) => JSON.stringify(text);
const pyKey = (secret: string | null) => (secret ? py(secret) : 'os.environ["TRIMTAB_API_KEY"]');
const pyImport = (secret: string | null) => (secret ? "" : "import os\n\n");
const shKey = (secret: string | null) => secret ?? "$TRIMTAB_API_KEY";
const QUESTION = "What does a trim tab do?";

export const SNIPPETS: Snippet[] = [
  {
    id: "curl",
    label: "curl",
    before: "",
    render: ({ origin, model, secret }) => `curl ${origin}/v1/chat/completions \\
  -H "authorization: Bearer ${shKey(secret)}" \\
  -H "content-type: application/json" \\
  -d ${shellQuote(JSON.stringify({ model, messages: [{ role: "user", content: QUESTION }] }))}`,
  },
  {
    id: "openai-python",
    label: "OpenAI, Python",
    before: "pip install openai",
    render: ({ origin, model, secret }) => `${pyImport(secret)}from openai import OpenAI

client = OpenAI(
    base_url=${py(`${origin}/v1`)},
    api_key=${pyKey(secret)},
)
answer = client.chat.completions.create(
    model=${py(model)},
    messages=[{"role": "user", "content": ${py(QUESTION)}}],
    user="ann",
    extra_headers={"trimtab-feature": "first-call", "trimtab-session": "s1"},
)
print(answer.choices[0].message.content)`,
  },
  {
    id: "openai-node",
    label: "OpenAI, Node",
    before: "npm install openai",
    render: ({ origin, model, secret }) => `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${py(`${origin}/v1`)},
  apiKey: ${secret ? py(secret) : "process.env.TRIMTAB_API_KEY"},
});
const stream = await client.chat.completions.create({
  model: ${py(model)},
  messages: [{ role: "user", content: ${py(QUESTION)} }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`,
  },
  {
    id: "anthropic-python",
    label: "Anthropic, Python",
    before: "pip install anthropic",
    render: ({ origin, model, secret }) => `${pyImport(secret)}from anthropic import Anthropic

client = Anthropic(
    base_url=${py(origin)},
    api_key=${pyKey(secret)},
)
answer = client.messages.create(
    model=${py(model)},
    max_tokens=300,
    messages=[{"role": "user", "content": ${py(QUESTION)}}],
)
print(answer.content[0].text)`,
  },
  {
    id: "langchain",
    label: "LangChain",
    before: "pip install langchain-openai",
    render: ({ origin, model, secret }) => `${pyImport(secret)}from langchain_openai import ChatOpenAI

chat = ChatOpenAI(
    base_url=${py(`${origin}/v1`)},
    api_key=${pyKey(secret)},
    model=${py(model)},
    stream_usage=True,
    default_headers={"trimtab-feature": "first-call"},
)
print(chat.invoke(${py(QUESTION)}).content)`,
  },
  {
    id: "llamaindex",
    label: "LlamaIndex",
    before: "pip install llama-index-llms-openai-like",
    render: ({ origin, model, secret }) => `${pyImport(secret)}from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(
    api_base=${py(`${origin}/v1`)},
    api_key=${pyKey(secret)},
    model=${py(model)},
    is_chat_model=True,
)
print(llm.complete(${py(QUESTION)}))`,
  },
  {
    id: "env",
    label: "Environment",
    before: "Most clients read these: no code changes at all. The model's name goes where the provider's was.",
    render: ({ origin, secret }) => `export OPENAI_BASE_URL=${origin}/v1
export OPENAI_API_KEY=${secret ?? "your-trimtab-key"}
export ANTHROPIC_BASE_URL=${origin}
export ANTHROPIC_API_KEY=${secret ?? "your-trimtab-key"}`,
  },
  {
    id: "otlp",
    label: "OpenTelemetry",
    before:
      "For applications that call their models elsewhere: any OpenTelemetry exporter or collector sends its traces here.",
    render: ({ origin, secret }) => `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20${secret ?? "your-trimtab-key"}`,
  },
];

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export const snippetBy = (id: string | undefined): Snippet =>
  SNIPPETS.find((s) => s.id === id) ?? (SNIPPETS[0] as Snippet);
