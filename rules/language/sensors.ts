/** What saw it. Two findings of one sensor overlap; those of two sensors are independent. */
export const SENSORS = [
  'process',
  'software',
  'tool_log',
  'address',
  'round_trip',
  'clock',
  'peripheral',
  'display',
  'input',
  'presence',
  'files',
  'code_host',
  'identity_provider',
  'hr',
  'agent',
] as const
export type Sensor = (typeof SENSORS)[number]
