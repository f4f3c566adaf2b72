/**
 * Processes, their accounts, and who made a program.
 *
 * Source  tlhelp32.h; QueryFullProcessImageNameW; NtQueryInformationProcess; GetFileVersionInfoW. NtQuerySystemInformation would also say when each began, but never returns
 *         under Wine when koffi calls it.
 */
import type { FileVersion, ProcessFacts, ProcessRow } from './calls.ts'
import {
  PEB,
  PROCESS_BASIC_INFORMATION,
  PROCESSENTRY32W,
  RTL_USER_PROCESS_PARAMETERS,
  TOKEN_USER,
  UNICODE_STRING,
} from './layouts.ts'
import { addressOf, kernel32, library, offsetIn, pointerIn, succeeded, takeWideText, wideText } from './library.ts'

const ntdll = library('ntdll.dll', {
  NtQueryInformationProcess: 'int32_t (intptr_t, uint32_t, void *, uint32_t, void *)',
})
const advapi32 = library('advapi32.dll', {
  ConvertSidToStringSidW: 'int (intptr_t, void *)',
  ConvertStringSidToSidW: 'int (str16, void *)',
  GetTokenInformation: 'int (intptr_t, uint32_t, void *, uint32_t, void *)',
  LookupAccountSidW: 'int (str16, intptr_t, void *, void *, void *, void *, void *)',
  OpenProcessToken: 'int (intptr_t, uint32_t, void *)',
})
const toolhelp = library('kernel32.dll', {
  CreateToolhelp32Snapshot: 'intptr_t (uint32_t, uint32_t)',
  Process32FirstW: 'int (intptr_t, void *)',
  Process32NextW: 'int (intptr_t, void *)',
})
const version = library('version.dll', {
  GetFileVersionInfoSizeW: 'uint32_t (str16, void *)',
  GetFileVersionInfoW: 'int (str16, uint32_t, uint32_t, void *)',
  VerQueryValueW: 'int (void *, str16, void *, void *)',
})

const SNAP_PROCESSES = 2
const INVALID_HANDLE = -1
const MAX_PROCESSES = 65_536
const PROCESS_COMMAND_LINE = 60
const ACCESS_DENIED = 5
const INVALID_INFO_CLASS = 0xc0000003
const QUERY_LIMITED = 0x1000
const QUERY_INFORMATION = 0x400
const VM_READ = 0x10
const TOKEN_QUERY = 8
const TOKEN_USER_CLASS = 1
const TOKEN_ELEVATION_CLASS = 20

const entry = Buffer.alloc(PROCESSENTRY32W.size)
entry.writeUInt32LE(entry.length, PROCESSENTRY32W.at.dwSize)

/** Errors  CallError. */
export function processes(): ProcessRow[] {
  const snapshot = toolhelp.CreateToolhelp32Snapshot(SNAP_PROCESSES, 0)
  succeeded('CreateToolhelp32Snapshot', snapshot !== INVALID_HANDLE)
  const { at } = PROCESSENTRY32W
  const found: ProcessRow[] = []
  try {
    for (
      let more = toolhelp.Process32FirstW(snapshot, entry);
      more && found.length < MAX_PROCESSES;
      more = toolhelp.Process32NextW(snapshot, entry)
    )
      found.push({
        pid: entry.readUInt32LE(at.th32ProcessID),
        parent: entry.readUInt32LE(at.th32ParentProcessID),
        name: wideText(entry, at.szExeFile),
      })
  } finally {
    kernel32.CloseHandle(snapshot)
  }
  return found
}

export function processFacts(pid: number): ProcessFacts {
  const handle = kernel32.OpenProcess(QUERY_LIMITED, 0, pid)
  if (handle === 0) {
    const isDenied = kernel32.GetLastError() === ACCESS_DENIED
    return { isDenied, image: null, commandLine: null, sid: null, startedAt: null }
  }
  try {
    const startedAt = startOf(handle)
    return {
      isDenied: false,
      image: imageOf(handle),
      commandLine: commandLineOf(handle, pid),
      sid: sidOf(handle),
      startedAt,
    }
  } finally {
    kernel32.CloseHandle(handle)
  }
}

function imageOf(handle: number): string | null {
  const path = Buffer.alloc(65_536)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(path.length / 2)
  return kernel32.QueryFullProcessImageNameW(handle, 0, path, length) ? wideText(path) : null
}

/** A UNICODE_STRING, with its text behind it. Wine and Windows before 8.1 do not have this question. */
function commandLineOf(handle: number, pid: number): string | null {
  const text = Buffer.alloc(65_536 + UNICODE_STRING.size)
  const got = Buffer.alloc(4)
  const status = ntdll.NtQueryInformationProcess(handle, PROCESS_COMMAND_LINE, text, text.length, got) >>> 0
  if (status === INVALID_INFO_CLASS) return commandLineInMemory(pid)
  if (status !== 0) return null
  const length = text.readUInt16LE(UNICODE_STRING.at.Length)
  const at = offsetIn(text, addressOf(text), pointerIn(text, UNICODE_STRING.at.Buffer))
  return at === null ? '' : text.toString('utf16le', at, at + length)
}

/** From the process's own memory, where it may also change it. */
function commandLineInMemory(pid: number): string | null {
  return textInMemory(pid, RTL_USER_PROCESS_PARAMETERS.at.CommandLine)
}

/** Written as in the documents of others: Microsoft's header calls this part reserved. Seen on Wine 10 only. */
export function workingFolder(pid: number): string | null {
  return textInMemory(pid, RTL_USER_PROCESS_PARAMETERS.at.CurrentDirectory) || null
}

/** `member`: where the process's parameters have a UNICODE_STRING. */
function textInMemory(pid: number, member: number): string | null {
  const handle = kernel32.OpenProcess(QUERY_INFORMATION | VM_READ, 0, pid)
  if (handle === 0) return null
  try {
    const info = Buffer.alloc(PROCESS_BASIC_INFORMATION.size)
    if (ntdll.NtQueryInformationProcess(handle, 0, info, info.length, Buffer.alloc(4)) !== 0) return null
    const peb = readMemory(handle, pointerIn(info, PROCESS_BASIC_INFORMATION.at.PebBaseAddress), PEB.size)
    const { size } = RTL_USER_PROCESS_PARAMETERS
    const parameters = peb && readMemory(handle, pointerIn(peb, PEB.at.ProcessParameters), size)
    if (!parameters) return null
    const length = parameters.readUInt16LE(member + UNICODE_STRING.at.Length)
    if (length === 0) return ''
    const text = readMemory(handle, pointerIn(parameters, member + UNICODE_STRING.at.Buffer), length)
    return text?.toString('utf16le') ?? null
  } finally {
    kernel32.CloseHandle(handle)
  }
}

function readMemory(handle: number, from: bigint, length: number): Buffer | null {
  const bytes = Buffer.alloc(length)
  return kernel32.ReadProcessMemory(handle, from, bytes, length, Buffer.alloc(8)) ? bytes : null
}

function sidOf(handle: number): string | null {
  const info = tokenInformation(handle, TOKEN_USER_CLASS)
  if (info === null) return null
  const text = Buffer.alloc(8)
  if (!advapi32.ConvertSidToStringSidW(pointerIn(info, TOKEN_USER.at.Sid), text)) return null
  return takeWideText(pointerIn(text, 0), 200)
}

function tokenInformation(handle: number, kind: number): Buffer | null {
  const token = Buffer.alloc(8)
  if (!advapi32.OpenProcessToken(handle, TOKEN_QUERY, token)) return null
  const info = Buffer.alloc(256)
  const got = advapi32.GetTokenInformation(pointerIn(token, 0), kind, info, info.length, Buffer.alloc(4))
  kernel32.CloseHandle(pointerIn(token, 0))
  return got ? info : null
}

/** The SID of the account that this program runs as. */
export function ownSid(): string | null {
  return processFacts(process.pid).sid
}

export function isElevated(): boolean {
  const handle = kernel32.OpenProcess(QUERY_LIMITED, 0, process.pid)
  if (handle === 0) return false
  const info = tokenInformation(handle, TOKEN_ELEVATION_CLASS)
  kernel32.CloseHandle(handle)
  return info !== null && info.readUInt32LE() !== 0
}

/** In a thread, because a domain controller may have to answer. 'DOMAIN\\name' */
export async function accountOf(sid: string): Promise<string | null> {
  const pointer = Buffer.alloc(8)
  if (!advapi32.ConvertStringSidToSidW(sid, pointer)) return null
  const [name, domain] = [Buffer.alloc(512), Buffer.alloc(512)]
  const [nameLength, domainLength] = [Buffer.alloc(4), Buffer.alloc(4)]
  nameLength.writeUInt32LE(256)
  domainLength.writeUInt32LE(256)
  const isFound = await new Promise<boolean>((resolve) => {
    const args = [null, pointerIn(pointer, 0), name, nameLength, domain, domainLength, Buffer.alloc(4)]
    advapi32.LookupAccountSidW.async(...args, (error: unknown, result: number) => resolve(!error && result !== 0))
  })
  kernel32.LocalFree(pointerIn(pointer, 0))
  return isFound ? `${wideText(domain)}\\${wideText(name)}` : null
}

/** In a thread, because the file may be large. All null: it has no such resource. */
export async function versionOf(file: string): Promise<FileVersion> {
  const nothing = { originalName: null, product: null, company: null }
  const size = version.GetFileVersionInfoSizeW(file, Buffer.alloc(4))
  if (size === 0 || size > 1_048_576) return nothing
  const block = Buffer.alloc(size)
  const isRead = await new Promise<boolean>((resolve) => {
    version.GetFileVersionInfoW.async(file, 0, size, block, (error: unknown, result: number) =>
      resolve(!error && result !== 0),
    )
  })
  if (!isRead) return nothing
  const translation = versionValue(block, '\\VarFileInfo\\Translation')
  // Language and code page; makers who name none mostly mean English and Unicode.
  const languages = [translation && translation.length >= 4 ? codes(translation) : '040904b0', '040904b0', '040904e4']
  const named = (name: string) => {
    for (const language of new Set(languages)) {
      const value = versionValue(block, `\\StringFileInfo\\${language}\\${name}`)
      if (value !== null) return wideText(value) || null
    }
    return null
  }
  return {
    originalName: named('OriginalFilename'),
    product: named('ProductName'),
    company: named('CompanyName'),
  }
}

function codes(translation: Buffer): string {
  const hex = (at: number) => translation.readUInt16LE(at).toString(16).padStart(4, '0')
  return `${hex(0)}${hex(2)}`
}

/** Strings are counted in characters, other values in bytes. */
function versionValue(block: Buffer, path: string): Buffer | null {
  const [pointer, length] = [Buffer.alloc(8), Buffer.alloc(4)]
  if (!version.VerQueryValueW(block, path, pointer, length)) return null
  const at = offsetIn(block, addressOf(block), pointerIn(pointer, 0))
  if (at === null) return null
  const bytes = length.readUInt32LE() * (path.startsWith('\\String') ? 2 : 1)
  return block.subarray(at, Math.min(block.length, at + bytes))
}

const THIS_PROCESS = -1

/**
 * Ends this process with its exit code, when what it printed is written.
 *
 * Source  Node's own end fails now and then on Windows, by an assertion of libuv (src/win/async.c) about a thread of V8
 *         that reports to a loop which closes; an installer would take that for a failure. Seen under Wine.
 */
export async function leave(): Promise<void> {
  // Not to a stream without anything to say: under Windows Installer there is none, and the write would fail.
  for (const it of [process.stdout, process.stderr])
    if (it.writableLength > 0) await new Promise<void>((resolve) => it.write('', () => resolve()))
  kernel32.TerminateProcess(THIS_PROCESS, Number(process.exitCode ?? 0))
}

/** When a process began, and null when there is none: what tells a reused pid. */
export function processStart(pid: number): string | null {
  const handle = kernel32.OpenProcess(QUERY_LIMITED, 0, pid)
  if (handle === 0) return null
  const start = startOf(handle)
  kernel32.CloseHandle(handle)
  return start
}

/** In units of 100 ns since 1601. An ended process whose handle somebody holds has an exit time: null. */
function startOf(handle: number): string | null {
  const times = Buffer.alloc(32)
  const parts = [0, 8, 16, 24].map((at) => times.subarray(at, at + 8))
  const got = kernel32.GetProcessTimes(handle, ...parts)
  return got && times.readBigUInt64LE(8) === 0n ? times.readBigUInt64LE(0).toString() : null
}
