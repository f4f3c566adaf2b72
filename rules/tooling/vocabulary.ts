/**
 * The names that rules may use here: our events' categories and fields, and Sigma's categories.
 *
 * Shape   categories that only Tellwire has are closed: their events have no other fields. Events of Sigma's categories
 *         may come from other products, with more fields.
 * Source  Sigma specification 2.1, "Sigma Rules Taxonomy", and the categories in SigmaHQ's rules.
 */
import * as z from 'zod'
import { Contract } from '../../wire/contract.ts'
import { Event } from '../../wire/event.ts'
import type { FieldNames, Vocabulary } from '../language/vocabulary.ts'

const SIGMA_CATEGORIES = [
  ...[
    'antivirus',
    'appliance',
    'application',
    'clipboard_capture',
    'create_remote_thread',
    'create_stream_hash',
    'database',
    'dns',
  ],
  ...['dns_query', 'driver_load', 'file_access', 'file_block_executable', 'file_block_shredding', 'file_change'],
  ...['file_delete', 'file_event', 'file_executable_detected', 'file_rename', 'firewall', 'image_load', 'network'],
  ...['network_connection', 'pipe_created', 'process_access', 'process_creation', 'process_tampering'],
  ...[
    'process_termination',
    'proxy',
    'ps_classic_provider_start',
    'ps_classic_script',
    'ps_classic_start',
    'ps_module',
  ],
  ...['ps_script', 'raw_access_thread', 'registry_add', 'registry_delete', 'registry_event', 'registry_rename'],
  ...['registry_set', 'sysmon_error', 'sysmon_status', 'system', 'webserver', 'wmi_event'],
]

/** In SigmaHQ's rules. */
const PRODUCTS = [
  ...'aws azure bitbucket cisco django fortigate fortios gcp github huawei juniper jvm kubernetes linux m365'.split(
    ' ',
  ),
  ...'macos nodejs okta onelogin opencanary paloalto python qualys rpc_firewall ruby_on_rails spring sql'.split(' '),
  ...'velocity windows zeek'.split(' '),
]

/** In SigmaHQ's rules. */
const SERVICES = [
  ...'aaa activitylogs apache application applocker appmodel-runtime appxdeployment-server appxpackaging-om'.split(' '),
  ...'audit auditd auditlogs auth bgp bits-client capi2 certificateservicesclient-lifecycle-system clamav'.split(' '),
  ...'cloudtrail codeintegrity-operational cron dce_rpc diagnosis-scripted dns dns-client dns-server'.split(' '),
  ...'dns-server-analytic driver-framework duo event exchange firewall-as gcp.audit globalprotect'.split(' '),
  ...'google_workspace.admin google_workspace.login guacamole http iis-configuration kerberos ldap ldp'.split(' '),
  ...'lsa-server microsoft-servicebus-client msexchange-management nginx ntlm okta onelogin.events openssh pim'.split(
    ' ',
  ),
  ...'powershell powershell-classic printservice-admin printservice-operational rdp riskdetection security'.split(' '),
  ...'security-mitigations shell-core signinlogs smb_files smbclient-connectivity smbclient-security'.split(' '),
  ...'smbserver-connectivity sshd sslvpnd sudo syslog sysmon system taskscheduler'.split(' '),
  ...'terminalservices-localsessionmanager threat_detection threat_management vsftpd windefend wmi x509'.split(' '),
]

/** Fields that the server adds to an event, and keys of a logsource. */
const CONTEXT = [
  ...['device', 'worker', 'Worker', 'service'],
  ...Object.entries(Contract.shape).flatMap(([key, schema]) =>
    ['', ...keysWithin(schema)].map((inner) => (inner === '' ? `Contract.${key}` : `Contract.${key}.${inner}`)),
  ),
]

/** The fields of an object, or of the objects in a list: 'country' of `shipTo`, 'kind' of `peripherals`. */
function keysWithin(schema: z.core.$ZodType): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodArray)
    return keysWithin(schema.unwrap())
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

const FIELDS: ReadonlyMap<string, FieldNames> = new Map(
  Event.options.map(({ shape }): [string, FieldNames] => [
    shape.category.value,
    {
      names: new Set([...Object.keys(shape), ...CONTEXT]),
      closed: !SIGMA_CATEGORIES.includes(shape.category.value),
    },
  ]),
)

export const VOCABULARY: Vocabulary = {
  categories: new Set([...FIELDS.keys(), ...SIGMA_CATEGORIES]),
  products: new Set(PRODUCTS),
  services: new Set(SERVICES),
  fieldsOf: (category) => FIELDS.get(category) ?? null,
}
