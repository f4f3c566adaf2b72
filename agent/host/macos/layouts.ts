/**
 * The structures that macOS fills for us, 64-bit.
 *
 * Source  xnu-11417.101.15: bsd/sys/proc_info.h, bsd/sys/mount.h, bsd/net/if.h, if_var.h, if_dl.h, route.h.
 *         `test/agent/host/macos/layouts.test.ts` compares each offset that is read with what a C compiler makes of these
 *         headers. No Mac has filled one yet.
 */
import { layout } from '../layout.ts'

const INT = 4
const UINT64 = 8
const octets = (size: number) => [size, 1] as const

export const proc_bsdinfo = layout({
  pbi_flags: INT,
  pbi_status: INT,
  pbi_xstatus: INT,
  pbi_pid: INT,
  pbi_ppid: INT,
  pbi_uid: INT,
  ids: [6 * INT, INT],
  pbi_comm: octets(16),
  pbi_name: octets(32),
  pbi_nfiles: INT,
  pbi_pgid: INT,
  pbi_pjobc: INT,
  e_tdev: INT,
  e_tpgid: INT,
  pbi_nice: INT,
  pbi_start_tvsec: UINT64,
  pbi_start_tvusec: UINT64,
})
const VINFO_STAT = 136
export const vnode_info_path = layout({ vip_vi: [VINFO_STAT + 16, UINT64], vip_path: octets(1_024) })
export const proc_vnodepathinfo = layout({
  pvi_cdir: [vnode_info_path.size, UINT64],
  pvi_rdir: [vnode_info_path.size, UINT64],
})
export const proc_fdinfo = layout({ proc_fd: INT, proc_fdtype: INT })
export const in_sockinfo = layout({
  insi_fport: INT,
  insi_lport: INT,
  insi_gencnt: UINT64,
  insi_flags: INT,
  insi_flow: INT,
  insi_vflag: 1,
  insi_ip_ttl: 1,
  rfu_1: INT,
  insi_faddr: [16, INT],
  insi_laddr: [16, INT],
  insi_v4: 1,
  insi_v6: [12, INT],
})
export const tcp_sockinfo = layout({
  tcpsi_ini: [in_sockinfo.size, UINT64],
  tcpsi_state: INT,
  tcpsi_timer: [4 * INT, INT],
  tcpsi_mss: INT,
  tcpsi_flags: INT,
  rfu_1: INT,
  tcpsi_tp: UINT64,
})
const UN_SOCKINFO = 528
export const socket_info = layout({
  soi_stat: [VINFO_STAT, UINT64],
  soi_so: UINT64,
  soi_pcb: UINT64,
  soi_type: INT,
  soi_protocol: INT,
  soi_family: INT,
  options: [8 * 2, 2],
  soi_oobmark: INT,
  soi_rcv: [24, INT],
  soi_snd: [24, INT],
  soi_kind: INT,
  rfu_1: INT,
  soi_proto: [UN_SOCKINFO, UINT64],
})
export const socket_fdinfo = layout({ pfi: [24, UINT64], psi: [socket_info.size, UINT64] })

/** The route messages are packed to four bytes. */
export const if_msghdr2 = layout({
  ifm_msglen: 2,
  ifm_version: 1,
  ifm_type: 1,
  ifm_addrs: INT,
  ifm_flags: INT,
  ifm_index: 2,
  queue: [4 * INT, INT],
  ifm_data: [128, INT],
})
export const if_data64 = layout({
  ifi_type: 1,
  small: octets(7),
  ifi_mtu: INT,
  ifi_metric: INT,
  ifi_baudrate: [UINT64, INT],
  packets: [5 * UINT64, INT],
  ifi_ibytes: [UINT64, INT],
  ifi_obytes: [UINT64, INT],
  others: [48, INT],
})
export const rt_msghdr = layout({
  rtm_msglen: 2,
  rtm_version: 1,
  rtm_type: 1,
  rtm_index: 2,
  rtm_flags: INT,
  rtm_addrs: INT,
  rtm_pid: INT,
  rtm_seq: INT,
  rtm_errno: INT,
  rtm_use: INT,
  rtm_inits: INT,
  rtm_rmx: [56, INT],
})
export const sockaddr_dl = layout({
  sdl_len: 1,
  sdl_family: 1,
  sdl_index: 2,
  sdl_type: 1,
  sdl_nlen: 1,
  sdl_alen: 1,
  sdl_slen: 1,
  sdl_data: octets(12),
})
export const statfs64 = layout({
  f_bsize: INT,
  f_iosize: INT,
  f_blocks: UINT64,
  f_bfree: UINT64,
  f_bavail: UINT64,
  f_files: UINT64,
  f_ffree: UINT64,
  f_fsid: [8, INT],
  f_owner: INT,
  f_type: INT,
  f_flags: INT,
  f_fssubtype: INT,
  f_fstypename: octets(16),
  f_mntonname: octets(1_024),
  f_mntfromname: octets(1_024),
  f_flags_ext: INT,
  f_reserved: [7 * INT, INT],
})
