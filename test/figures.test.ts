import t from 'tap'
import { figure, figuresIn } from './figures.ts'

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
