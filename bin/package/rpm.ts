/** .rpm, by rpmbuild. An rpm has no "purge": removal forgets everything. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterInstall, afterRemoval, beforeRemoval, forgetAll, keepVersionInForce } from './scripts.ts'
import { modeOf, sorted, type Tree, writeTree } from './tree.ts'

const ARCHITECTURES: Record<string, string> = { 'linux-x64': 'x86_64', 'linux-arm64': 'aarch64' }

/** Source  https://rpm-software-management.github.io/rpm/manual/spec.html , "Scriptlets": $1 counts the versions left. */
export function buildRpm(
  root: Tree,
  of: { version: string; system: string; epoch: number; work: string; out: string },
): string {
  const architecture = ARCHITECTURES[of.system]!
  const folder = join(of.work, 'rpm-root')
  writeTree(root, folder, of.epoch)
  const files = sorted(root).map(([path, item]) =>
    'link' in item ? `/${path}` : `%attr(${modeOf(item).toString(8)}, root, root) "/${path}"`,
  )
  const spec = `Name: tellwire-agent
Version: ${of.version}
Release: 1
Summary: Tellwire agent
License: Apache-2.0
AutoReqProv: no
Requires: /bin/sh, coreutils

%description
Reports to the security team how a company laptop is used, never what is in its
files or messages. "tellwire agent show" lists it.

%pre
if [ "$1" -gt 1 ]; then
${keepVersionInForce}
fi

%post
${afterInstall(of.version)}

%preun
if [ "$1" -eq 0 ]; then
${beforeRemoval}
fi

%postun
if [ "$1" -eq 0 ]; then
${afterRemoval}
${forgetAll}
fi

%files
%defattr(-, root, root)
%dir /opt/tellwire
%dir /opt/tellwire/versions
${files.join('\n')}
`
  const top = join(of.work, 'rpm')
  mkdirSync(top, { recursive: true })
  writeFileSync(join(top, 'agent.spec'), spec)
  const defined = {
    _topdir: top,
    _buildhost: 'localhost',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    source_date_epoch_from_changelog: '0',
    _binary_payload: 'w3.zstdio',
    // Nothing is changed or stripped behind our back.
    __os_install_post: '%{nil}',
    _build_id_links: 'none',
    debug_package: '%{nil}',
  }
  const defines = Object.entries(defined).flatMap(([name, value]) => ['--define', `${name} ${value}`])
  const args = ['-bb', '--quiet', '--noclean', '--target', `${architecture}-linux`, '--buildroot', folder, ...defines]
  execFileSync('rpmbuild', [...args, join(top, 'agent.spec')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(of.epoch) },
  })
  const name = `tellwire-agent-${of.version}-1.${architecture}.rpm`
  copyFileSync(join(top, 'RPMS', architecture, name), join(of.out, name))
  return join(of.out, name)
}
