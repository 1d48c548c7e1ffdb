import { Command, CommanderError } from 'commander'
import { explain } from '../db/failure.ts'
import { addImport } from './import.ts'
import { addKeys } from './keys.ts'
import { addMigrate } from './migrate.ts'
import { addOpenapi } from './openapi.ts'
import { addSeed } from './seed.ts'

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
