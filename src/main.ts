import './loading.ts'

// Not by an import statement, which would come before the one above has an effect.
await import('./service.ts')
