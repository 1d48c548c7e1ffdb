import { createServer } from 'node:http'

/*
 * The first limit: a bare node:http server that answers everything with a fixed body. Its size is
 * the path: `/12000`. It shows what Node can give out at all on this machine.
 */

const bodies = new Map<string, Buffer>()

function bodyOf(path: string): Buffer {
  const known = bodies.get(path)
  if (known) return known
  const made = Buffer.alloc(Number(path.slice(1)), 'x')
  bodies.set(path, made)
  return made
}

const server = createServer((request, response) => {
  const body = bodyOf(request.url ?? '/0')
  request.resume()
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
  }
  request.on('end', () => response.writeHead(200, headers).end(body))
})
server.listen(Number(process.env.PORT), '127.0.0.1')
