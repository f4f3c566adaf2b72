import assert from 'node:assert/strict'
import {
  autostarts,
  parseCron,
  parseDesktop,
  parseShell,
  parseUnit,
} from '../../../../agent/collectors/linux/autostarts.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation } from '../../../../wire/event.ts'
import { checked, denied, type FakeHost, fakeHost, link, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

describe('agent/collectors/linux/autostarts', () => {
  const crons: [name: string, text: string, withUser: boolean, expected: string[]][] = [
    ['a user table', '# c\nSHELL=/bin/sh\nA = b\n*/5 * * * *  run  it\n@reboot /x y\n', false, ['run it', '/x y']],
    ['a system table', '17 * * * * root cd / && run-parts\n@daily root /x\n', true, ['cd / && run-parts', '/x']],
    ['incomplete', '17 * * *\n@reboot\n\n', false, []],
  ]
  for (const [name, text, withUser, expected] of crons)
    it(`cron: ${name}`, () => assert.deepEqual(parseCron(text, withUser), expected))

  const shells: [name: string, text: string, expected: string | null][] = [
    ['an alias and a path', 'alias ll="ls -l"\nexport PATH=$PATH:~/bin\n[ -f x ] && . x\n', null],
    ['in the background', 'cd\n(~/.cache/agent &)\n', '(~/.cache/agent &)'],
    ['in the background, in silence', '/tmp/x >/dev/null 2>&1 &\n', '/tmp/x >/dev/null 2>&1 &'],
    ['over two lines', 'nohup \\\n  anydesk --service\n', 'nohup    anydesk --service'],
    ['set apart', 'setsid -f rustdesk --server', 'setsid -f rustdesk --server'],
    ['a comment', '# anydesk &\n', null],
    ['a redirection is none', 'echo x >&\nmake |&\n', null],
  ]
  for (const [name, text, expected] of shells) it(`shell: ${name}`, () => assert.equal(parseShell(text), expected))

  it("reports what a shell's start file leaves running, and each file in profile.d", async () => {
    const host = fakeHost({
      '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
      '/etc/profile': 'PATH=/bin\n',
      '/etc/profile.d/vte.sh': 'echo\n',
      '/etc/profile.d/README': 'x &\n',
      '/etc/profile.d/helper.sh': 'nohup /opt/helper --token=abc &\n',
      '/home/ann/.bashrc': "alias secret='ssh me@home'\n",
      '/home/ann/.zshrc': '~/.cache/x --password hunter2 &\n',
    })
    const [first, second] = await watchPolls(autostarts, host, [
      () => put(host.tree, '/home/ann/.bashrc', "alias secret='ssh me@home'\nsetsid x\n"),
    ])
    assert.deepEqual(reported(first), [
      'shell profile.d/vte.sh system /etc/profile.d/vte.sh',
      'shell profile.d/helper.sh system nohup /opt/helper --token=*** &',
      'shell .zshrc user ~/.cache/x --password *** &',
    ])
    assert.deepEqual(reported(second), ['shell .bashrc user setsid x'])
  })

  it('reads units and desktop files', () => {
    assert.equal(
      parseUnit('[Service]\nExecStartPre=/no\nExecStart=-/usr/bin/a \\\n  b\nExecStart=\nExecStart=/c\n'),
      '/usr/bin/a    b; /c',
    )
    assert.equal(parseUnit(''), null)
    assert.deepEqual(parseDesktop('[Desktop Entry]\nExec=a %u\n[Desktop Action x]\nExec=b\nHidden=true\n'), {
      command: 'a %u',
      hidden: false,
    })
    assert.deepEqual(parseDesktop('[Desktop Entry]\nHidden=true\n'), { command: null, hidden: true })
    assert.deepEqual(parseDesktop('Exec=x'), { command: null, hidden: false })
  })

  it('reports all once, without secrets, then new and changed entries', async () => {
    const host = laptop()
    const polls = await watchPolls(autostarts, host, [
      () => {},
      () => put(host.tree, '/etc/crontab', '1 * * * * root /opt/new --token=abc\n'),
      () => put(host.tree, '/home/ann/.config/autostart/rustdesk.desktop', '[Desktop Entry]\nExec=rustdesk --tray\n'),
      () => put(host.tree, '/home/ann/.config/autostart/rustdesk.desktop', undefined),
    ])
    assert.deepEqual(polls.map(reported), [
      [
        'systemd anydesk.service system /usr/bin/anydesk --service --password ***',
        'systemd x.timer system /usr/bin/x',
        'cron crontab system cd /',
        'cron cron.d/job system curl https://h.example/***',
        'cron cron.daily/dpkg system /etc/cron.daily/dpkg',
        'cron crontabs/ann user /home/ann/run',
        'xdg nm.desktop system nm-applet',
        'systemd sync.service user /home/ann/sync',
      ],
      [],
      ['cron crontab system /opt/new --token=***'],
      ['xdg rustdesk.desktop user rustdesk --tray'],
      [],
    ])
  })

  it('counts files, bytes and entries beyond its limits', async () => {
    const host = fakeHost({})
    const jobs = (count: number) => Array.from({ length: count }, (_, n) => `* * * * * root /bin/job${n}\n`).join('')
    for (let n = 0; n < 1_005; n++) put(host.tree, `/etc/cron.daily/f${n}`, '')
    put(host.tree, '/etc/crontab', jobs(4_000))
    put(host.tree, '/etc/cron.d/long', `${'#'.repeat(262_144)}\n${jobs(1)}`)
    const [first] = await watchPolls(autostarts, host)
    const gaps = first!.flatMap((it) =>
      it.category === 'collection_gap' ? [`${it.About} ${it.Reason} ${it.Count}`] : [],
    )
    assert.deepEqual(gaps, [
      'files in /etc/cron.d overflow 26',
      '/etc/cron.daily overflow 5',
      'autostart entries overflow 1000',
    ])
    assert.equal(first!.length, 4_003)
  })

  it('a restart reports nothing, and the saved state contains no command', async () => {
    const host = laptop()
    await watchPolls(autostarts, host)
    assert.deepEqual((await watchPolls(autostarts, host)).map(reported), [[]])
    assert.ok(!host.saved.get('autostarts')!.includes('anydesk'))
    put(host.tree, '/etc/crontab', '1 * * * * root /opt/new\n')
    assert.deepEqual((await watchPolls(autostarts, host)).map(reported), [['cron crontab system /opt/new']])
  })

  it('reports a gap for what it cannot read', async () => {
    const host = laptop()
    put(host.tree, '/etc/cron.d/secret', denied)
    const [first] = await watchPolls(autostarts, host)
    assert.deepEqual(
      reported(first).filter((it) => it.startsWith('denied')),
      ['denied /etc/cron.d'],
    )
    assert.equal(first!.length, 8)
  })

  it('reads the entries of this machine', async function () {
    needsLinux(this)
    const stop = new AbortController()
    const host = linux.host({ hmac: (it) => it, stateFolder: '/dev/null/nowhere' })
    host.sleep = async () => stop.abort()
    const found: Observation[] = []
    for await (const it of autostarts.run(host, policy, stop.signal)) found.push(checked(it))
    assert.ok(found.some((it) => it.category === 'collection_gap' && it.About === 'saved state of autostarts'))
  })
})

function laptop(): FakeHost {
  return fakeHost({
    '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
    '/proc/self': '',
    '/etc/systemd/system/multi-user.target.wants/anydesk.service': link('/usr/lib/systemd/system/anydesk.service'),
    '/etc/systemd/system/multi-user.target.wants/x.timer': link('../x.timer'),
    '/etc/systemd/system/x.service': '[Service]\nExecStart=/usr/bin/x\n',
    '/usr/lib/systemd/system/anydesk.service': '[Service]\nExecStart=/usr/bin/anydesk --service --password hunter2\n',
    '/etc/crontab': 'SHELL=/bin/sh\n1 * * * * root cd /\n',
    '/etc/cron.d/job': '1 * * * * root curl https://h.example/a?b=c\n',
    '/etc/cron.daily/.placeholder': '',
    '/etc/cron.daily/dpkg': '#!/bin/sh\n',
    '/var/spool/cron/crontabs/ann': '@reboot /home/ann/run\n',
    '/etc/xdg/autostart/nm.desktop': '[Desktop Entry]\nExec=nm-applet\n',
    '/etc/xdg/autostart/off.desktop': '[Desktop Entry]\nExec=off\nHidden=true\n',
    '/home/ann/.config/systemd/user/default.target.wants/sync.service': '[Service]\nExecStart=/home/ann/sync\n',
  })
}

function reported(found: Observation[] | undefined): string[] {
  return found!.map((it) => {
    if (it.category === 'autostart') return `${it.Kind} ${it.Name} ${it.Scope} ${it.Command}`
    return it.category === 'collection_gap' ? `${it.Reason} ${it.About}` : it.category
  })
}
