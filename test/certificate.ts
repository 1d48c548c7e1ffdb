import { mkdtemp, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/**
 * A certificate for these names and addresses, signed by itself, as files in a folder of its own.
 * A process trusts it that has `cert` in NODE_EXTRA_CA_CERTS.
 */
export async function makeCertificate(hosts: string[]) {
  const altNames = hosts.map((host) =>
    isIP(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host },
  )
  const { private: key, cert } = await generate([{ name: 'commonName', value: hosts[0] ?? '' }], {
    ...{ keyType: 'ec', algorithm: 'sha256' },
    extensions: [{ name: 'subjectAltName', altNames }],
  })
  const folder = await mkdtemp(join(tmpdir(), 'dateline-certificate-'))
  const files = { folder, key: join(folder, 'key.pem'), cert: join(folder, 'cert.pem') }
  await writeFile(files.key, key)
  await writeFile(files.cert, cert)
  return files
}
