import { Command, CommanderError } from 'commander'
import { addImport } from './cli/import.ts'
import { addKeys } from './cli/keys.ts'
import { addMigrate } from './cli/migrate.ts'
import { addOpenapi } from './cli/openapi.ts'
import { addSeed } from './cli/seed.ts'
import { explain } from './db/failure.ts'

const program = new Command('dateline')
  .description(
    'Dateline at the command line. Settings come from the environment, as for the service.',
  )
  .showHelpAfterError()

addMigrate(program)
addSeed(program)
addImport(program)
addKeys(program)
addOpenapi(program)

try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) throw error
  process.stderr.write(`dateline: ${explain(error)}\n`)
  process.exitCode = 1
}
