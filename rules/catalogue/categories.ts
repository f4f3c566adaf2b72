/**
 * What a catalogue entry is for. Rules match these words in `ToolCategory`, so the list is closed: rename nothing, and
 * add a word only with its line here and in README.md; a test compares the three.
 */

interface CategoryFacts {
  /** One line for people. */
  about: string
  /** It lets somebody else drive the laptop: counted in `VendorsLast30d`. */
  remoteControl: boolean
}

export const TOOL_CATEGORIES = {
  /** Made for working on a computer from afar, attended or not. */
  'remote-desktop': control('works on this laptop from elsewhere'),
  /** Made for help desks: a session with a technician, often started by a link. */
  'remote-support': control("lets a technician in, at the user's word or without"),
  /** An agent of remote management: scripts, files and screens for many machines. */
  'rmm-agent': control('manages this laptop for somebody else'),
  /** The server end of VNC; viewers are no entry. */
  vnc: control('shares the screen and keyboard over VNC'),
  /** Sold as remote control, used as malware. */
  'malware-rat': control('remote control that hides'),
  /** A terminal handed to others. */
  'remote-shell': plain('hands a terminal to others'),
  /** Part of the system or desktop; on every laptop, running on few. */
  builtin: plain("the system's own remote desktop or help"),
  /** Calls in which others may be given control. Presence alone is nothing. */
  meeting: plain('calls with screen sharing and remote control'),
  /** A picture of the screen elsewhere, rarely with control. */
  'screen-sharing': plain('shows the screen on another device'),
  /** One keyboard and mouse for several computers. */
  'software-kvm': plain('shares keyboard and mouse between computers'),
  /** A way in through the firewall, or a port of this laptop on the Internet. */
  tunnel: plain('opens a way in from the Internet'),
  /** A private network over the Internet; companies use the same products. */
  'mesh-vpn': plain('joins this laptop to a private network'),
  /** Sold to persons, to be elsewhere. */
  'consumer-vpn': plain('hides where this laptop is'),
  /** The same as a browser extension. */
  'vpn-extension': plain("hides where the browser's traffic comes from"),
  /** A company's own. Presence alone is nothing. */
  'corporate-vpn': plain("connects to a company's network"),
  /** OpenVPN, WireGuard: whose it is, the name does not say. */
  'generic-vpn': plain('a VPN client of no particular provider'),
  /** Made against censorship. */
  circumvention: plain('goes round network filters'),
  /** Sends programs through a proxy. */
  'proxy-client': plain('sends other programs through a proxy'),
  /** Sells or buys the use of home connections. */
  'residential-proxy': plain('lends or borrows home connections'),
  /** Tor and I2P. */
  tor: plain('an anonymity network'),
  /** Chat and files between computers of one room. */
  'lan-chat': plain('chat and files within one local network'),
  /** Keeps the screen from locking, or moves the mouse. */
  'keep-awake': plain('pretends that somebody is there'),
  /** A camera that is a program. */
  'virtual-camera': plain('gives calls a made-up camera'),
  /** Another face on one's own. */
  'face-swap': plain('changes the face in pictures or calls'),
  /** Another voice, or sound led from program to program. */
  'voice-changer': plain('changes the voice in calls'),
  /** Folders copied to somebody's cloud; a company's tenant looks the same. */
  'cloud-sync': plain('copies folders to a cloud'),
  /** Whole disks or folders kept elsewhere. */
  backup: plain('keeps copies elsewhere'),
  /** Sends many files anywhere from a command line or a peer. */
  'exfil-cli': plain('sends files to any place'),
  /** Web sites for handing files over; here a browser's visit counts too. */
  'file-drop': plain('a web site for handing files over'),
  /** Chats that carry files. Presence alone is nothing. */
  messaging: plain('chat that carries files'),
  /** Fills in applications for jobs. */
  'job-automation': plain('fills in job applications'),
  /** Whispers answers in interviews. */
  'interview-ai': plain('gives answers in interviews'),
  /** One-time codes kept in the browser. */
  'otp-extension': plain('one-time codes in the browser'),
  /** Takes cookies or tokens out of a browser. */
  'session-export': plain('takes sessions out of a browser'),
  /** A browser that is several people. */
  'antidetect-browser': plain('keeps several identities apart'),
  /** A telephone in a window. */
  'phone-emulator': plain('a telephone in a window'),
  /** Keeps keys to crypto-currency. Ids only, never balances. */
  'crypto-wallet': plain('keeps keys to crypto-currency'),
  /** Code run from what is not code: the mark of projects that bite whoever opens them. */
  'code-hook': plain('runs code out of what is not code'),
  /** Addresses and hosts of published campaigns. They live for weeks: look at the date. */
  campaign: plain('an address of a published campaign'),
  /** An employer's clock; another employer's is another job. */
  'time-tracker': plain("an employer's time tracker"),
  /** An employer's eye. */
  'employee-monitoring': plain("an employer's monitoring"),
  /** Counts what a company owns. */
  'inventory-agent': plain("a company's inventory or security agent"),
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
function plain(about: string): CategoryFacts {
  return { about, remoteControl: false }
}
