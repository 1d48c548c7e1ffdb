import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { openDatabase } from '../db/client.ts'

/**
 * The OpenAPI document as it is committed: without anything of this machine's, so that it changes
 * only when the API does. Needs no database.
 */
export async function openapiDocument(): Promise<string> {
  // Loaded only here: every other command starts half a second sooner.
  const { buildApp } = await import('../app.ts')
  const config = readConfig({ PUBLIC_URL: 'http://127.0.0.1:3000', LOG_LEVEL: 'silent' })
  // Never connected: pools connect when they are first used.
  const db = openDatabase({ url: 'postgres://127.0.0.1:1/none', size: 1 }, () => {})
  const app = await buildApp({ config, db })
  const document = (await app.reference()).swagger()
  await app.close()
  await db.close()
  return `${JSON.stringify(document, null, 2)}\n`
}

/** `openapi`: prints the document. */
export function addOpenapi(program: Command): void {
  program
    .command('openapi')
    .description('print the OpenAPI document')
    .action(async () => {
      process.stdout.write(await openapiDocument())
    })
}
