/** The thread that reads one file (`loader.ts`). An error ends the thread and rejects the caller's promise. */
import { readFile } from 'node:fs/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { buffersOf, parseAsn } from './asn.ts'
import type { Load } from './loader.ts'
import { parseStoredList } from './range-list.ts'

const load = workerData as Load
if (load.what === 'asn') {
  const table = parseAsn(await readFile(load.path), load.path, load.version)
  parentPort!.postMessage(table, buffersOf(table))
} else {
  const list = parseStoredList(await readFile(load.path, 'utf8'))
  parentPort!.postMessage(list, [list.table.v4.buffer, list.table.v6.buffer])
}
