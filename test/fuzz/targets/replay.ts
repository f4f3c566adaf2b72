/** Recorded telemetry, line by line, through derivers, rules and score. */

import assert from 'node:assert/strict'
import { compile, load } from '../../../rules/language/index.ts'
import { replay } from '../../../server/commands/replay.ts'
import { PRIOR } from '../../../server/model/assessment.ts'
import { linesOf } from '../../../server/recordings/lines.ts'
import { NOWHERE } from '../../server/ingest/raw-agent.ts'
import type { Target } from '../target.ts'

const RULE =
  'title: t\nid: t\nlogsource: { category: listening_socket, product: linux }\ndetection: { sel: { Port: 5900 }, condition: sel }\n' +
  'tellwire: { family: remote-access, strength: 3, halfLifeDays: 7, says: A listener on {Port}. }\n'
const AT = Date.UTC(2026, 10, 2, 9)
const LATER = AT + 3_600_000
const GOOD = [
  { type: 'device', device: 'd-good', worker: 'w-good', from: AT, to: null, receivedAt: AT, firstBoot: null },
  {
    ...{ type: 'event', device: 'd-good', epoch: 1, receivedAt: AT },
    event: {
      ...{
        category: 'listening_socket',
        id: '0195b2c0-0000-7000-8000-000000000001',
        seq: 1,
        time: AT,
        product: 'linux',
      },
      ...{ collector: 'test', Image: '/usr/bin/x', Protocol: 'tcp', Address: '0.0.0.0', Port: 5_900 },
    },
  },
].map((it) => JSON.stringify(it))

export const replayed: Target = {
  name: 'replay',
  shape: 'json-lines',
  dictionary: ['"type":"event"', '"type":"connection"', '"receivedAt":', '"device":', '"epoch":', '"facts":', '"geo":'],
  async open() {
    const { rules, correlations } = load([{ path: 'r.yml', text: RULE }])
    const program = compile(rules)
    return {
      async run(input) {
        let lines = 0
        let reported = 0
        async function* all() {
          yield GOOD
          const chunks = [input.subarray(0, input.length >> 1), input.subarray(input.length >> 1)]
          for await (const block of linesOf(each(chunks))) {
            lines += block.length
            yield block
          }
        }
        const deps = { program, correlations, recognise: () => undefined, lookup: () => NOWHERE }
        const answer = await replay(all(), deps, { at: LATER, onProblem: () => void reported++ })
        assert.equal(answer.stats.rejected, reported)
        assert.ok(reported <= lines)
        const good = answer.workers.find((it) => it.worker === 'w-good')
        assert.ok(good, 'the good worker is still judged')
        for (const { points, parts } of answer.workers) {
          assert.ok(Number.isInteger(points) && points >= PRIOR, `${points} points`)
          assert.ok(parts.every((part) => Number.isInteger(part.points)))
        }
      },
    }
  },
}

async function* each(chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}
