import type { Command } from 'commander'
import { loadSeeds } from '../intake/seeds.ts'
import { asOperator } from './session.ts'

/** `seed`: loads the demo newsroom. */
export function addSeed(program: Command): void {
  program
    .command('seed')
    .description('load the demo newsroom of seeds/; what is there already stays')
    .action(async () => {
      const stories = await asOperator(loadSeeds)
      process.stdout.write(`The demo newsroom is there: ${stories} stories.\n`)
    })
}
