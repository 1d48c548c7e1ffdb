import { readdir, readFile } from 'node:fs/promises'
import { posix } from 'node:path'
import { parse } from '@babel/parser'

/** One import of a module: where it leads, within the tree or to a package; types are erased. */
export type Import = { to: string; typeOnly: boolean }

/** What a module says of itself. `path` is relative to the tree. */
export type Module = {
  path: string
  imports: Import[]
  hasDefaultExport: boolean
  /** Exports from other modules, as barrels have them. */
  reexports: boolean
  readsEnvironment: boolean
}

type Node = { type: string; [member: string]: unknown }

/** Every node of a syntax tree. */
function* nodes(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const one of value) yield* nodes(one)
  if (typeof value !== 'object' || value === null || !('type' in value)) return
  yield value as Node
  for (const [name, member] of Object.entries(value)) {
    if (name !== 'loc' && !name.endsWith('Comments')) yield* nodes(member)
  }
}

const sourceOf = (node: Node): string | undefined => {
  const literal = (node.source ?? node.argument) as { value?: unknown } | null | undefined
  return typeof literal?.value === 'string' ? literal.value : undefined
}

function isTypeOnly(node: Node): boolean {
  if (node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type')
    return true
  const specifiers = (node.specifiers ?? []) as Node[]
  return specifiers.length > 0 && specifiers.every((one) => one.importKind === 'type')
}

const IMPORTING = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

/** The regular expressions of a module: its literals. */
export function readPatterns(source: string): { pattern: string; flags: string }[] {
  const { program } = parse(source, { sourceType: 'module', plugins: ['typescript'] })
  return [...nodes(program)]
    .filter(({ type }) => type === 'RegExpLiteral')
    .map(({ pattern, flags }) => ({ pattern: String(pattern), flags: String(flags) }))
}

/** Reads one module. Throws a SyntaxError for what is not TypeScript. */
export function readModule(path: string, source: string): Module {
  const { program } = parse(source, {
    sourceType: 'module',
    plugins: ['typescript'],
    createImportExpressions: true,
  })
  const all = [...nodes(program)]
  const imports = all.flatMap((node): Import[] => {
    const from = IMPORTING.has(node.type) ? sourceOf(node) : undefined
    if (from === undefined) return []
    const to = from.startsWith('.') ? posix.join(posix.dirname(path), from) : from
    return [{ to, typeOnly: isTypeOnly(node) }]
  })
  const nameOf = (value: unknown) => (value as { name?: string } | undefined)?.name
  return {
    path,
    imports,
    hasDefaultExport: all.some((node) => node.type === 'ExportDefaultDeclaration'),
    reexports: all.some((node) => /^Export(Named|All)/.test(node.type) && sourceOf(node)),
    readsEnvironment: all.some(
      (node) =>
        node.type === 'MemberExpression' &&
        nameOf(node.object) === 'process' &&
        nameOf(node.property) === 'env',
    ),
  }
}

/** All modules below a folder. */
export async function readModules(folder: URL): Promise<Module[]> {
  const files = await readdir(folder, { recursive: true })
  const paths = files.filter((file) => file.endsWith('.ts')).sort()
  return Promise.all(
    paths.map(async (path) => readModule(path, await readFile(new URL(path, folder), 'utf8'))),
  )
}
