import { createServer } from 'node:http'
import { createInterface } from 'node:readline'

/*
 * A receiver of purges, as a process of its own: `node purge-receiver.ts`. Says its port on the first line
 * of its output, then each call it got: `{"answer", "groups", "keys"}`. How it answers is told it on its
 * input, a line for each call to come: a status, `hang`, or `drop`; without one, 204.
 */

const plan: string[] = []
createInterface({ input: process.stdin }).on('line', (line) => plan.push(line))
process.stdin.on('end', () => process.exit(0))

const server = createServer(async (request, reply) => {
  let text = ''
  for await (const chunk of request) text += chunk
  const answer = plan.shift() ?? '204'
  const { groups } = JSON.parse(text) as { groups: string[] }
  const keys = request.headers['surrogate-key']
  process.stdout.write(`${JSON.stringify({ answer, groups, keys })}\n`)
  if (answer === 'hang') return
  if (answer === 'drop') request.socket.destroy()
  else reply.writeHead(Number(answer)).end()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`)
})
