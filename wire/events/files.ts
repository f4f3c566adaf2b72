import * as z from 'zod'
import { bytes, count, envelope, hash, name, path } from '../common.ts'

export const ROOT_KINDS = ['removable', 'sync', 'staging', 'source', 'share', 'autostart'] as const
const RootKind = z.enum(ROOT_KINDS)

/** A file that appeared or grew under a root where its name is evidence (autostart folders); elsewhere only bursts. */
export const FileEvent = z.strictObject({
  category: z.literal('file_event'),
  ...envelope,
  TargetFilename: path,
  Image: path.nullable(),
  Size: bytes.nullable(),
})

/**
 * Many files under one root within a window: counts only, no names.
 *
 * Shape   `Root` is the watched root's own path; `Archives` and `SourceFiles` are counted by file ending.
 * Units   `Bytes` the sum of the sizes the sweep found, over `WindowSeconds`.
 * Source  a size and mtime sweep; the watcher only wakes it, because watchers lose events in a burst.
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
 * An archive that was made, or appeared, and stopped growing.
 *
 * Shape   `Parts` 1, or as many as it was split into; `Bytes` of all of them. `Image` the program that made it.
 * Errors  RootKind null: outside every watched folder. Encrypted and Image null: nobody saw it being made.
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

/** A file system that was mounted. `VirtualMedia`: the device calls itself a virtual or optical drive of a KVM. */
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
 * Shape   `Host` the host's name, without port; `Namespace` the first part of the path there (a person's or a team's
 *         name), never the rest, never a user or password. `InsideOrganisation` is the server's to say: null from an agent.
 * Units   `Bytes` of the packs a clone left on the disk; null for a push, whose size git does not leave behind.
 * Errors  Host null: a folder on this laptop or a file, or a remote that could not be read.
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
