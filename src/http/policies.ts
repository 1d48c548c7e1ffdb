import type { FastifyInstance } from 'fastify'

/**
 * Who may call the routes that follow, where they do not say so themselves: `readers`, that is anyone,
 * who is shown what is meant for them, and only by GET; or `scoped`, whoever has the scope that each names.
 */
export type Admits = 'readers' | 'scoped'

/**
 * Refuses every route of which nobody has said who may call it, so that one that was forgotten is none: the
 * application does not start. What is returned says it of the routes that follow.
 */
export function demandPolicies(app: FastifyInstance): (whom: Admits) => void {
  let admitted: Admits = 'scoped'
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.open || config?.scope) return
    const isRead = [method].flat().every((one) => one === 'GET' || one === 'HEAD')
    if (admitted === 'readers' && isRead) return
    throw new Error(`nobody has said who may call ${[method].flat().join(', ')} ${url}`)
  })
  return (whom) => {
    admitted = whom
  }
}
