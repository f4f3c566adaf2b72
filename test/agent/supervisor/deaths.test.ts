import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BanList } from '../../../agent/supervisor/bans.ts'
import { Deaths } from '../../../agent/supervisor/deaths.ts'
import { DAY, HOUR } from '../../../wire/time.ts'
import { NOW, removeFolder, temporaryFolder } from '../laptop.ts'

describe('agent/supervisor/deaths', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))

  const start = (bootId = 'b1') => {
    const paths = {
      running: join(folder, 'running.json'),
      looks: join(folder, 'looks.json'),
      spool: join(folder, 'spool'),
    }
    const deaths = new Deaths(paths, bootId)
    deaths.reached('opening')
    return deaths
  }
  const most = (deaths: Deaths) => deaths.pauseMs(() => 0.999_999)

  it('a first start, and one after a clean stop, wait for nothing', () => {
    const first = start()
    assert.deepEqual([first.last, first.count, most(first)], [null, 0, 0])
    first.reached('running')
    first.forget()
    assert.equal(start().count, 0)
  })

  it('writes nothing before it is told to: another agent may run here', () => {
    start().reached('settled')
    new Deaths(
      { running: join(folder, 'running.json'), looks: join(folder, 'looks'), spool: join(folder, 'spool') },
      'b1',
    )
    const after = start()
    assert.deepEqual([after.count, after.last?.phase], [0, 'settled'])
  })

  it('pauses longer after each death, up to ten minutes, with full jitter', () => {
    const pauses = Array.from({ length: 12 }, () => {
      const deaths = start()
      deaths.reached('running')
      return [Math.round(most(deaths) / 1_000), deaths.pauseMs(() => 0)]
    })
    assert.deepEqual(
      pauses.map(([s]) => s),
      [0, 5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600],
    )
    assert.ok(pauses.every(([, least]) => least === 0))
  })

  it('a run that settled begins the count anew', () => {
    start()
    start().reached('settled')
    const after = start()
    assert.deepEqual([after.count, after.last?.phase], [0, 'settled'])
  })

  it('the collectors at work at the second death are guilty; after the first, nobody is known', () => {
    const first = start()
    first.atWork(['software'])
    assert.equal(existsSync(join(folder, 'looks.json')), false, 'costs no write as long as nothing happened')
    const second = start()
    assert.deepEqual(second.guilty, [])
    second.atWork(['software', 'displays'])
    second.atWork(['displays'])
    const third = start()
    assert.deepEqual([third.guilty, third.isMinimum], [['displays'], false])
    third.atWork([])
    const fourth = start()
    assert.deepEqual([fourth.guilty, fourth.isMinimum, fourth.isSpoolGuilty], [[], true, true])
    fourth.forget()
    assert.equal(existsSync(join(folder, 'looks.json')), false)
  })

  it('sets a spool aside only if each death was while it was opened, and keeps it', () => {
    mkdirSync(join(folder, 'spool'))
    writeFileSync(join(folder, 'spool', 'x'), 'unsent')
    for (let n = 0; n < 3; n++) start()
    const guilty = start()
    assert.equal(guilty.isSpoolGuilty, true)
    const aside = guilty.setSpoolAside(NOW)
    assert.equal(readFileSync(join(aside!, 'x'), 'utf8'), 'unsent')
    assert.equal(guilty.setSpoolAside(NOW), null, 'there is none')
    guilty.reached('running')
    assert.equal(start().isSpoolGuilty, false, 'it had been opened')
  })

  for (const [name, text] of [
    ['rubbish', '{'],
    ['another form', '{"bootId":7}'],
    ['a number that is none', '{"bootId":null,"deaths":-1}'],
  ])
    it(`running.json with ${name} is a first start`, () => {
      writeFileSync(join(folder, 'running.json'), text!)
      assert.equal(start().count, 0)
    })

  it('of a file of the version before, it knows the boot', () => {
    writeFileSync(join(folder, 'running.json'), '{"bootId":"b0","pid":1,"startedAt":1}')
    assert.deepEqual(start().last, { bootId: 'b0', phase: 'running', collectors: [] })
  })
})

describe('agent/supervisor/bans', () => {
  let folder = ''
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => removeFolder(folder))
  const at = (now: number) => new BanList(join(folder, 'bans.json'), () => now)

  it('is on disk at once, and ends after a day', () => {
    at(NOW).add(['software'], 'why')
    assert.deepEqual(at(NOW + DAY - 1).of('software'), { collector: 'software', since: NOW, why: 'why' })
    assert.equal(at(NOW + DAY - 1).of('displays'), null)
    assert.equal(at(NOW + DAY).of('software'), null)
  })

  it('a clock that was set back does not make it longer', () => {
    at(NOW).add(['software'], 'why')
    assert.equal(at(NOW - HOUR).of('software'), null)
  })

  it('a second ban begins anew; others stay', () => {
    at(NOW).add(['software', 'displays'], 'first')
    at(NOW + HOUR).add(['software'], 'second')
    const all = at(NOW + HOUR).all.map(({ collector, why }) => `${collector} ${why}`)
    assert.deepEqual(all, ['displays first', 'software second'])
  })

  it('a file that cannot be read or written bans nobody, or until the end', () => {
    writeFileSync(join(folder, 'bans.json'), '[{')
    assert.deepEqual(at(NOW).all, [])
    const unwritable = new BanList(join(folder, 'bans.json', 'none'), () => NOW)
    unwritable.add(['software'], 'why')
    assert.equal(unwritable.all.length, 1)
  })
})
