/**
 * Reads large files in threads of their own. In the thread that serves agents, a range list of 30 MB blocked for
 * 0.15 s, a table of network operators for 0.3 s.
 *
 * Shape   one thread per file (`loader-thread.ts`); the result is typed arrays, transferred without a copy.
 * Errors  rejects with the reason why the file cannot be used.
 */
import { Worker } from 'node:worker_threads'
import type { AsnData } from './asn.ts'
import type { LoadedList } from './range-list.ts'

export type Load = { what: 'list'; path: string } | { what: 'asn'; path: string; version: 4 | 6 }

export function loadAsn(path: string, version: 4 | 6): Promise<AsnData> {
  return inThread({ what: 'asn', path, version })
}

export function loadLargeList(path: string): Promise<LoadedList> {
  return inThread({ what: 'list', path })
}

/** `T` is the type of the load's result. */
function inThread<T>(load: Load): Promise<T> {
  const worker = new Worker(new URL('./loader-thread.ts', import.meta.url), { workerData: load })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error(`the reader of ${load.path} ended too early`)))
  })
}
