/**
 * Runs a store in its own thread, so that the thread that talks to agents never waits for SQLite's lock or the disk.
 *
 * Shape   every method call is a message and its answer; an async iterable is one message per block. Calls begin in the
 *         order they were made. Arguments and results are copied.
 * Errors  those of the store, as Faults with code, where, why, todo and facts. When the thread dies, unanswered calls
 *         and all later ones fail with Fault 'store.unwritable'.
 */
import { Worker } from 'node:worker_threads'
import { Fault, type FaultDetails } from '../../../wire/fault.ts'
import type { Store } from '../store.ts'
import { type FromStore, type Method, received, type ToStore } from './store-messages.ts'

type Iterated = {
  [A in Exclude<keyof Store, 'close'>]: {
    [M in keyof Store[A] & string]: Store[A][M] extends (...args: never[]) => AsyncIterable<unknown>
      ? `${A}.${M}`
      : never
  }[keyof Store[A] & string]
}[Exclude<keyof Store, 'close'>]
/** The compiler checks this list: all other methods return a promise. */
const ITERATED: Record<Iterated, true> = { 'evaluations.kept': true, 'evaluations.findings': true }

export function openStoreThread(options: { folder: string; readOnly?: boolean }): Promise<Store> {
  const worker = new Worker(new URL('./store-worker.ts', import.meta.url), { workerData: options })
  return storeOf(worker, options.folder)
}

type Ask = (message: WithoutId<ToStore>) => { id: number; answer: Promise<unknown> }
const CLOSED = { why: 'The store is closed.' }

type WithoutId<M> = M extends unknown ? Omit<M, 'id'> : never

/** The store of a worker that runs `serveStore`. */
export async function storeOf(worker: Worker, where: string): Promise<Store> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const opened = Promise.withResolvers<readonly Method[]>()
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  let stopped: Fault | null = null
  let last = 0

  worker.on('message', (message: FromStore) => {
    if (message.type === 'opened') opened.resolve(message.methods)
    else if (message.type === 'refused') opened.reject(received(message.fault))
    else {
      const { resolve, reject } = waiting.get(message.id)!
      waiting.delete(message.id)
      if (message.type === 'answer') resolve(message.value)
      else reject(received(message.fault))
    }
  })
  const restart = 'Restart the server; its log has the reason.'
  worker.on('error', (cause) => stop({ why: 'The thread of the store died.', todo: restart, cause }))
  void exited.then(() => stop(CLOSED))

  function stop(details: FaultDetails): void {
    stopped ??= new Fault('store.unwritable', { where, ...details })
    opened.reject(stopped)
    for (const it of waiting.values()) it.reject(stopped)
    waiting.clear()
  }

  const ask: Ask = (message) => {
    const id = ++last
    if (stopped) return { id, answer: Promise.reject(stopped) }
    const answer = Promise.withResolvers<unknown>()
    worker.postMessage({ ...message, id })
    waiting.set(id, answer)
    return { id, answer: answer.promise }
  }

  const store = facade(await opened.promise, ask)
  return { ...store, close }

  async function close(): Promise<void> {
    if (stopped) return
    // Waits for calls made before; later calls fail.
    const drained = Promise.allSettled([...waiting.values()].map((it) => it.promise))
    const { answer } = ask({ type: 'close' })
    stopped = new Fault('store.unwritable', { where, ...CLOSED })
    await drained
    await answer
    await exited
  }
}

/** An object with the store's methods, each of which sends a message. */
function facade(methods: readonly Method[], ask: Ask): Omit<Store, 'close'> {
  const store: Record<string, Record<string, unknown>> = {}
  for (const method of methods) {
    const [aggregate, name] = method
    const isIterated = Object.hasOwn(ITERATED, `${aggregate}.${name}`)
    store[aggregate] ??= {}
    store[aggregate][name] = isIterated
      ? (...args: unknown[]) => iterated(method, args, ask)
      : async (...args: unknown[]) => ask({ type: 'call', method, args }).answer
  }
  return store as unknown as Omit<Store, 'close'>
}

async function* iterated(method: Method, args: unknown[], ask: Ask): AsyncIterable<unknown> {
  const { id: iterator, answer } = ask({ type: 'iterate', method, args })
  await answer
  try {
    for (;;) {
      const block = await ask({ type: 'next', iterator }).answer
      if (block === null) return
      yield block
    }
  } finally {
    await ask({ type: 'end', iterator }).answer
  }
}
