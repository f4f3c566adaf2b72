/** A file of the console as it is sent: whole, compressed in two ways, with what a browser caches it by. */
export interface ConsoleFile {
  body: Uint8Array<ArrayBuffer>
  gzip: Uint8Array<ArrayBuffer>
  br: Uint8Array<ArrayBuffer>
  type: string
  etag: string
  immutable: boolean
}
