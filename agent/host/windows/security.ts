/**
 * Who may read and write the agent's folder: on Windows, a file's mode protects nothing.
 *
 * Shape   full access for SYSTEM and Administrators, inherited by what is in it, and nothing from above. An agent that
 *         somebody runs without an administrator's rights, to try it, lets in that account, too.
 * Errors  Fault 'store.unwritable' if the protection cannot be set, or if the folder belongs to somebody else: any user
 *         can create folders in C:\ProgramData, and its owner could undo the protection.
 * Source  securitybaseapi.h, sddl.h. Wine keeps no more of a DACL than Unix's modes can express, so under it the call is
 *         made, and its effect is not seen.
 */
import { mkdirSync } from 'node:fs'
import { Fault } from '../../../wire/fault.ts'
import { kernel32, library, noError, pointerIn, succeeded, takeWideText } from './library.ts'
import { isElevated, ownSid } from './processes.ts'

const advapi32 = library('advapi32.dll', {
  ConvertSidToStringSidW: 'int (intptr_t, void *)',
  ConvertStringSecurityDescriptorToSecurityDescriptorW: 'int (str16, uint32_t, void *, void *)',
  GetNamedSecurityInfoW: 'uint32_t (str16, uint32_t, uint32_t, void *, void *, void *, void *, void *)',
  GetSecurityDescriptorDacl: 'int (intptr_t, void *, void *, void *)',
  SetNamedSecurityInfoW: 'uint32_t (str16, uint32_t, uint32_t, intptr_t, intptr_t, intptr_t, intptr_t)',
})

const SE_FILE_OBJECT = 1
const OWNER = 1
const DACL = 4
const PROTECTED_DACL = 0x80000000
const SYSTEM_SID = 'S-1-5-18'
const ADMINISTRATORS_SID = 'S-1-5-32-544'

/** In SDDL: protected from inheritance; full access for files and folders below, for SYSTEM and Administrators. */
export function folderPolicy(alsoFor: string | null): string {
  const accounts = ['SY', 'BA', ...(alsoFor === null ? [] : [alsoFor])]
  return `D:P${accounts.map((it) => `(A;OICI;FA;;;${it})`).join('')}`
}

/** Creates the folder if there is none. */
export function protectFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    const own = isElevated() ? null : ownSid()
    const owner = ownerOf(folder)
    if (owner !== SYSTEM_SID && owner !== ADMINISTRATORS_SID && owner !== (own ?? ownSid()))
      throw new Fault('store.unwritable', {
        where: folder,
        why: `It belongs to another account (${owner}).`,
        todo: 'Delete it, or use another --folder.',
      })
    setDacl(folder, folderPolicy(own))
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Fault('store.unwritable', { where: folder, why, todo: 'Run this as an administrator.', cause })
  }
}

export function ownerOf(path: string): string | null {
  const [owner, descriptor, text] = [Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(8)]
  const call = 'GetNamedSecurityInfoW'
  noError(call, advapi32[call](path, SE_FILE_OBJECT, OWNER, owner, null, null, null, descriptor))
  const ok = advapi32.ConvertSidToStringSidW(pointerIn(owner, 0), text)
  kernel32.LocalFree(pointerIn(descriptor, 0))
  return ok ? takeWideText(pointerIn(text, 0), 200) : null
}

/** What is in the folder inherits it: SetNamedSecurityInfoW passes it on. */
function setDacl(folder: string, sddl: string): void {
  const [descriptor, dacl, present, isDefault] = [Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(4), Buffer.alloc(4)]
  const convert = 'ConvertStringSecurityDescriptorToSecurityDescriptorW'
  succeeded(convert, advapi32[convert](sddl, 1, descriptor, null))
  const made = pointerIn(descriptor, 0)
  try {
    succeeded('GetSecurityDescriptorDacl', advapi32.GetSecurityDescriptorDacl(made, present, dacl, isDefault))
    const which = (DACL | PROTECTED_DACL) >>> 0
    const call = 'SetNamedSecurityInfoW'
    noError(call, advapi32[call](folder, SE_FILE_OBJECT, which, 0, 0, pointerIn(dacl, 0), 0))
  } finally {
    kernel32.LocalFree(made)
  }
}
