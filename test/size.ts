/**
 * How many runs a property test makes: `small` in `npm test`, twenty times that in
 * `npm run test:long`, which sets TEST_SIZE=long. The properties are the same.
 */
export function runs(small: number): number {
  return process.env.TEST_SIZE === 'long' ? small * 20 : small
}
