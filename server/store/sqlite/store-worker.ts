/** The thread's side of `store-thread.ts`: serves a store. Calls begin in the order they came. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Store } from '../store.ts'
import { openSqliteStore } from './store.ts'
import { type FromStore, type Method, sent, type ToStore } from './store-messages.ts'

type Aggregate = Record<string, (...args: unknown[]) => unknown>

export async function serveStore(port: MessagePort, open: () => Promise<Store>): Promise<void> {
  const say = (message: FromStore) => port.postMessage(message)
  const iterators = new Map<number, AsyncIterator<unknown>>()
  let store: Store
  try {
    store = await open()
  } catch (cause) {
    say({ type: 'refused', fault: sent(cause) })
    return
  }
  const aggregates = Object.fromEntries(
    Object.entries(store).filter(([, it]) => typeof it === 'object'),
  ) as unknown as Record<string, Aggregate>
  const methods = Object.entries(aggregates).flatMap(([name, it]) =>
    Object.keys(it).map((method): Method => [name, method]),
  )

  const call = ([aggregate, method]: Method, args: unknown[]) => aggregates[aggregate]![method]!(...args)

  async function answer(message: ToStore): Promise<unknown> {
    switch (message.type) {
      case 'call':
        return call(message.method, message.args)
      case 'iterate': {
        const iterable = call(message.method, message.args) as AsyncIterable<unknown>
        iterators.set(message.id, iterable[Symbol.asyncIterator]())
        return null
      }
      case 'next': {
        const { done, value } = await iterators.get(message.iterator)!.next()
        return done ? null : value
      }
      case 'end': {
        const iterator = iterators.get(message.iterator)
        iterators.delete(message.iterator)
        await iterator?.return?.()
        return null
      }
      case 'close':
        for (const it of iterators.values()) await it.return?.()
        await store.close()
        return null
    }
  }

  const running = new Set<Promise<void>>()
  async function run(message: ToStore): Promise<void> {
    const { id } = message
    try {
      const value = await answer(message)
      // Calls that began before are answered first: a message to a closed port is lost.
      if (message.type === 'close') await Promise.all(running)
      say({ type: 'answer', id, value })
    } catch (cause) {
      say({ type: 'failed', id, fault: sent(cause) })
    }
    if (message.type === 'close') port.close()
  }
  port.on('message', (message: ToStore) => {
    const begun = run(message)
    if (message.type !== 'close') running.add(begun)
    void begun.finally(() => running.delete(begun))
  })
  say({ type: 'opened', methods })
}

if (parentPort) void serveStore(parentPort, () => openSqliteStore(workerData as { folder: string; readOnly?: boolean }))
