import Fastify from 'fastify'
import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { QUERIES } from './limits-queries.ts'

/*
 * The second limit: Fastify without a plugin, and one prepared statement for each answer. It checks
 * nothing, tags nothing, knows neither keys nor audiences.
 */

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  // As many connections as the service has for readers.
  max: 10,
  options: '-c timezone=UTC',
})
const app = Fastify()
const address = `${process.env.PUBLIC_URL}/v1/articles/`

async function ask(name: keyof typeof QUERIES, values: unknown[]): Promise<string> {
  const { rows } = await pool.query<{ json: string }>({ name, text: QUERIES[name], values })
  return rows[0]?.json ?? 'null'
}

type Draft = {
  headline: string
  summary: string
  byline: string
  body: { blocks: { children: { text: string }[] }[] }
  categories: string[]
}

const json = 'application/json; charset=utf-8'
const list = (data: string) => `{"data":${data}}`

app.get<{ Params: { slug: string } }>('/W1/:slug', async ({ params }, reply) =>
  reply.type(json).send(await ask('W1', [address, params.slug])),
)
app.get('/W2', async (_, reply) => reply.type(json).send(list(await ask('W2', [address]))))
app.get<{ Params: { slug: string } }>('/W3/:slug', async ({ params }, reply) =>
  reply.type(json).send(list(await ask('W3', [address, params.slug]))),
)
app.get<{ Params: { word: string } }>('/W4/:word', async ({ params }, reply) =>
  reply.type(json).send(list(await ask('W4', [address, params.word]))),
)
app.get<{ Params: { at: string; id: string } }>('/W5/:at/:id', async ({ params }, reply) =>
  reply.type(json).send(list(await ask('W5', [address, params.at, params.id]))),
)
app.get<{ Params: { slug: string } }>('/W6/:slug', async ({ params }, reply) =>
  reply.type(json).send(list(await ask('W6', [params.slug]))),
)
app.post<{ Body: Draft }>('/W7', async ({ body }, reply) => {
  const { headline, summary, byline, categories } = body
  const slug = headline.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const { blocks } = body.body
  const texts = blocks.map((block) => block.children.map((span) => span.text).join(''))
  const html = texts.map((text) => `<p>${text}</p>`).join('')
  const content = [JSON.stringify(blocks), html, texts.join('\n\n')]
  const values = [address, uuidv7(), slug, headline, summary, byline, ...content, categories]
  return reply
    .code(201)
    .type(json)
    .send(await ask('W7', values))
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
