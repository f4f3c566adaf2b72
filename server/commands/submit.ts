/** Writes records of a person into a server's log: through the running server, or in its place when none runs. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '../../wire/fault.ts'
import type { Recorded } from '../../wire/recording.ts'
import type { Config } from '../config.ts'
import { logger } from '../log.ts'
import type { AuditEntry } from '../model/user.ts'
import { answerTo, deliverRecording, forgetAnswer } from '../recordings/inbox.ts'
import { importOffline } from '../roles/offline.ts'
import { readServerFile } from '../roles/server-file.ts'
import { inboxUnwritable, withStore } from './data-folder.ts'

const LOOK_EVERY_MS = 100

/** 'later': the server stopped before it took them; its next start does. */
export async function submit(
  config: Config,
  records: readonly Recorded[],
  entries: readonly AuditEntry[],
): Promise<'judged' | 'later'> {
  const lines = records.map((it) => JSON.stringify(it))
  const state = await importOffline(config, () => oneBlock(lines), {
    log: logger('error'),
    onRuleProblem() {},
    onJudged() {},
  }).then(
    () => 'judged' as const,
    (cause: unknown) => {
      const isRunning = cause instanceof Fault && cause.code === 'server.running' && readServerFile(config.dataFolder)
      if (!isRunning) throw cause
      return handOver(config.dataFolder, lines)
    },
  )
  await withStore(config.dataFolder, 'change', async (store) => {
    for (const it of entries) await store.audit.add(it)
  })
  return state
}

async function* oneBlock(lines: readonly string[]) {
  yield lines
}

async function handOver(folder: string, lines: readonly string[]): Promise<'judged' | 'later'> {
  const inbox = join(folder, 'inbox')
  const text = (async function* () {
    yield `${lines.join('\n')}\n`
  })()
  const name = await deliverRecording(inbox, text, Date.now()).catch((cause: unknown) => {
    throw inboxUnwritable(inbox, cause)
  })
  for (;;) {
    const answer = await answerTo(inbox, name)
    if (answer?.state === 'done' || answer?.state === 'failed') await forgetAnswer(inbox, name)
    if (answer?.state === 'done') return 'judged'
    if (answer?.state === 'failed')
      throw new Fault('events.invalid', { where: inbox, why: `The server could not take it: ${answer.why}` })
    if (!readServerFile(folder)) return 'later'
    await delay(LOOK_EVERY_MS)
  }
}
