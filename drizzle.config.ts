import { defineConfig } from 'drizzle-kit'

// Generating migrations needs no database: `npm run migration -- --name what_it_does`.
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/db/tables.ts',
  out: './migrations',
})
