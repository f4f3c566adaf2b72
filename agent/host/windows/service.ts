/**
 * The agent as a Windows service: registered with, started and stopped by the service control manager.
 *
 * Shape   an own process that starts with the system, as SYSTEM, and again 5 s, 1 min and 10 min after it ended without
 *         being told to: it asks for that itself at each start, because an .msi of wixl cannot. A stop, and a shutdown
 *         of the laptop, end the agent as SIGTERM does elsewhere.
 * Errors  CallError; EACCES without an administrator's rights.
 * Source  winsvc.h. The manager calls from threads of its own, and koffi passes that to the main thread, so the
 *         dispatcher has to run in another one. Started and stopped by Wine 10's `net`; Wine's manager restarts nothing.
 */
import { koffi } from '../koffi.ts'
import { CallError } from './calls.ts'
import { SC_ACTION, SERVICE_FAILURE_ACTIONSW, SERVICE_STATUS, SERVICE_TABLE_ENTRYW } from './layouts.ts'
import { addressOf, kernel32, library, succeeded } from './library.ts'

const advapi32 = library('advapi32.dll', {
  ChangeServiceConfig2W: 'int (intptr_t, uint32_t, void *)',
  ChangeServiceConfigW:
    'int (intptr_t, uint32_t, uint32_t, uint32_t, str16, void *, void *, void *, void *, void *, void *)',
  CloseServiceHandle: 'int (intptr_t)',
  ControlService: 'int (intptr_t, uint32_t, void *)',
  CreateServiceW:
    'intptr_t (intptr_t, str16, str16, uint32_t, uint32_t, uint32_t, uint32_t, str16, str16, void *, str16, str16, str16)',
  DeleteService: 'int (intptr_t)',
  OpenSCManagerW: 'intptr_t (str16, str16, uint32_t)',
  OpenServiceW: 'intptr_t (intptr_t, str16, uint32_t)',
  QueryServiceStatus: 'int (intptr_t, void *)',
  RegisterServiceCtrlHandlerExW: 'intptr_t (str16, void *, void *)',
  SetServiceStatus: 'int (intptr_t, void *)',
  StartServiceW: 'int (intptr_t, uint32_t, void *)',
  StartServiceCtrlDispatcherW: 'int (void *)',
})

/** Windows does not read the name of a service with a process of its own. */
const NAME = 'tellwire-agent'
const ALL_ACCESS = 0xf01ff
const MANAGER_ALL_ACCESS = 0xf003f
const MANAGER_CONNECT = 1
const OWN_PROCESS = 0x10
const AUTO_START = 2
const ERROR_NORMAL = 1
const CONFIG_FAILURE_ACTIONS = 2
/** Also after an end that was reported with an error, not only after a crash. */
const CONFIG_FAILURE_ACTIONS_FLAG = 4
/** Wine does not know the flag. */
const INVALID_LEVEL = 124
/** SERVICE_CHANGE_CONFIG, and SERVICE_START, which whoever asks for restarts needs. */
const MAY_CONFIGURE = 2 | 0x10
/** SERVICE_QUERY_STATUS, SERVICE_START, SERVICE_STOP. */
const MAY_START = 4 | 0x10
const MAY_STOP = 4 | 0x20
const NO_CHANGE = 0xffffffff
const NOT_ACTIVE = 1062
const ALREADY_RUNNING = 1056
const SERVICE_REQUEST_TIMEOUT = 1053
const LOOK_MS = 100
const STOP_MS = 60_000
const RESTART = 1
const RESTARTS_MS = [5_000, 60_000, 600_000]
/** After a day without a failure, the next one is the first again. */
const FORGET_SECONDS = 86_400

const [STOPPED, START_PENDING, STOP_PENDING, RUNNING] = [1, 2, 3, 4]
const [CONTROL_STOP, CONTROL_INTERROGATE, CONTROL_SHUTDOWN] = [1, 4, 5]
/** SERVICE_ACCEPT_STOP, SERVICE_ACCEPT_SHUTDOWN. */
const ACCEPTED = 1 | 4
const SERVICE_SPECIFIC_ERROR = 1066
const CALL_NOT_IMPLEMENTED = 120
/** How long the manager waits for a start or an end before it says that there is none. */
const WAIT_HINT_MS = 20_000

/**
 * `line`: the program in quotation marks, and its arguments. What is registered already gets the line; if it runs, it
 * goes on as it is.
 */
export function installService(name: string, line: string): void {
  withManager((manager) => {
    const before = advapi32.OpenServiceW(manager, name, MAY_CONFIGURE)
    if (before !== 0) return changeService(before, line)
    const kind = [ALL_ACCESS, OWN_PROCESS, AUTO_START, ERROR_NORMAL] as const
    const service = advapi32.CreateServiceW(
      ...[manager, name, 'Tellwire agent', ...kind, line, null, null, null, null, null],
    )
    succeeded('CreateServiceW', service)
    try {
      restartAfterFailure(service)
    } finally {
      advapi32.CloseServiceHandle(service)
    }
  })
}

/** It has to be stopped before. */
export function removeService(name: string): void {
  withService(name, ALL_ACCESS, (service) => succeeded('DeleteService', advapi32.DeleteService(service)))
}

function changeService(service: number, line: string): void {
  try {
    const same = [NO_CHANGE, NO_CHANGE, NO_CHANGE] as const
    const changed = advapi32.ChangeServiceConfigW(service, ...same, line, null, null, null, null, null, null)
    succeeded('ChangeServiceConfigW', changed)
  } finally {
    advapi32.CloseServiceHandle(service)
  }
}

/** No failure if it runs. */
export function startService(name: string): void {
  withService(name, MAY_START, (service) => {
    const starts = advapi32.StartServiceW(service, 0, null)
    if (!starts && kernel32.GetLastError() !== ALREADY_RUNNING) succeeded('StartServiceW', starts)
  })
}

/** Returns when it has stopped, also if it did not run. Errors  CallError, also when it still runs after a minute. */
export function stopService(name: string): void {
  withService(name, MAY_STOP, (service) => {
    const status = Buffer.alloc(SERVICE_STATUS.size)
    const stops = advapi32.ControlService(service, CONTROL_STOP, status)
    if (!stops && kernel32.GetLastError() !== NOT_ACTIVE) succeeded('ControlService', stops)
    for (let waited = 0; ; waited += LOOK_MS) {
      succeeded('QueryServiceStatus', advapi32.QueryServiceStatus(service, status))
      if (status.readUInt32LE(SERVICE_STATUS.at.dwCurrentState) === STOPPED) return
      if (waited >= STOP_MS) throw new CallError('ControlService', SERVICE_REQUEST_TIMEOUT)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS)
    }
  })
}

function withService(name: string, access: number, act: (service: number) => void): void {
  withManager((manager) => {
    const service = advapi32.OpenServiceW(manager, name, access)
    succeeded('OpenServiceW', service)
    try {
      act(service)
    } finally {
      advapi32.CloseServiceHandle(service)
    }
  }, MANAGER_CONNECT)
}

function restartAfterFailure(service: number): void {
  succeeded('ChangeServiceConfig2W', advapi32.ChangeServiceConfig2W(service, CONFIG_FAILURE_ACTIONS, restarts()))
  const flag = Buffer.alloc(4)
  flag.writeUInt32LE(1)
  const isSet = advapi32.ChangeServiceConfig2W(service, CONFIG_FAILURE_ACTIONS_FLAG, flag)
  if (!isSet && kernel32.GetLastError() !== INVALID_LEVEL) succeeded('ChangeServiceConfig2W', isSet)
}

function withManager(act: (manager: number) => void, access = MANAGER_ALL_ACCESS): void {
  const manager = advapi32.OpenSCManagerW(null, null, access)
  succeeded('OpenSCManagerW', manager)
  try {
    act(manager)
  } finally {
    advapi32.CloseServiceHandle(manager)
  }
}

/** Backslashes before a quotation mark are doubled, and none of our paths has a mark in it. */
export function quoted(argument: string): string {
  return `"${argument.replace(/(\\+)$/, '$1$1')}"`
}

let actions: Buffer | null = null
function restarts(): Buffer {
  // Kept, because the structure only points to it.
  actions = Buffer.alloc(SC_ACTION.size * RESTARTS_MS.length)
  for (const [n, delay] of RESTARTS_MS.entries()) {
    actions.writeUInt32LE(RESTART, n * SC_ACTION.size + SC_ACTION.at.Type)
    actions.writeUInt32LE(delay, n * SC_ACTION.size + SC_ACTION.at.Delay)
  }
  const config = Buffer.alloc(SERVICE_FAILURE_ACTIONSW.size)
  const { at } = SERVICE_FAILURE_ACTIONSW
  config.writeUInt32LE(FORGET_SECONDS, at.dwResetPeriod)
  config.writeUInt32LE(RESTARTS_MS.length, at.cActions)
  config.writeBigUInt64LE(addressOf(actions), at.lpsaActions)
  return config
}

/**
 * Runs `run` until the manager stops it. Resolves when the manager knows of the end. An end without a stop is a failure,
 * after which the manager starts it again.
 *
 * Errors  CallError if the manager did not start this program; `run`'s own error, after the manager was told of it.
 */
export async function runService(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const k = koffi()
  const stop = new AbortController()
  let handle = 0
  let failure: unknown = null
  const report = (state: number, exitCode = 0) => advapi32.SetServiceStatus(handle, statusOf(state, exitCode))
  const onControl = (control: number): number => {
    if (control === CONTROL_STOP || control === CONTROL_SHUTDOWN) {
      report(STOP_PENDING)
      stop.abort()
      return 0
    }
    return control === CONTROL_INTERROGATE ? 0 : CALL_NOT_IMPLEMENTED
  }
  const onMain = () => {
    handle = advapi32.RegisterServiceCtrlHandlerExW(NAME, handlerPointer, null)
    report(START_PENDING)
    report(RUNNING)
    try {
      withService(NAME, MAY_CONFIGURE, restartAfterFailure)
    } catch {
      // The agent runs, but nobody starts it again.
    }
    void run(stop.signal)
      .catch((cause: unknown) => {
        failure = cause
      })
      .then(() => report(STOPPED, failure === null && stop.signal.aborted ? 0 : SERVICE_SPECIFIC_ERROR))
  }
  const handlerPointer = k.register(onControl, k.pointer(k.proto(HANDLER)))
  const mainPointer = k.register(onMain, k.pointer(k.proto(MAIN)))
  const name = Buffer.from(`${NAME}\0`, 'utf16le')
  // One entry, and one of zeros behind it.
  const table = Buffer.alloc(SERVICE_TABLE_ENTRYW.size * 2)
  table.writeBigUInt64LE(addressOf(name), SERVICE_TABLE_ENTRYW.at.lpServiceName)
  table.writeBigUInt64LE(BigInt(mainPointer), SERVICE_TABLE_ENTRYW.at.lpServiceProc)
  const isDone = await new Promise<boolean>((resolve) => {
    advapi32.StartServiceCtrlDispatcherW.async(table, (error: unknown, result: number) =>
      resolve(!error && result !== 0),
    )
  })
  if (failure !== null) throw failure
  // The error of the other thread is not to be had here.
  if (!isDone) throw new CallError('StartServiceCtrlDispatcherW', FAILED_CONTROLLER_CONNECT)
}

const FAILED_CONTROLLER_CONNECT = 1063
const MAIN = 'void TellwireServiceMain(uint32_t, void *)'
const HANDLER = 'uint32_t TellwireServiceHandler(uint32_t, uint32_t, void *, void *)'

export function statusOf(state: number, exitCode: number): Buffer {
  const { size, at } = SERVICE_STATUS
  const status = Buffer.alloc(size)
  const isPending = state === START_PENDING || state === STOP_PENDING
  status.writeUInt32LE(OWN_PROCESS, at.dwServiceType)
  status.writeUInt32LE(state, at.dwCurrentState)
  status.writeUInt32LE(state === RUNNING ? ACCEPTED : 0, at.dwControlsAccepted)
  status.writeUInt32LE(exitCode, at.dwWin32ExitCode)
  status.writeUInt32LE(exitCode === 0 ? 0 : 1, at.dwServiceSpecificExitCode)
  status.writeUInt32LE(isPending ? WAIT_HINT_MS : 0, at.dwWaitHint)
  return status
}
