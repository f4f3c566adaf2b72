/**
 * Categories of catalogue entries. Rules match these words in `ToolCategory`, so the list is closed: rename nothing,
 * and add a word only with its line here and in README.md; a test compares the three.
 */

interface CategoryFacts {
  /** One line for people. */
  about: string
  /** It lets somebody else control the laptop: counted in `VendorsLast30d`. */
  remoteControl: boolean
}

export const TOOL_CATEGORIES = {
  /** Made for working on a computer from afar, attended or not. */
  'remote-desktop': control('works on this laptop from elsewhere'),
  /** Made for help desks: a session with a technician, often started by a link. */
  'remote-support': control("lets a technician in, at the user's word or without"),
  /** An agent of remote management: scripts, files and screens for many machines. */
  'rmm-agent': control('manages this laptop for somebody else'),
  /** VNC servers; viewers are not in the catalogue. */
  vnc: control('shares the screen and keyboard over VNC'),
  /** Sold as remote control, used as malware. */
  'malware-rat': control('covert remote control'),
  /** A terminal handed to others. */
  'remote-shell': other('hands a terminal to others'),
  /** Part of the system or desktop; on every laptop, running on few. */
  builtin: other("the system's own remote desktop or help"),
  /** Calls in which others may be given control. Its presence alone means nothing. */
  meeting: other('calls with screen sharing and remote control'),
  /** A picture of the screen elsewhere, rarely with control. */
  'screen-sharing': other('shows the screen on another device'),
  /** One keyboard and mouse for several computers. */
  'software-kvm': other('shares keyboard and mouse between computers'),
  /** A way in through the firewall, or a port of this laptop on the Internet. */
  tunnel: other('opens a way in from the Internet'),
  /** A private network over the Internet; companies use the same products. */
  'mesh-vpn': other('joins this laptop to a private network'),
  /** Sold to persons, to appear elsewhere. */
  'consumer-vpn': other('hides where this laptop is'),
  /** The same as a browser extension. */
  'vpn-extension': other("hides where the browser's traffic comes from"),
  /** A company's own. Its presence alone means nothing. */
  'corporate-vpn': other("connects to a company's network"),
  /** OpenVPN, WireGuard: used by companies and persons. */
  'generic-vpn': other('a VPN client of no particular provider'),
  /** Made against censorship. */
  circumvention: other('bypasses network filters'),
  /** Sends programs through a proxy. */
  'proxy-client': other('sends other programs through a proxy'),
  /** Sells or buys the use of home connections. */
  'residential-proxy': other('shares or uses home connections as a proxy'),
  /** Tor and I2P. */
  tor: other('an anonymity network'),
  /** Chat and files between computers of one room. */
  'lan-chat': other('chat and files within one local network'),
  /** Keeps the screen from locking, or moves the mouse. */
  'keep-awake': other('pretends that somebody is there'),
  /** A camera in software. */
  'virtual-camera': other('gives calls a synthetic camera picture'),
  /** Replaces a face. */
  'face-swap': other('changes the face in pictures or calls'),
  /** Changes a voice, or routes sound between programs. */
  'voice-changer': other('changes the voice in calls'),
  /** Folders copied to somebody's cloud; a company's tenant looks the same. */
  'cloud-sync': other('copies folders to a cloud'),
  /** Whole disks or folders kept elsewhere. */
  backup: other('keeps copies elsewhere'),
  /** Sends many files anywhere from a command line or a peer. */
  'exfil-cli': other('transfers files in bulk'),
  /** Web sites for passing on files; here a browser's visit counts too. */
  'file-drop': other('a web site for handing files over'),
  /** Chats that can send files. Its presence alone means nothing. */
  messaging: other('chat that carries files'),
  /** Fills in applications for jobs. */
  'job-automation': other('fills in job applications'),
  /** Supplies answers in interviews. */
  'interview-ai': other('gives answers in interviews'),
  /** One-time codes kept in the browser. */
  'otp-extension': other('one-time codes in the browser'),
  /** Takes cookies or tokens out of a browser. */
  'session-export': other('exports browser sessions'),
  /** A browser with several separate identities. */
  'antidetect-browser': other('keeps several identities apart'),
  /** An emulated or mirrored phone. */
  'phone-emulator': other('emulates a phone'),
  /** Keeps cryptocurrency keys. Ids only, never balances. */
  'crypto-wallet': other('keeps cryptocurrency keys'),
  /** Code run from files that are not code: typical of trojanised projects. */
  'code-hook': other('runs code from files that are not code'),
  /** Addresses and hosts of published campaigns. They live for weeks: look at the date. */
  campaign: other('an address of a published campaign'),
  /** An employer's time tracker; another employer's means another job. */
  'time-tracker': other("an employer's time tracker"),
  /** An employer's monitoring software. */
  'employee-monitoring': other("an employer's monitoring"),
  /** Counts what a company owns. */
  'inventory-agent': other("a company's inventory or security agent"),
} as const satisfies Record<string, CategoryFacts>

export type ToolCategory = keyof typeof TOOL_CATEGORIES

export function isToolCategory(word: string): word is ToolCategory {
  return Object.hasOwn(TOOL_CATEGORIES, word)
}

export function isRemoteControl(category: string): boolean {
  return isToolCategory(category) && TOOL_CATEGORIES[category].remoteControl
}

function control(about: string): CategoryFacts {
  return { about, remoteControl: true }
}
function other(about: string): CategoryFacts {
  return { about, remoteControl: false }
}
