/**
 * The structures that Windows fills for us, 64-bit.
 *
 * Source  the Windows SDK's headers. `test/agent/host/windows/layouts.test.ts` compares each offset that is read with
 *         what a C compiler makes of them: Wine would not notice a mistake that Wine shares.
 */
import { layout } from '../layout.ts'

const DWORD = 4
const POINTER = 8
const LONGLONG = 8
const text = (characters: number) => [characters * 2, 2] as const
const octets = (size: number) => [size, 1] as const

export const UNICODE_STRING = layout({ Length: 2, MaximumLength: 2, Buffer: POINTER })
export const PROCESSENTRY32W = layout({
  dwSize: DWORD,
  cntUsage: DWORD,
  th32ProcessID: DWORD,
  th32DefaultHeapID: POINTER,
  th32ModuleID: DWORD,
  cntThreads: DWORD,
  th32ParentProcessID: DWORD,
  pcPriClassBase: DWORD,
  dwFlags: DWORD,
  szExeFile: text(260),
})

export const PROCESS_BASIC_INFORMATION = layout({
  ExitStatus: DWORD,
  PebBaseAddress: POINTER,
  AffinityMask: POINTER,
  BasePriority: DWORD,
  UniqueProcessId: POINTER,
  ParentProcessId: POINTER,
})
export const PEB = layout({
  Reserved1: octets(2),
  BeingDebugged: 1,
  Reserved2: 1,
  Reserved3: [2 * POINTER, POINTER],
  Ldr: POINTER,
  ProcessParameters: POINTER,
})
export const RTL_USER_PROCESS_PARAMETERS = layout({
  Reserved1: octets(16),
  Reserved2: [5 * POINTER, POINTER],
  CurrentDirectory: [UNICODE_STRING.size, POINTER],
  Reserved3: [3 * POINTER, POINTER],
  ImagePathName: [UNICODE_STRING.size, POINTER],
  CommandLine: [UNICODE_STRING.size, POINTER],
})

export const MIB_TCPROW_OWNER_PID = layout({
  dwState: DWORD,
  dwLocalAddr: DWORD,
  dwLocalPort: DWORD,
  dwRemoteAddr: DWORD,
  dwRemotePort: DWORD,
  dwOwningPid: DWORD,
})
export const MIB_TCP6ROW_OWNER_PID = layout({
  ucLocalAddr: octets(16),
  dwLocalScopeId: DWORD,
  dwLocalPort: DWORD,
  ucRemoteAddr: octets(16),
  dwRemoteScopeId: DWORD,
  dwRemotePort: DWORD,
  dwState: DWORD,
  dwOwningPid: DWORD,
})
export const MIB_UDPROW_OWNER_PID = layout({ dwLocalAddr: DWORD, dwLocalPort: DWORD, dwOwningPid: DWORD })
export const MIB_UDP6ROW_OWNER_PID = layout({
  ucLocalAddr: octets(16),
  dwLocalScopeId: DWORD,
  dwLocalPort: DWORD,
  dwOwningPid: DWORD,
})
/** The rows of the four tables above begin behind their number. */
export const MIB_TABLE_OWNER_PID = layout({ dwNumEntries: DWORD, table: DWORD })

/** Up to the last member that is read. */
export const IP_ADAPTER_ADDRESSES = layout({
  Length: DWORD,
  IfIndex: DWORD,
  Next: POINTER,
  AdapterName: POINTER,
  FirstUnicastAddress: POINTER,
  FirstAnycastAddress: POINTER,
  FirstMulticastAddress: POINTER,
  FirstDnsServerAddress: POINTER,
  DnsSuffix: POINTER,
  Description: POINTER,
  FriendlyName: POINTER,
  PhysicalAddress: octets(8),
  PhysicalAddressLength: DWORD,
  Flags: DWORD,
  Mtu: DWORD,
  IfType: DWORD,
  OperStatus: DWORD,
  Ipv6IfIndex: DWORD,
  ZoneIndices: [16 * DWORD, DWORD],
  FirstPrefix: POINTER,
  TransmitLinkSpeed: LONGLONG,
  ReceiveLinkSpeed: LONGLONG,
  FirstWinsServerAddress: POINTER,
  FirstGatewayAddress: POINTER,
  Ipv4Metric: DWORD,
  Ipv6Metric: DWORD,
})
export const IP_ADAPTER_DNS_SERVER_ADDRESS = layout({
  Length: DWORD,
  Reserved: DWORD,
  Next: POINTER,
  lpSockaddr: POINTER,
  iSockaddrLength: DWORD,
})
export const SOCKADDR_INET = layout({ family: 2, port: 2, in4: DWORD, in6: [16, 4], scope: DWORD })
export const MIB_IPFORWARD_ROW2 = layout({
  InterfaceLuid: LONGLONG,
  InterfaceIndex: DWORD,
  Destination: [SOCKADDR_INET.size, DWORD],
  PrefixLength: [1, 1],
  NextHop: [SOCKADDR_INET.size, DWORD],
  SitePrefixLength: 1,
  ValidLifetime: DWORD,
  PreferredLifetime: DWORD,
  Metric: DWORD,
  Protocol: DWORD,
  Loopback: 1,
  AutoconfigureAddress: 1,
  Publish: 1,
  Immortal: 1,
  Age: DWORD,
  Origin: DWORD,
})
export const MIB_IPNET_ROW2 = layout({
  Address: [SOCKADDR_INET.size, DWORD],
  InterfaceIndex: DWORD,
  InterfaceLuid: LONGLONG,
  PhysicalAddress: octets(32),
  PhysicalAddressLength: DWORD,
  State: DWORD,
  Flags: 1,
  ReachabilityTime: DWORD,
})
export const MIB_IF_ROW2 = layout({
  InterfaceLuid: LONGLONG,
  InterfaceIndex: DWORD,
  InterfaceGuid: [16, 4],
  Alias: text(257),
  Description: text(257),
  PhysicalAddressLength: DWORD,
  PhysicalAddress: octets(32),
  PermanentPhysicalAddress: octets(32),
  Mtu: DWORD,
  Type: DWORD,
  TunnelType: DWORD,
  MediaType: DWORD,
  PhysicalMediumType: DWORD,
  AccessType: DWORD,
  DirectionType: DWORD,
  InterfaceAndOperStatusFlags: 1,
  OperStatus: DWORD,
  AdminStatus: DWORD,
  MediaConnectState: DWORD,
  NetworkGuid: [16, 4],
  ConnectionType: DWORD,
  TransmitLinkSpeed: LONGLONG,
  ReceiveLinkSpeed: LONGLONG,
  InOctets: LONGLONG,
  InOther: [8 * LONGLONG, LONGLONG],
  OutOctets: LONGLONG,
  OutOther: [8 * LONGLONG, LONGLONG],
})
/** The rows of the three tables above begin behind their number, aligned for their widest member. */
export const MIB_TABLE2 = layout({ NumEntries: DWORD, Table: POINTER })

export const STORAGE_PROPERTY_QUERY = layout({ PropertyId: DWORD, QueryType: DWORD, AdditionalParameters: 1 })
export const STORAGE_DEVICE_DESCRIPTOR = layout({
  Version: DWORD,
  Size: DWORD,
  DeviceType: 1,
  DeviceTypeModifier: 1,
  RemovableMedia: 1,
  CommandQueueing: 1,
  VendorIdOffset: DWORD,
  ProductIdOffset: DWORD,
  ProductRevisionOffset: DWORD,
  SerialNumberOffset: DWORD,
  BusType: DWORD,
  RawPropertiesLength: DWORD,
  RawDeviceProperties: 1,
})
/** One entry of a folder; its name follows. */
export const FILE_ID_BOTH_DIR_INFO = layout({
  NextEntryOffset: DWORD,
  FileIndex: DWORD,
  CreationTime: LONGLONG,
  LastAccessTime: LONGLONG,
  LastWriteTime: LONGLONG,
  ChangeTime: LONGLONG,
  EndOfFile: LONGLONG,
  AllocationSize: LONGLONG,
  FileAttributes: DWORD,
  FileNameLength: DWORD,
  EaSize: DWORD,
  ShortNameLength: 1,
  ShortName: text(12),
  FileId: LONGLONG,
  FileName: text(1),
})
export const IO_STATUS_BLOCK = layout({ Status: POINTER, Information: POINTER })
export const WTS_SESSION_INFOW = layout({ SessionId: DWORD, pWinStationName: POINTER, State: DWORD })
export const WTS_CLIENT_ADDRESS = layout({ AddressFamily: DWORD, Address: octets(20) })
export const SYSTEM_POWER_STATUS = layout({
  ACLineStatus: 1,
  BatteryFlag: 1,
  BatteryLifePercent: 1,
  SystemStatusFlag: 1,
  BatteryLifeTime: DWORD,
  BatteryFullLifeTime: DWORD,
})
export const DYNAMIC_TIME_ZONE_INFORMATION = layout({
  Bias: DWORD,
  StandardName: text(32),
  StandardDate: [16, 2],
  StandardBias: DWORD,
  DaylightName: text(32),
  DaylightDate: [16, 2],
  DaylightBias: DWORD,
  TimeZoneKeyName: text(128),
  DynamicDaylightTimeDisabled: 1,
})
export const SP_DEVINFO_DATA = layout({ cbSize: DWORD, ClassGuid: [16, 4], DevInst: DWORD, Reserved: POINTER })
export const SERVICE_STATUS = layout({
  dwServiceType: DWORD,
  dwCurrentState: DWORD,
  dwControlsAccepted: DWORD,
  dwWin32ExitCode: DWORD,
  dwServiceSpecificExitCode: DWORD,
  dwCheckPoint: DWORD,
  dwWaitHint: DWORD,
})
export const SERVICE_TABLE_ENTRYW = layout({ lpServiceName: POINTER, lpServiceProc: POINTER })
export const SERVICE_FAILURE_ACTIONSW = layout({
  dwResetPeriod: DWORD,
  lpRebootMsg: POINTER,
  lpCommand: POINTER,
  cActions: DWORD,
  lpsaActions: POINTER,
})
export const SC_ACTION = layout({ Type: DWORD, Delay: DWORD })
export const TOKEN_USER = layout({ Sid: POINTER, Attributes: DWORD })
