/**
 * What a C compiler says about the structures, against our own description of them.
 *
 * Source  `printf` of each expression, compiled with gcc 12 for x86-64 from the structures in xnu-11417.101.15
 *         (bsd/sys/proc_info.h, bsd/sys/mount.h, bsd/net/if.h, if_var.h, if_dl.h, route.h). Their members have the same
 *         sizes and alignments on arm64. No Mac has confirmed them.
 */
import assert from 'node:assert/strict'
import * as layouts from '../../../../agent/host/macos/layouts.ts'

const FIGURES: readonly (readonly [expression: string, ours: number, compiler: number])[] = [
  ['sizeof(struct proc_bsdinfo)', layouts.proc_bsdinfo.size, 136],
  ['offsetof(struct proc_bsdinfo, pbi_flags)', layouts.proc_bsdinfo.at.pbi_flags, 0],
  ['offsetof(struct proc_bsdinfo, pbi_status)', layouts.proc_bsdinfo.at.pbi_status, 4],
  ['offsetof(struct proc_bsdinfo, pbi_pid)', layouts.proc_bsdinfo.at.pbi_pid, 12],
  ['offsetof(struct proc_bsdinfo, pbi_ppid)', layouts.proc_bsdinfo.at.pbi_ppid, 16],
  ['offsetof(struct proc_bsdinfo, pbi_uid)', layouts.proc_bsdinfo.at.pbi_uid, 20],
  ['offsetof(struct proc_bsdinfo, pbi_comm)', layouts.proc_bsdinfo.at.pbi_comm, 48],
  ['offsetof(struct proc_bsdinfo, pbi_name)', layouts.proc_bsdinfo.at.pbi_name, 64],
  ['offsetof(struct proc_bsdinfo, pbi_start_tvsec)', layouts.proc_bsdinfo.at.pbi_start_tvsec, 120],
  ['offsetof(struct proc_bsdinfo, pbi_start_tvusec)', layouts.proc_bsdinfo.at.pbi_start_tvusec, 128],
  ['sizeof(struct vnode_info_path)', layouts.vnode_info_path.size, 1176],
  ['offsetof(struct vnode_info_path, vip_path)', layouts.vnode_info_path.at.vip_path, 152],
  ['sizeof(struct proc_vnodepathinfo)', layouts.proc_vnodepathinfo.size, 2352],
  ['offsetof(struct proc_vnodepathinfo, pvi_cdir)', layouts.proc_vnodepathinfo.at.pvi_cdir, 0],
  ['offsetof(struct proc_vnodepathinfo, pvi_rdir)', layouts.proc_vnodepathinfo.at.pvi_rdir, 1176],
  ['sizeof(struct in_sockinfo)', layouts.in_sockinfo.size, 80],
  ['offsetof(struct in_sockinfo, insi_fport)', layouts.in_sockinfo.at.insi_fport, 0],
  ['offsetof(struct in_sockinfo, insi_lport)', layouts.in_sockinfo.at.insi_lport, 4],
  ['offsetof(struct in_sockinfo, insi_vflag)', layouts.in_sockinfo.at.insi_vflag, 24],
  ['offsetof(struct in_sockinfo, insi_faddr)', layouts.in_sockinfo.at.insi_faddr, 32],
  ['offsetof(struct in_sockinfo, insi_laddr)', layouts.in_sockinfo.at.insi_laddr, 48],
  ['offsetof(struct in_sockinfo, insi_v4)', layouts.in_sockinfo.at.insi_v4, 64],
  ['offsetof(struct in_sockinfo, insi_v6)', layouts.in_sockinfo.at.insi_v6, 68],
  ['sizeof(struct tcp_sockinfo)', layouts.tcp_sockinfo.size, 120],
  ['offsetof(struct tcp_sockinfo, tcpsi_state)', layouts.tcp_sockinfo.at.tcpsi_state, 80],
  ['sizeof(struct socket_info)', layouts.socket_info.size, 768],
  ['offsetof(struct socket_info, soi_so)', layouts.socket_info.at.soi_so, 136],
  ['offsetof(struct socket_info, soi_type)', layouts.socket_info.at.soi_type, 152],
  ['offsetof(struct socket_info, soi_protocol)', layouts.socket_info.at.soi_protocol, 156],
  ['offsetof(struct socket_info, soi_family)', layouts.socket_info.at.soi_family, 160],
  ['offsetof(struct socket_info, soi_kind)', layouts.socket_info.at.soi_kind, 232],
  ['offsetof(struct socket_info, soi_proto)', layouts.socket_info.at.soi_proto, 240],
  ['sizeof(struct socket_fdinfo)', layouts.socket_fdinfo.size, 792],
  ['offsetof(struct socket_fdinfo, psi)', layouts.socket_fdinfo.at.psi, 24],
  ['sizeof(struct proc_fdinfo)', layouts.proc_fdinfo.size, 8],
  ['offsetof(struct proc_fdinfo, proc_fdtype)', layouts.proc_fdinfo.at.proc_fdtype, 4],
  ['sizeof(struct if_data64)', layouts.if_data64.size, 128],
  ['offsetof(struct if_data64, ifi_type)', layouts.if_data64.at.ifi_type, 0],
  ['offsetof(struct if_data64, ifi_mtu)', layouts.if_data64.at.ifi_mtu, 8],
  ['offsetof(struct if_data64, ifi_ibytes)', layouts.if_data64.at.ifi_ibytes, 64],
  ['offsetof(struct if_data64, ifi_obytes)', layouts.if_data64.at.ifi_obytes, 72],
  ['sizeof(struct if_msghdr2)', layouts.if_msghdr2.size, 160],
  ['offsetof(struct if_msghdr2, ifm_type)', layouts.if_msghdr2.at.ifm_type, 3],
  ['offsetof(struct if_msghdr2, ifm_flags)', layouts.if_msghdr2.at.ifm_flags, 8],
  ['offsetof(struct if_msghdr2, ifm_index)', layouts.if_msghdr2.at.ifm_index, 12],
  ['offsetof(struct if_msghdr2, ifm_data)', layouts.if_msghdr2.at.ifm_data, 32],
  ['sizeof(struct rt_msghdr)', layouts.rt_msghdr.size, 92],
  ['offsetof(struct rt_msghdr, rtm_type)', layouts.rt_msghdr.at.rtm_type, 3],
  ['offsetof(struct rt_msghdr, rtm_index)', layouts.rt_msghdr.at.rtm_index, 4],
  ['offsetof(struct rt_msghdr, rtm_flags)', layouts.rt_msghdr.at.rtm_flags, 8],
  ['offsetof(struct rt_msghdr, rtm_addrs)', layouts.rt_msghdr.at.rtm_addrs, 12],
  ['offsetof(struct rt_msghdr, rtm_rmx)', layouts.rt_msghdr.at.rtm_rmx, 36],
  ['sizeof(struct sockaddr_dl)', layouts.sockaddr_dl.size, 20],
  ['offsetof(struct sockaddr_dl, sdl_index)', layouts.sockaddr_dl.at.sdl_index, 2],
  ['offsetof(struct sockaddr_dl, sdl_type)', layouts.sockaddr_dl.at.sdl_type, 4],
  ['offsetof(struct sockaddr_dl, sdl_nlen)', layouts.sockaddr_dl.at.sdl_nlen, 5],
  ['offsetof(struct sockaddr_dl, sdl_alen)', layouts.sockaddr_dl.at.sdl_alen, 6],
  ['offsetof(struct sockaddr_dl, sdl_data)', layouts.sockaddr_dl.at.sdl_data, 8],
  ['sizeof(struct statfs64)', layouts.statfs64.size, 2168],
  ['offsetof(struct statfs64, f_bsize)', layouts.statfs64.at.f_bsize, 0],
  ['offsetof(struct statfs64, f_blocks)', layouts.statfs64.at.f_blocks, 8],
  ['offsetof(struct statfs64, f_fsid)', layouts.statfs64.at.f_fsid, 48],
  ['offsetof(struct statfs64, f_flags)', layouts.statfs64.at.f_flags, 64],
  ['offsetof(struct statfs64, f_fstypename)', layouts.statfs64.at.f_fstypename, 72],
  ['offsetof(struct statfs64, f_mntonname)', layouts.statfs64.at.f_mntonname, 88],
  ['offsetof(struct statfs64, f_mntfromname)', layouts.statfs64.at.f_mntfromname, 1112],
  // Constants in layouts.ts stand for these.
  ['sizeof(struct vinfo_stat)', layouts.socket_info.at.soi_so, 136],
  ['sizeof(struct vnode_info)', layouts.vnode_info_path.at.vip_path, 152],
  ['sizeof(struct proc_fileinfo)', layouts.socket_fdinfo.at.psi, 24],
]

describe('agent/host/macos/layouts', () => {
  for (const [expression, ours, compiler] of FIGURES) it(expression, () => assert.equal(ours, compiler))
})
