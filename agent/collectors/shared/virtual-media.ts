/** Whether a disk is a virtual drive of a KVM, by the names that it gives itself. */
const KVM_VENDORS = /jetkvm|pikvm|nanokvm|sipeed|glinet|tinypilot/i
/** Names from servers' management boards and KVMs. Also a virtual machine's own disks, but these are not on USB. */
const KVM_DISKS = /virtual *(media|cd|dvd|floppy)|optical drive/i

/** `external`: on USB, or an optical drive. */
export function isVirtualMedia(model: string, external: boolean): boolean {
  return KVM_VENDORS.test(model) || (external && KVM_DISKS.test(model))
}
