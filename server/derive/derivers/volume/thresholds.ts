/** The sums from which a worker's day, or fourteen days, are an anomaly. */
import * as z from 'zod'
import { PEER_DAYS } from './peers.ts'

/** The days of a drip, and the days before them that may be the habit. */
export const DRIP_DAYS = PEER_DAYS
export const DRIP_HABIT_DAYS = 21

const limits = (floor: number, ratio: number, alone: number) =>
  z
    .strictObject({
      /** In the metric's unit: a smaller sum in 24 hours is never an anomaly. */
      floor: z.number().min(0).default(floor),
      /** Least ratio to the own median. */
      ratio: z.number().min(1).max(1_000).default(ratio),
      /** In the metric's unit: an anomaly even without habit and peers. */
      alone: z.number().min(0).default(alone),
    })
    .prefault({})

export const volumeThresholds = z.strictObject({
  /** Distinct repositories in 24 h: 15 is threat model #70. The rest is our judgement. */
  repositories: limits(15, 3, 15),
  /** Bytes sent: 2 GB and ten times the median are threat model #77. Calls and images need no habit to reach 20 GB. */
  egress_bytes: limits(2e9, 10, 20e9),
  /** Bytes to file shares, chats and paste sites: 500 MB are threat model #72. */
  file_share_bytes: limits(500e6, 5, 500e6),
  /** Bytes and files to removable volumes: threat model #75. */
  removable_bytes: limits(1e9, 5, 1e9),
  removable_files: limits(2_000, 5, 2_000),
  /** Bytes and files to sync folders: threat model #72. Small files come in thousands when a folder is set up. */
  sync_bytes: limits(500e6, 5, 500e6),
  sync_files: limits(1_000, 5, 3_000),
  /** Bytes put into archives in 24 h. Our judgement: builds and releases make some every day. */
  archive_bytes: limits(1e9, 5, 5e9),
  /** Active days of the 28 before from which there is a habit. */
  habitDays: z.int().min(2).max(28).default(5),
  /** Robust standard deviations above the own median, if days differ at all. The usual 3.5 (Iglewicz and Hoaglin). */
  habitZ: z.number().min(0).max(100).default(3.5),
  /** Least number of other workers with the same role and `habitDays` active days of the 14. */
  leastPeers: z.int().min(1).max(10_000).default(8),
  /** Least ratio to the peers' 85th percentile, where the 99th may be of other thieves. Our judgement. */
  peersRatio: z.number().min(1).max(100).default(5),
  /** Least ratio to the peers' percentiles while there is no habit. Our judgement. */
  newcomerRatio: z.number().min(1).max(100).default(2),
  /** Least bytes of archives in an hour for an upload of that size to count: threat model #74. */
  archivedBytes: z.number().min(0).default(200e6),
  /** The share of the archives' bytes that must be sent within two hours: threat model #74. */
  uploadedShare: z.number().min(0.1).max(1).default(0.8),
  /** Least ratio to two hours of the own median day, so that a call is not an upload. Our judgement. */
  uploadedRatio: z.number().min(0).max(100).default(3),
  /** Least sum of shares: 2 is as much as the busy peers, in two of three kinds at once. Our judgement. */
  dripShare: z.number().min(0.5).max(100).default(2),
  /** Least ratio to the 85th percentile of the peers' own sums. Our judgement. */
  dripPeersRatio: z.number().min(1).max(100).default(1.5),
  /** Least ratio to the worker's own earlier weeks. Our judgement. */
  dripRatio: z.number().min(1).max(100).default(3),
  /** Days of the 14 that must contribute. Our judgement: more than half of the days, more than a busy week. */
  dripDays: z.int().min(2).max(DRIP_DAYS).default(8),
  /** Active days of the 21 before from which there is a habit. */
  dripHabitDays: z.int().min(2).max(DRIP_HABIT_DAYS).default(10),
  /**
   * Least reference values for 14 days, if peers move less: repositories, bytes sent, bytes set aside. Our judgement.
   */
  dripRepositories: z.number().min(1).default(10),
  dripEgressBytes: z.number().min(1).default(5e9),
  dripAsideBytes: z.number().min(1).default(1e9),
})
export type VolumeThresholds = z.output<typeof volumeThresholds>
