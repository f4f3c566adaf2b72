/** A laptop with secrets in every text that a collector reads: none is in an event, in what is remembered, or in a gap. */
import assert from 'node:assert/strict'
import { collectorsOf } from '../../../agent/collectors/index.ts'
import type { Observation } from '../../../wire/event.ts'
import type { Policy } from '../../../wire/messages.ts'
import { denied, type FakeHost, fakeHost, link, policy, put, watchPolls } from '../fake-host.ts'

const POLICY: Policy = { ...policy, watchedRoots: [{ path: '/home/ann/src', kind: 'source' }] }
const unit = (command: string) => `[Service]\nExecStart=${command}\n`
const desktop = (command: string) => `[Desktop Entry]\nExec=${command}\n`
const origin = (name: string, url: string) => `[remote "${name}"]\n\turl = ${url}\n`

function laptop(): FakeHost {
  const host = fakeHost({
    '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
    '/proc/self': {},
    '/proc/loadavg': '0.00 0.00 0.00 1/100 300\n',
    '/proc/stat': 'cpu 1 2 3\nprocesses 400\n',
    '/etc/systemd/system/multi-user.target.wants/a.service': unit('/usr/bin/a --password hunter2'),
    '/etc/systemd/system/multi-user.target.wants/b.service': unit('/bin/sh -c "SSHPASS=hunter2 sshpass -e ssh h"'),
    '/home/ann/.config/systemd/user/default.target.wants/c.service': unit('rclone mount --rc-user a --rc-pass hunter2'),
    '/etc/crontab': '1 * * * * root mysql -uroot -phunter2 shop\n',
    '/etc/cron.d/job': '1 * * * * root curl -su ann:hunter2 https://h.example/hunter2\n',
    '/var/spool/cron/crontabs/ann': '@reboot echo hunter2 | sudo -S /home/ann/run\n',
    '/etc/xdg/autostart/x.desktop': desktop('x --token=hunter2'),
    '/home/ann/.config/autostart/y.desktop': desktop('rustdesk --password hunter2'),
    '/home/ann/.bashrc': 'export TOKEN=hunter2\nrustdesk --password hunter2 &\n',
    '/home/ann/src/a/.git/HEAD': 'ref: refs/heads/main\n',
    '/home/ann/src/a/.git/config': '',
  })
  run(host, 1, ['/sbin/init'])
  run(host, 200, ['bash', '-c', 'DB_PASSWORD=hunter2 make deploy'])
  return host
}

/** A process of ann's, the child of process 200. Without `exe` its executable may not be read. */
function run(host: FakeHost, pid: number, args: readonly string[], exe: string | null = args[0]!): void {
  put(host.tree, `/proc/${pid}`, {
    stat: `${pid} (x) S ${pid === 1 ? 0 : 200} 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 ${pid} 1000 10\n`,
    status: 'Name:\tx\nUid:\t1000\t1000\t1000\t1000\n',
    cmdline: args.map((it) => `${it}\0`).join(''),
    exe: exe === null ? denied : link(exe),
    cwd: link('/home/ann'),
  })
}

/** What happens between two polls of each collector. */
const HAPPENS: readonly ((host: FakeHost) => void)[] = [
  (host) => {
    run(host, 300, ['git', 'clone', 'https://ann:p/hunter2@h.example/acme/x.git'])
    run(host, 301, ['git', 'push', 'ann:hunter2@h.example:acme/x.git'])
    run(host, 302, ['git', 'remote', 'add', 'o', 'https://hunter2@h.example/acme/x'])
    run(host, 303, ['zip', '-rP', 'hunter2', '/home/ann/out.zip', 'src'])
    run(host, 304, ['ssh', '-o', 'ProxyCommand=connect -H ann:hunter2@h:3128 %h', 'box'])
    run(host, 305, ['worker --password hunter2 (a title that the program set)'], null)
    run(host, 306, ['worker --api-key=hunter2 idle'], '/usr/bin/worker')
    run(host, 307, ['/usr/bin/curl', '-H', 'X-Api-Key: hunter2', 'https://h.example/hunter2'], null)
    put(host.tree, '/proc/loadavg', '0.00 0.00 0.00 1/100 307\n')
    put(host.tree, '/proc/stat', 'cpu 1 2 3\nprocesses 408\n')
    put(host.tree, '/home/ann/out.zip', { data: '', size: 2_000_000 })
    put(host.tree, '/home/ann/x/.git/HEAD', 'ref: refs/heads/main\n')
    put(host.tree, '/home/ann/src/a/.git/config', origin('origin', 'https://ann:p/hunter2@h.example/acme/y.git'))
  },
  (host) => {
    for (let pid = 300; pid < 308; pid++) put(host.tree, `/proc/${pid}`, undefined)
    put(host.tree, '/proc/loadavg', '0.00 0.00 0.00 1/100 308\n')
  },
]
/** So many polls that the rarest look comes round. */
const POLLS = 16

describe('agent/collectors, secrets', () => {
  const found = new Map<string, Observation[]>()
  let host: FakeHost

  before(async () => {
    // One laptop, and one set of collectors: processes tells the others what began.
    host = laptop()
    for (const collector of collectorsOf('linux', { seen: 0, total: 0 })) {
      const polls = Array.from({ length: POLLS }, (_, at) => () => {
        if (collector.name === 'processes') HAPPENS[at]?.(host)
      })
      found.set(collector.name, (await watchPolls(collector, host, polls, POLICY)).flat())
    }
  })

  for (const { name } of collectorsOf('linux', { seen: 0, total: 0 }))
    it(`${name} reports none, and remembers none`, () => {
      assert.ok(found.has(name))
      assert.doesNotMatch(JSON.stringify(found.get(name)), /hunter2/i)
      assert.doesNotMatch(host.saved.get(name) ?? '', /hunter2/i)
    })

  it('and yet the commands and the URLs are there', () => {
    const categories = (name: string, category: Observation['category']) =>
      found.get(name)!.filter((it) => it.category === category).length
    assert.equal(categories('processes', 'process_creation'), 10)
    assert.equal(categories('autostarts', 'autostart'), 9)
    assert.ok(categories('repositories', 'repository') >= 3, JSON.stringify(found.get('repositories')))
    assert.equal(categories('archives', 'archive_created'), 1)
    const hosts = found.get('repositories')!.flatMap((it) => (it.category === 'repository' ? [it.Host] : []))
    assert.ok(
      hosts.every((it) => it === 'h.example'),
      hosts.join(),
    )
  })
})
