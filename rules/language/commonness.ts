/**
 * Estimates the share of events that contain a text, from a sample of common values. A wrong estimate costs time, never
 * a match.
 *
 * Source  our own list of what ordinary machines run; more frequent values are repeated.
 */
const EVERYDAY = String.raw`
nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system
nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system
nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system|nt authority\system
0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7|0x3e7
c:\windows\system32\svchost.exe|c:\windows\system32\svchost.exe -k netsvcs -p -s schedule|c:\windows\system32\services.exe
c:\windows\system32\svchost.exe|c:\windows\system32\svchost.exe -k localservice -p|c:\windows\system32\services.exe
c:\windows\system32\svchost.exe|c:\windows\system32\svchost.exe -k unistacksvcgroup|c:\windows\system32\wininit.exe
c:\windows\system32\conhost.exe|\??\c:\windows\system32\conhost.exe 0xffffffff -forcev1|c:\windows\system32\cmd.exe
c:\windows\system32\conhost.exe|\??\c:\windows\system32\conhost.exe 0xffffffff -forcev1|c:\windows\system32\windowspowershell\v1.0\powershell.exe
c:\windows\system32\conhost.exe|\??\c:\windows\system32\conhost.exe 0xffffffff -forcev1|c:\windows\system32\svchost.exe
c:\windows\system32\conhost.exe|\??\c:\windows\system32\conhost.exe 0xffffffff -forcev1|c:\windows\system32\cmd.exe
c:\windows\system32\conhost.exe|\??\c:\windows\system32\conhost.exe 0x4|c:\windows\system32\windowspowershell\v1.0\powershell.exe
c:\windows\system32\cmd.exe|"c:\windows\system32\cmd.exe" /c "whoami"|c:\windows\explorer.exe
c:\windows\system32\cmd.exe|c:\windows\system32\cmd.exe /c dir c:\users\public|c:\windows\system32\svchost.exe
c:\windows\syswow64\cmd.exe|cmd.exe /d /c "c:\users\user\appdata\local\temp\setup.bat"|c:\users\user\downloads\setup.exe
c:\windows\system32\windowspowershell\v1.0\powershell.exe|"c:\windows\system32\windowspowershell\v1.0\powershell.exe" -noprofile -executionpolicy bypass -file c:\scripts\task.ps1|c:\windows\explorer.exe
c:\windows\system32\windowspowershell\v1.0\powershell.exe|powershell.exe -nop -w hidden -enc sqbmacgajabqafmavgblahiacwbjag8abgbuageaygbsaguaxqa=|c:\windows\system32\cmd.exe
c:\windows\system32\windowspowershell\v1.0\powershell.exe|powershell -command "get-process; invoke-expression"|c:\windows\system32\wbem\wmiprvse.exe
c:\windows\system32\wbem\wmiprvse.exe|c:\windows\system32\wbem\wmiprvse.exe -secured -embedding|c:\windows\system32\svchost.exe
c:\windows\system32\rundll32.exe|rundll32.exe c:\windows\system32\shell32.dll,control_rundll|c:\windows\explorer.exe
c:\windows\system32\rundll32.exe|"c:\windows\system32\rundll32.exe" c:\windows\system32\davclnt.dll,davsetcookie|c:\windows\system32\svchost.exe
c:\windows\system32\taskhostw.exe|taskhostw.exe|c:\windows\system32\svchost.exe
c:\windows\system32\backgroundtaskhost.exe|"c:\windows\system32\backgroundtaskhost.exe" -servername:cortanaui.appx|c:\windows\system32\svchost.exe
c:\windows\system32\runtimebroker.exe|c:\windows\system32\runtimebroker.exe -embedding|c:\windows\system32\svchost.exe
c:\windows\system32\dllhost.exe|c:\windows\system32\dllhost.exe /processid:{ab8902b4-09ca-4bb6-b78d-a8f59079a8d5}|c:\windows\system32\svchost.exe
c:\windows\system32\reg.exe|reg query hklm\software\microsoft\windows\currentversion\run|c:\windows\system32\cmd.exe
c:\windows\system32\net.exe|net user administrator /domain|c:\windows\system32\cmd.exe
c:\windows\system32\net1.exe|c:\windows\system32\net1 localgroup administrators|c:\windows\system32\net.exe
c:\windows\system32\schtasks.exe|schtasks /create /tn updater /sc daily /tr c:\program files\app\app.exe|c:\windows\system32\cmd.exe
c:\windows\system32\sc.exe|sc query|c:\windows\system32\cmd.exe
c:\windows\system32\searchprotocolhost.exe|"c:\windows\system32\searchprotocolhost.exe" global\usgthrfltpipemsspipe_ software\microsoft\windows search|c:\windows\system32\searchindexer.exe
c:\program files\google\chrome\application\chrome.exe|"c:\program files\google\chrome\application\chrome.exe" --type=renderer --lang=en-us --device-scale-factor=1 --no-sandbox /prefetch:1|c:\program files\google\chrome\application\chrome.exe
c:\program files\google\chrome\application\chrome.exe|"c:\program files\google\chrome\application\chrome.exe" --type=utility --utility-sub-type=network.mojom.networkservice|c:\program files\google\chrome\application\chrome.exe
c:\program files (x86)\microsoft\edge\application\msedge.exe|"c:\program files (x86)\microsoft\edge\application\msedge.exe" https://www.example.com/index.html|c:\windows\explorer.exe
c:\program files (x86)\microsoft\edgeupdate\microsoftedgeupdate.exe|"c:\program files (x86)\microsoft\edgeupdate\microsoftedgeupdate.exe" /ua /installsource scheduler|c:\windows\system32\taskeng.exe
c:\program files\microsoft office\root\office16\winword.exe|"c:\program files\microsoft office\root\office16\winword.exe" /n "c:\users\user\documents\report.docx" /o ""|c:\windows\explorer.exe
c:\programdata\microsoft\windows defender\platform\mpcmdrun.exe|mpcmdrun.exe -disableservice|c:\windows\system32\svchost.exe
c:\windows\explorer.exe|c:\windows\explorer.exe|c:\windows\system32\userinit.exe
c:\windows\system32\lsass.exe|c:\windows\system32\lsass.exe|c:\windows\system32\wininit.exe
c:\windows\system32\msiexec.exe|c:\windows\system32\msiexec.exe /v|c:\windows\system32\services.exe
c:\users\user\appdata\local\microsoft\onedrive\onedrive.exe|"c:\users\user\appdata\local\microsoft\onedrive\onedrive.exe" /background|c:\windows\explorer.exe
microsoft windows operating system|microsoft corporation|10.0.19041.1 (winbuild.160101.0800)|windows powershell|host process for windows services|console window host
sha1=a1b2,md5=c3d4,sha256=e5f6,imphash=0123456789abcdef|nt authority\system|nt authority\network service|desktop\user|system|medium|high
hklm\system\currentcontrolset\services\bam\state\usersettings|hku\s-1-5-21\software\microsoft\windows\currentversion\explorer|binary data|dword (0x00000001)
hklm\software\microsoft\windows\currentversion|hklm\system\currentcontrolset\control|c:\windows\system32\ntdll.dll|c:\windows\system32\kernel32.dll|c:\windows\syswow64\user32.dll
/usr/bin/bash|bash -c ls|/usr/lib/systemd/systemd|/bin/sh|sh -c "ps aux"|/usr/sbin/cron|/usr/bin/python3|python3 /opt/app/main.py|/usr/bin/cat|cat /etc/passwd
/usr/bin/grep|grep -r foo /var/log|/usr/bin/sudo|sudo apt-get update|/usr/bin/git|git pull|/usr/bin/curl|curl -s https://example.com|/tmp/x|/home/user/.config
/usr/libexec/xpcproxy|/applications/google chrome.app/contents/macos/google chrome|/bin/zsh|/usr/bin/osascript|/system/library/frameworks|/users/user/library`
/** The longest run of characters that is counted; a longer text is as rare as its rarest run. */
export const MAX_RUN = 8

/** Share of field values that contain `text`, folded; between 0 and 1. */
export function commonness(text: string): number {
  const { runs, lines } = (page ??= countRuns())
  let seen = runs.get(text.slice(0, MAX_RUN)) ?? 0
  for (let at = 1; at + MAX_RUN <= text.length && seen > 0; at++)
    seen = Math.min(seen, runs.get(text.slice(at, at + MAX_RUN)) ?? 0)
  // A text that is not in the sample is rare, and rarer the longer it is.
  return Math.min(1, (seen * 1.5) / lines + 0.4 * 0.45 ** Math.min(text.length, 10))
}

let page: { runs: ReadonlyMap<string, number>; lines: number } | null = null

/** The number of values in which each run of up to MAX_RUN characters occurs. */
function countRuns() {
  const lines = EVERYDAY.trim().split(/[|\n]/)
  const runs = new Map<string, number>()
  for (const [line, { length: times }] of Map.groupBy(lines, (it) => it)) {
    const inLine = new Set<string>()
    for (let at = 0; at < line.length; at++)
      for (let length = 1; length <= MAX_RUN && at + length <= line.length; length++)
        inLine.add(line.slice(at, at + length))
    for (const run of inLine) runs.set(run, (runs.get(run) ?? 0) + times)
  }
  return { runs, lines: lines.length }
}
