/**
 * What the agent asks Windows for, as plain data. Collectors know only this file; tests pass a fake.
 *
 * Errors  every call throws a `CallError` with the code that node:fs would use, so that `gapReason` understands it.
 */

export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: string
  /** Windows' own number. */
  readonly status: number

  constructor(call: string, status: number) {
    const code = CODES[status] ?? 'EIO'
    super(`${code}: ${call} failed with ${status}`)
    this.code = code
    this.status = status
  }
}

/** Source  winerror.h and ntstatus.h. What this Windows does not have is ENOENT: 'unsupported' in a gap. */
const CODES: Readonly<Record<number, string>> = {
  2: 'ENOENT', // ERROR_FILE_NOT_FOUND
  3: 'ENOENT', // ERROR_PATH_NOT_FOUND
  5: 'EACCES', // ERROR_ACCESS_DENIED
  50: 'ENOENT', // ERROR_NOT_SUPPORTED
  120: 'ENOENT', // ERROR_CALL_NOT_IMPLEMENTED
  127: 'ENOENT', // ERROR_PROC_NOT_FOUND
  1314: 'EACCES', // ERROR_PRIVILEGE_NOT_HELD
  3221225474: 'ENOENT', // STATUS_NOT_IMPLEMENTED
  3221225506: 'EACCES', // STATUS_ACCESS_DENIED
}

export interface ProcessRow {
  pid: number
  parent: number
  /** The file's name, as 'node.exe'. */
  name: string
}
/** Null: it may not be read, or the process has ended. */
export interface ProcessFacts {
  isDenied: boolean
  image: string | null
  commandLine: string | null
  /** The SID of the account it runs as. */
  sid: string | null
  /** When it began: no later process with its pid has the same. */
  startedAt: string | null
}
/** From the resource that a program's maker puts into it. */
export interface FileVersion {
  originalName: string | null
  product: string | null
  company: string | null
}

export interface SocketRow {
  protocol: 'tcp' | 'udp'
  /** MIB_TCP_STATE; 0 for UDP. */
  state: number
  localAddress: string
  localPort: number
  remoteAddress: string
  remotePort: number
  pid: number
}

export type Hive = 'machine' | 'users'
export interface RegistryKey {
  hive: Hive
  path: string
  /** The view of 32-bit programs, which has parts of its own. */
  wow?: boolean
}
/** `text` of strings, `number` of DWORDs, else `data`. A value longer than 64 KiB has neither. */
export interface RegistryValue {
  text: string | null
  number: number | null
  data: Buffer
}
export interface RegistryWatch {
  /** True once after each change below the key. */
  changed(): boolean
  close(): void
}
export interface Registry {
  /** Errors  ENOENT when there is no such key. */
  subkeys(key: RegistryKey): string[]
  values(key: RegistryKey): Map<string, RegistryValue>
  watch(key: RegistryKey): RegistryWatch
}

export type DriveKind = 'removable' | 'fixed' | 'remote' | 'cdrom' | 'ramdisk' | 'unknown'
export interface VolumeRow {
  /** 'E:' */
  drive: string
  kind: DriveKind
  /** What follows is null where the drive does not say, or is a share, which could block. */
  label: string | null
  serial: number | null
  bytes: number | null
  /** STORAGE_BUS_TYPE. */
  bus: number | null
  vendor: string | null
  product: string | null
}

export interface AdapterRow {
  index: number
  index6: number
  /** Its GUID. */
  name: string
  description: string
  friendlyName: string
  /** IANA ifType. */
  type: number
  isUp: boolean
  mtu: number
  /** What Windows adds to the metric of a route on it. */
  metric: number
  dns: string[]
}
export interface RouteRow {
  index: number
  destination: string
  length: number
  /** Null: the destination is on the link. */
  gateway: string | null
  /** Without that of its adapter. */
  metric: number
}
export interface NeighbourRow {
  index: number
  address: string
  /** Lower-case, with colons. */
  mac: string
}
export interface CounterRow {
  name: string
  isHardware: boolean
  received: number
  sent: number
}

export interface SessionRow {
  id: number
  user: string | null
  /** WTS_CONNECTSTATE_CLASS: 0 is active. */
  state: number
  isRemote: boolean
  address: string | null
}
export interface PowerFacts {
  /** Null: unknown. */
  onBattery: boolean | null
}
export interface ZoneFacts {
  /** Windows' name of the zone. */
  key: string
  /** IANA. Null: unknown to this runtime. */
  zone: string | null
  utcOffsetMinutes: number
}
export interface DeviceRow {
  /** 'USB\VID_046D&PID_C52B\5&1A2B3C&0&2' */
  id: string
  hardwareIds: string[]
  compatibleIds: string[]
  manufacturer: string | null
  name: string | null
  location: string | null
  /** From the device, where the rest of the names is from its driver's package. */
  reportedName: string | null
}

export interface Windows {
  processes(): ProcessRow[]
  process(pid: number): ProcessFacts
  /** Its working folder, which is read in its memory. Null: it may not be read, or the process has ended. */
  workingFolder(pid: number): string | null
  /** Resolves to null if nobody has the SID here. */
  accountOf(sid: string): Promise<string | null>
  versionOf(file: string): Promise<FileVersion>
  /** All four tables; those that could not be read are in `failed`. */
  sockets(): { found: SocketRow[]; failed: { table: string; cause: unknown }[] }
  registry: Registry
  volumes(): VolumeRow[]
  /** Free bytes of a drive, which change with what is written there. Null: it does not say. */
  freeBytes(drive: string): number | null
  adapters(): AdapterRow[]
  routes(): RouteRow[]
  neighbours(): NeighbourRow[]
  counters(): CounterRow[]
  sessions(): SessionRow[]
  power(): PowerFacts
  zone(): ZoneFacts
  /** The present devices of a bus ('USB', 'DISPLAY'). */
  devices(enumerator: string): DeviceRow[]
  /** Whether the program runs with an administrator's or the system's rights. */
  isElevated(): boolean
}
