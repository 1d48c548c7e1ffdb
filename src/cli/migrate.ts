import type { Command } from 'commander'
import { environment, readConfig } from '../config.ts'
import { joinEmbedded } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'

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
        await migrate(config.directUrl ?? config.databaseUrl ?? server?.url ?? '')
        process.stdout.write('The database is up to date.\n')
      } finally {
        await server?.leave()
      }
    })
}
