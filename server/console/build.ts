/**
 * Builds the console: one script, one stylesheet, one page, minified and compressed once, when the server starts.
 *
 * Shape   a file per path; script and style have a hash of their content in the name, so browsers cache them for ever.
 * Errors  rejects with esbuild's message when the source does not build.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'esbuild'
import type { ConsoleFile } from '../api/files.ts'

const HERE = import.meta.dirname
const TYPES: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
}

/** `outFolder` null keeps the files in memory only. */
export async function buildConsole({
  outFolder = null,
}: {
  outFolder?: string | null
} = {}): Promise<{ files: Map<string, ConsoleFile> }> {
  const built = await build({
    absWorkingDir: HERE,
    entryPoints: ['main.tsx'],
    outdir: '/assets',
    entryNames: '[name]-[hash]',
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2023',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'silent',
    tsconfigRaw: {},
  })
  const assets = built.outputFiles.map((file) => ({
    path: `/assets/${basename(file.path)}`,
    body: new Uint8Array(file.contents),
  }))
  const named = (ending: string) => assets.find(({ path }) => path.endsWith(ending))?.path ?? ''
  const template = await readFile(join(HERE, 'index.html'), 'utf8')
  const page = template.replace('/main.css', named('.css')).replace('/main.js', named('.js'))
  const plain = [
    { path: '/index.html', body: new TextEncoder().encode(page) },
    { path: '/favicon.svg', body: new Uint8Array(await readFile(join(HERE, 'favicon.svg'))) },
  ]

  const files = new Map<string, ConsoleFile>()
  await Promise.all([
    ...assets.map(async ({ path, body }) => files.set(path, await packed(path, body, true))),
    ...plain.map(async ({ path, body }) => files.set(path, await packed(path, body, false))),
  ])
  if (outFolder !== null) {
    await mkdir(join(outFolder, 'assets'), { recursive: true })
    for (const [path, { body }] of files) await writeFile(join(outFolder, path), body)
  }
  return { files }
}

async function packed(path: string, body: Uint8Array<ArrayBuffer>, immutable: boolean): Promise<ConsoleFile> {
  const [zipped, br] = await Promise.all([
    promisify(gzip)(body, { level: 9 }),
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  ])
  return {
    body,
    gzip: new Uint8Array(zipped),
    br: new Uint8Array(br),
    type: TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    immutable,
  }
}
