import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { figure, figuresIn, PROMISES } from './figures.ts'

t.test('a figure is found in what a test prints', async (t) => {
  const printed: string[] = []
  const test = { comment: (text: string) => printed.push(`    # ${text}`) }
  figure(test, 'disk full', 'lost 1')
  figure(test, 'disk full', 'lost 0,\n  500s 0')
  figure(test, 'same slug', '20 of 20 | one 201 each')
  const tap = ['TAP version 14', ...printed, '    # figure: unheard of | 1', 'ok 1'].join('\n')
  t.same(
    [...figuresIn(tap)],
    [
      ['disk full', 'lost 0, 500s 0'],
      ['same slug', '20 of 20 / one 201 each'],
    ],
    'the last one counts, in one line, without what ends a cell of a table',
  )
})

t.test('each promise is measured by a test', async (t) => {
  const folder = new URL('.', import.meta.url)
  const files = readdirSync(folder).filter(
    (name) => /\.test\.ts$/.test(name) && !/^figures/.test(name),
  )
  const tests = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
  for (const promise of Object.keys(PROMISES))
    t.match(tests, new RegExp(String.raw`\bfigure\(\s*t,\s*'${promise}'`), promise)
})
