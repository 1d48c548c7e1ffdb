import type pg from 'pg'

type Connecting = { connection: pg.Connection & NodeJS.EventEmitter }
// biome-ignore lint/suspicious/noExplicitAny: what TypeScript asks of the base of a mixin
type Client = new (...args: any[]) => pg.Client

/**
 * A connection that leads to a primary or is lost: PostgreSQL says of itself, unasked, when somebody
 * connects and when it changes, whether it is a standby (`in_hot_standby`, from 14 on). After a failover
 * the old primary comes back as one, and whoever reads there reads what was. PgBouncer does not pass it on.
 */
export function ofPrimary<Base extends Client>(base: Base): Base {
  return class extends base {
    // biome-ignore lint/suspicious/noExplicitAny: as above
    constructor(...args: any[]) {
      super(...args)
      const { connection } = this as unknown as Connecting
      connection.on(
        'parameterStatus',
        (told: { parameterName: string; parameterValue: string }) => {
          if (told.parameterName !== 'in_hot_standby' || told.parameterValue !== 'on') return
          connection.stream.destroy(new Error('This server is a standby; the primary is wanted.'))
        },
      )
    }
  }
}
