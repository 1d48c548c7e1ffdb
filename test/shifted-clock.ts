/*
 * Preloaded (`node --import`), it makes the clock of the process wrong by CLOCK_SHIFT ms: what has
 * to go by the database's clock must not notice.
 */
const shift = Number(process.env.CLOCK_SHIFT)
const Right = Date

globalThis.Date = new Proxy(Right, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length > 0 ? args : [target.now() + shift], newTarget),
  apply: (target) => new target(target.now() + shift).toString(),
  get: (target, name) =>
    name === 'now' ? () => target.now() + shift : Reflect.get(target, name, target),
})
