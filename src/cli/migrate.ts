import type { Command } from 'commander'
import { environment, readConfig } from '../config.ts'
import { joinEmbedded } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)

/** `migrate`: brings the database to the newest migration. Also with MIGRATE=false. */
export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to the newest migration, and set its roles and rights')
    .action(async () => {
      const config = readConfig(environment())
      const server = config.databaseUrl
        ? undefined
        : await joinEmbedded({ dataDir: config.dataDir })
      try {
        await migrate(config.directUrl ?? config.databaseUrl ?? server?.url ?? '', { log: say })
        say('The database is up to date.')
      } finally {
        await server?.leave()
      }
    })
}
