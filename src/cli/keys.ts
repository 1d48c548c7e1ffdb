import { type Command, InvalidArgumentError } from 'commander'
import { SCOPES } from '../actor.ts'
import { UUID } from '../fields.ts'
import { valid } from '../intake/valid.ts'
import { createKey, revokeKey } from '../keys/commands.ts'
import { presentKey } from '../keys/present.ts'
import { findKeyById, listKeys } from '../keys/queries.ts'
import { ApiKeyCreate } from '../keys/schema.ts'
import { asOperator, withDatabase } from './session.ts'

/** `keys create|list|revoke`. The key itself is printed once, alone on its line, to be piped. */
export function addKeys(program: Command): void {
  const keys = program.command('keys').description('make, list and revoke API keys')

  keys
    .command('create')
    .description('make a key and print it, this once')
    .requiredOption('--name <name>', 'who or what it is for')
    .requiredOption('--scopes <scopes>', `comma-separated: ${SCOPES.join(', ')}`, (value) =>
      value.split(','),
    )
    .option('--expires <time>', 'RFC 3339 time with a zone, or a date (its start, UTC)', expiry)
    .option('--partner <id>', 'the partner whose key it is')
    .action(async ({ name, scopes, expires, partner }) => {
      const input = valid(ApiKeyCreate, 'the key', {
        name,
        scopes,
        ...(expires !== undefined && { expiresAt: expires }),
        ...(partner !== undefined && { partner }),
      })
      const { key } = await asOperator((ctx) => createKey(ctx, input))
      process.stdout.write(`${key}\n`)
    })

  keys
    .command('list')
    .description('list all keys, newest first')
    .action(async () => {
      const rows = await withDatabase(async (db) => {
        const all = []
        for (let from: { values: string[]; id: string } | undefined, more = true; more; ) {
          const page = await listKeys(db.editor, { limit: 100, from })
          all.push(...page.rows)
          from = page.next
          more = from !== undefined
        }
        return all
      })
      for (const row of rows) {
        const { id, name, prefix, scopes, expiresAt, revokedAt, lastUsedAt } = presentKey(row)
        const state = revokedAt
          ? `revoked ${revokedAt}`
          : expiresAt
            ? `expires ${expiresAt}`
            : 'valid'
        const used = lastUsedAt ? `last used ${lastUsedAt}` : 'never used'
        process.stdout.write(
          `${id}  ${prefix}…  ${name}  [${scopes.join(', ')}]  ${state}, ${used}\n`,
        )
      }
    })

  keys
    .command('revoke')
    .description('revoke a key, at once and for good')
    .argument('<id>', 'its id, as `keys list` shows it', keyId)
    .action(async (id: string) => {
      const name = await asOperator(async (ctx) => {
        await revokeKey(ctx, id)
        return (await findKeyById(ctx.tx, id))?.name
      })
      process.stdout.write(`Revoked: ${name}\n`)
    })
}

function keyId(value: string): string {
  if (!UUID.test(value)) throw new InvalidArgumentError('It is not an id.')
  return value
}

function expiry(value: string): string {
  const time = /^\d{4}-\d\d-\d\d$/.test(value) ? `${value}T00:00:00Z` : value
  if (Number.isNaN(Date.parse(time))) throw new InvalidArgumentError('It is not a time.')
  return time
}
