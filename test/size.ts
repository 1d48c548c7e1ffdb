import fc from 'fast-check'

/** Whether tests run at full size. */
export const isLong = process.env.TEST_SIZE === 'long'

// `npm test` makes the same runs every time, so that what fails has been broken by the change at
// hand; `npm run test:long` goes where nobody has been.
if (!isLong) fc.configureGlobal({ seed: 20_261_122 })

/**
 * How many runs a property test makes: `small` in `npm test`, twenty times that in
 * `npm run test:long`, which sets TEST_SIZE=long. The properties are the same.
 */
export function runs(small: number): number {
  return isLong ? small * 20 : small
}
