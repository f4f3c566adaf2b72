/**
 * A store in a thread of its own, so that the one that talks to agents waits neither for SQLite's lock nor for the disk.
 *
 * Shape   every method is a message and its answer; an async iterable is one message a block. Calls begin in the order
 *         they were made. What is given and what comes back is copied.
 * Errors  those of the store, as Faults with code, where, todo and facts. When the thread itself dies, what was not
 *         answered yet and every later call fails with Fault 'store.unwritable'.
 */
import { Worker } from 'node:worker_threads'
import { Fault } from '../../../wire/fault.ts'
import type { Store } from '../store.ts'
import { type FromStore, type Method, received, type ToStore } from './store-messages.ts'

type Iterated = {
  [A in Exclude<keyof Store, 'close'>]: {
    [M in keyof Store[A] & string]: Store[A][M] extends (...args: never[]) => AsyncIterable<unknown>
      ? `${A}.${M}`
      : never
  }[keyof Store[A] & string]
}[Exclude<keyof Store, 'close'>]
/** The compiler knows which: all others answer with a promise. */
const ITERATED: Record<Iterated, true> = { 'evaluations.kept': true, 'evaluations.findings': true }

export function openStoreThread(options: { folder: string; readOnly?: boolean }): Promise<Store> {
  const worker = new Worker(new URL('./store-worker.ts', import.meta.url), { workerData: options })
  return storeOf(worker, options.folder)
}

type Ask = (message: WithoutId<ToStore>) => { id: number; answer: Promise<unknown> }
type WithoutId<M> = M extends unknown ? Omit<M, 'id'> : never

/** Of a worker that runs `serveStore`. */
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
  worker.on('error', (cause) => stop('Restart the server: its log says why the thread of the store died.', cause))
  void exited.then(() => stop('The store is closed.'))

  function stop(todo: string, cause?: unknown): void {
    stopped ??= new Fault('store.unwritable', { where, todo, ...(cause !== undefined && { cause }) })
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
    // Answered behind everything that was asked before; what is asked from now on is not.
    const drained = Promise.allSettled([...waiting.values()].map((it) => it.promise))
    const { answer } = ask({ type: 'close' })
    stopped = new Fault('store.unwritable', { where, todo: 'The store is closed.' })
    await drained
    await answer
    await exited
  }
}

/** An object with the store's methods, each of which asks. */
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
