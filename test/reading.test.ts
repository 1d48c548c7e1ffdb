import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import stringify from 'json-stringify-pretty-compact'
import t from 'tap'
import { newsroom } from './newsroom.ts'

/*
 * docs/reading.md: its commands, run as they are printed, give the answers that are printed below
 * them. `UPDATE=1 npm test -- test/reading.test.ts` writes down what they give now.
 */

const PAGE = new URL('../docs/reading.md', import.meta.url)
const COMMANDS = 10
/** Of `%header{}`, with which the page shows single headers. */
const OLDEST_CURL = 7.84

const run = promisify(execFile)

/** A command, and the answer that is printed below it with nothing but an empty line between. */
type Example = { command: string; answer: string; start: number; end: number }

const blocksOf = (page: string) => [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)]

function examplesOf(page: string): Example[] {
  const blocks = blocksOf(page)
  return blocks.flatMap(([whole, language, command = ''], index) => {
    if (language !== 'sh' || !command.includes('curl ')) return []
    const { index: at = 0 } = blocks[index] ?? {}
    const next = blocks[index + 1]
    if (next?.[1] === 'sh' || next?.index !== at + whole.length + 2) {
      throw new Error(`no answer below: ${command}`)
    }
    const start = next.index + next[0].indexOf('\n') + 1
    const answer = next[2] ?? ''
    return [{ command, answer, start, end: start + answer.length }]
  })
}

/** An output as the page prints it: the JSON it begins with is indented, all else stays. */
function printed(output: string): string {
  const [whole = '', json = ''] = /^(?:(\{.*\})\n?)?/s.exec(output.trimEnd()) ?? []
  const indented = json && stringify(JSON.parse(json), { maxLength: 124, indent: 2 })
  const rest = output.trimEnd().slice(whole.length)
  return [indented, rest].filter(Boolean).join('\n').concat('\n')
}

/** What is another in every newsroom: ids (of requests too), cursors, and ETags, which hash both. */
const VOLATILE = [
  { what: 'id', pattern: /(?<=")[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=")/g },
  { what: 'cursor', pattern: /(?<="next": ")[\w-]{80,}(?=")|(?<=[?&]cursor=)[\w-]{80,}(?=>)/g },
  { what: 'etag', pattern: /(?<=^ETag: ")[\w-]{8,16}(?="$)/gm },
]

/** An answer with a number for each of these, so that what was the same must still be the same. */
function comparable(answer: string): string {
  return VOLATILE.reduce((text, { what, pattern }) => {
    const seen: string[] = []
    return text.replace(pattern, (value) => {
      if (!seen.includes(value)) seen.push(value)
      return `${what} ${seen.indexOf(value) + 1}`
    })
  }, answer)
}

const version = await run('curl', ['--version']).then(
  ({ stdout }) => /^curl (\d+)\.(\d+)/.exec(stdout)?.slice(1).map(Number),
  () => undefined,
)
const [major = 0, minor = 0] = version ?? []
const usable = major + minor / 100 >= OLDEST_CURL
t.ok(usable, `curl ${OLDEST_CURL} or newer is installed; found ${version?.join('.') ?? 'none'}`)

const { app, config } = await newsroom(t, { seeded: true })
const api = await app.listen({ host: '127.0.0.1', port: 0 })
// In place of the user's own, which curl would look for elsewhere.
const home = t.testdir({ '.curlrc': '' })

/** What a command prints, in a shell that has nothing but the address; complaints are failures. */
async function outputOf(command: string): Promise<string> {
  const env = { PATH: process.env.PATH, API: api, CURL_HOME: home }
  const { stdout, stderr } = await run('sh', ['-euc', command], { env, timeout: 20_000 })
  if (stderr !== '') throw new Error(`${command}${stderr}`)
  return stdout
}

const page = await readFile(PAGE, 'utf8')
const examples = examplesOf(page)

t.test('the page is for the address that a first start has', async (t) => {
  t.ok(page.includes(`\`\`\`sh\nAPI=${config.publicUrl}\n\`\`\``), config.publicUrl)
  t.equal(examples.length, COMMANDS)
  const answers = blocksOf(page).filter(([, language]) => language !== 'sh')
  t.equal(answers.length, COMMANDS, 'every answer belongs to a command')
})

t.test('every command gives the answer below it', { skip: !usable }, async (t) => {
  let fresh = page
  for (const { command, answer, start, end } of examples.toReversed()) {
    const given = printed(await outputOf(command))
    if (comparable(given) === comparable(answer)) {
      t.pass(command)
    } else if (process.env.UPDATE === '1') {
      fresh = fresh.slice(0, start) + given + fresh.slice(end)
    } else {
      t.equal(comparable(given), comparable(answer), command)
    }
  }
  if (fresh !== page) await writeFile(PAGE, fresh)
})
