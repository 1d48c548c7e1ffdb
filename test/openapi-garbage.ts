import fc from 'fast-check'

/* What callers send by mistake or on purpose, without regard to what is asked for. */

/** Texts that have broken other services: encodings, PostgreSQL's syntaxes, names, numbers, dates. */
const SUSPICIOUS = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '\ufeff',
    '\u202e',
    'e\u0301',
    '👨‍👩‍👧',
    '北京',
    '\u2028',
  ],
  ...["'", "';--", "' or 1=1 --", '"', '\\', '$1', '$$', '%', '%s', '_', '{}', '{null}', '\\x00'],
  ...['&', '|', '!', '<->', 'a & ', '(a', 'a:*', 'a <2> b', '"a', '-"', 'or', '-', 'or or', '- -a'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'null',
    'undefined',
    'NaN',
    'true',
    '[object Object]',
  ],
  ...[
    '0',
    '-1',
    '1e9',
    '1e309',
    '0x10',
    '٣',
    '9007199254740993',
    '2147483648',
    '1,2',
    ',',
    ',,',
    '-,',
  ],
  ...['2026-02-31T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:60Z', 'infinity', 'now'],
  ...[
    '../../etc/passwd',
    'file:///etc/passwd',
    'javascript:alert(1)',
    '<script>',
    '{{7*7}}',
    '\r\n',
  ],
  ...['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
]

/** Any text, NUL and lone surrogates included. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...SUSPICIOUS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom('\ud800', 'a', '\0'), maxLength: 4 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 5000 }).map((n) => 'x'.repeat(n)) },
)

/** Any JSON value, with such texts in it. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  anyText,
  fc.constantFrom(null, true, false, 0, -1, 0.5, 1e308, 2 ** 53, [], {}, [[]], [null], ''),
  fc.array(anyText, { maxLength: 3 }),
  fc.dictionary(anyText, anyText, { maxKeys: 3 }),
)

/** A header's value as it can come over the wire: no control characters, Latin-1. */
export const anyHeader: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', '*', '"', ',', '"",', 'W/""', '"\\"', '; =', '\u00ff\u00fe', ' , , '),
  fc.string({ maxLength: 40 }),
  fc.integer({ min: 200, max: 2000 }).map((n) => '"x",'.repeat(n)),
)

/** What stands in a URL where a text should: broken percent-encoding, bad UTF-8, unencoded signs. */
export const brokenUrlText = fc.constantFrom(
  ...['%', '%Z', '%ZZ', '%C3', '%FF', '%C0%80', '%ED%A0%80', '%ED%BF%BF', '%F5%80%80%80', '%00'],
  ...['%EF%BF%BE', '%u0041', '+', '%2B', '%2F', '%2e%2e', 'a%0d%0ab', '%25%30%30', ';', ':', '@'],
)

/** A text as it stands in a URL; lone surrogates as the bytes that some clients make of them. */
export function inUrlAtAnyCost(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\u0001')).replaceAll('%01', '%ED%A0%80')
}
