import * as z from 'zod'
import { bytes, count, envelope, hash, name, path } from '../common.ts'

export const ROOT_KINDS = ['removable', 'sync', 'staging', 'source', 'share', 'autostart'] as const
const RootKind = z.enum(ROOT_KINDS)

/**
 * A file that appeared or grew in a root where its name is evidence (autostart folders). Other roots give bursts only.
 */
export const FileEvent = z.strictObject({
  category: z.literal('file_event'),
  ...envelope,
  TargetFilename: path,
  Image: path.nullable(),
  Size: bytes.nullable(),
})

/**
 * Many files in one root within a time window: counts only, no names.
 *
 * Shape   `Root` is the watched root's path; `Archives` and `SourceFiles` are recognised by file name extension.
 * Units   `Bytes`: the sum of the sizes that the sweep found, over `WindowSeconds`.
 * Source  a sweep over sizes and mtimes. File system watchers only trigger it, because they lose events in a burst.
 */
export const FileBurst = z.strictObject({
  category: z.literal('file_burst'),
  ...envelope,
  Root: path,
  RootKind,
  Files: count,
  Bytes: bytes,
  Archives: count,
  SourceFiles: count,
  WindowSeconds: z.int().min(1),
})

/**
 * An archive that was created, or appeared, and stopped growing.
 *
 * Shape   `Parts`: the number of files it is split into, otherwise 1; `Bytes` of all of them. `Image`: the program that
 *         created it.
 * Errors  RootKind null: outside every watched folder. Encrypted and Image null: its creation was not observed.
 * Source  command lines of archivers, and the sweep of watched folders.
 */
export const ArchiveCreated = z.strictObject({
  category: z.literal('archive_created'),
  ...envelope,
  RootKind: RootKind.nullable(),
  Bytes: bytes,
  Parts: count,
  Encrypted: z.boolean().nullable(),
  Image: path.nullable(),
})

/** A file system that was mounted. `VirtualMedia`: by its name, the device is a virtual or optical drive of a KVM. */
export const VolumeMounted = z.strictObject({
  category: z.literal('volume_mounted'),
  ...envelope,
  VolumeKind: name,
  Label: name.nullable(),
  SerialHash: hash.nullable(),
  SizeBytes: bytes.nullable(),
  Removable: z.boolean().nullable(),
  VirtualMedia: z.boolean(),
})

/**
 * Code that moved between this laptop and a host.
 *
 * Shape   `Host`: the host name without port; `Namespace`: the first part of the path (a person's or a team's name),
 *         never the rest, never a user name or password. Only the server sets `InsideOrganisation`; an agent sends
 *         null.
 * Units   `Bytes`: the size of the pack files that a clone wrote; null for a push, because git does not record its
 *         size.
 * Errors  Host null: a local folder or file, or a remote that could not be read.
 * Source  command lines of git; .git/config and the packs of repositories.
 */
export const Repository = z.strictObject({
  category: z.literal('repository'),
  ...envelope,
  Action: z.enum(['clone', 'push', 'remote_added', 'bundle', 'mirror']),
  Host: name.nullable(),
  Namespace: name.nullable(),
  Bytes: bytes.nullable(),
  InsideOrganisation: z.boolean().nullable(),
})
