import './loading.ts'

// As in main.ts.
await import('./cli/program.ts')
