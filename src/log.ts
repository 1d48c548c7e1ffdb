import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/** The process's log: readable lines on a terminal, JSON everywhere else. Keys are never in it. */
export async function openLog({ logLevel }: Pick<Config, 'logLevel'>): Promise<Logger> {
  const options = { level: logLevel, redact: ['req.headers.authorization'] }
  if (!process.stdout.isTTY) return pino(options)
  const { default: pretty } = await import('pino-pretty')
  return pino(
    options,
    pretty({ ignore: 'pid,hostname', translateTime: 'HH:MM:ss', singleLine: true }),
  )
}
