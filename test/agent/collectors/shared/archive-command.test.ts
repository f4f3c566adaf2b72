import assert from 'node:assert/strict'
import { archiveCommand } from '../../../../agent/collectors/shared/archive-command.ts'

const commands: [line: string, expected: string | null][] = [
  ['zip -r out.zip src', '/w/out.zip'],
  ['zip -re out src', '/w/out.zip encrypted'],
  ['zip -P hunter2 -s 100m out.zip a b', '/w/out.zip encrypted'],
  ['zip -r -x *.log -O /tmp/new.zip old.zip', '/tmp/new.zip'],
  ['zip -rP hunter2 out.zip src', '/w/out.zip encrypted'],
  ['zip -r -Phunter2 out src', '/w/out.zip encrypted'],
  ['zip -r - src', null],
  ['zip', null],
  ['7z a -phunter2 -v100m out.7z src', '/w/out.7z encrypted'],
  ['/usr/bin/7zz a -tzip out src', '/w/out.zip'],
  ['7z x in.7z', null],
  ['rar a -hphunter2 -v50m out src', '/w/out.rar encrypted'],
  ['rar x in.rar', null],
  ['tar czf out.tgz src', '/w/out.tgz'],
  ['tar -c -z -f out.tgz src', '/w/out.tgz'],
  ['tar --create --file=/tmp/o.tar src', '/tmp/o.tar'],
  ['tar --create --file /tmp/o.tar src', '/tmp/o.tar'],
  ['tar xzf in.tgz', null],
  ['tar cz src', null],
  ['tar cf host:/x src', null],
  ['tar cf - src', null],
  ['gpg -c secrets.tar', '/w/secrets.tar.gpg encrypted'],
  ['gpg --batch --symmetric --armor secrets.tar', '/w/secrets.tar.asc encrypted'],
  ['gpg -o out.bin -e -r ann secrets.tar', '/w/out.bin encrypted'],
  ['gpg --decrypt x.gpg', null],
  ['constructor a b', null],
  ['', null],
]

describe('agent/collectors/shared/archive-command', () => {
  for (const [line, expected] of commands)
    it(line === '' ? 'no command' : line, () => {
      const found = archiveCommand(line.split(' '), '/w')
      assert.equal(found && `${found.path}${found.encrypted ? ' encrypted' : ''}`, expected)
    })

  it('a relative path in an unknown folder gives null', () =>
    assert.equal(archiveCommand(['tar', 'cf', 'x.tar', 'y'], null), null))
})
