/** One request of a load, as it is told to the load generator. */
export type Shot = {
  method: 'GET' | 'POST'
  path: string
  /** `{n}` in it becomes a number of eight digits that no other request has. */
  body?: string
  headers?: Record<string, string>
}

/** Stands in a body for the number; as long as it. */
export const NUMBER = '{number}'

/** What the load generator is to do. */
export type Load = {
  port: number
  shots: Shot[]
  connections: number
  /** Of the requests that count; before them come as many that do not, for a fifth of the time. */
  seconds: number
  /** Instead of drawing by chance for a time: each request once, and nothing counts. */
  once?: boolean
  seed: number
  /** Where the numbers of bodies begin. */
  from: number
}

/** What it saw. */
export type Volley = {
  requests: number
  perSecond: number
  /** ms */
  p50: number
  p99: number
  /** Of a body, mean. */
  bytes: number
  /** Answers that were not 200 or 201. */
  failed: number
  /** Share of its core that the load generator used. */
  busy: number
  /** The last number that a body had. */
  numbered: number
}
