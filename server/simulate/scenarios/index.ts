/** All scenes, one file each: the threat model's sections 3 and 4. */
import type { Scenario } from '../scene.ts'
import { n01 } from './n01-help-desk.ts'
import { n02 } from './n02-move-of-tools.ts'
import { n03 } from './n03-provisioning.ts'
import { n04 } from './n04-journey.ts'
import { n05 } from './n05-company-gateway.ts'
import { n06 } from './n06-privacy-vpn.ts'
import { n07 } from './n07-telephone.ts'
import { n08 } from './n08-coworking.ts'
import { n09 } from './n09-couple.ts'
import { n10 } from './n10-hot-desks.ts'
import { n11 } from './n11-lab-kvm.ts'
import { n12 } from './n12-clamshell.ts'
import { n13 } from './n13-streamer.ts'
import { n14 } from './n14-kept-awake.ts'
import { n15 } from './n15-new-hire.ts'
import { n16 } from './n16-mirror.ts'
import { n17 } from './n17-backup.ts'
import { n18 } from './n18-first-sync.ts'
import { n19 } from './n19-big-deliveries.ts'
import { n20 } from './n20-developers-tunnels.ts'
import { n21 } from './n21-other-hours.ts'
import { n22 } from './n22-two-languages.ts'
import { n23 } from './n23-other-input.ts'
import { n24 } from './n24-asleep.ts'
import { n25 } from './n25-emulators-and-wallets.ts'
import { n26 } from './n26-repair.ts'
import { n27 } from './n27-moved-by-a-database.ts'
import { n28 } from './n28-clocks.ts'
import { n29 } from './n29-job-seeker.ts'
import { n30 } from './n30-travel-esim.ts'
import { n31 } from './n31-hopping-gateway.ts'
import { n32 } from './n32-satellite.ts'
import { n33 } from './n33-own-management.ts'
import { n34 } from './n34-service-account.ts'
import { n35 } from './n35-factory-serials.ts'
import { n36 } from './n36-weekend-edition.ts'
import { n37 } from './n37-carrier-address.ts'
import { n38 } from './n38-two-lines.ts'
import { p01 } from './p01-day-zero-takeover.ts'
import { p02 } from './p02-profile-and-pin.ts'
import { p03 } from './p03-ship-drift.ts'
import { p04 } from './p04-farm.ts'
import { p05 } from './p05-hidden-farm.ts'
import { p06 } from './p06-kvm-seat.ts'
import { p07 } from './p07-second-door.ts'
import { p08 } from './p08-operator-unmasked.ts'
import { p09 } from './p09-two-places.ts'
import { p10 } from './p10-presence-theatre.ts'
import { p11 } from './p11-quiet-thief.ts'
import { p12 } from './p12-slow-drip.ts'
import { p13 } from './p13-exit-extortion.ts'
import { p14 } from './p14-block-and-return.ts'
import { p15 } from './p15-blind-and-act.ts'
import { p16 } from './p16-referral-ring.ts'
import { p17 } from './p17-mfa-hub.ts'
import { p18 } from './p18-device-emigrates.ts'
import { p19 } from './p19-verification-dodge.ts'
import { p20 } from './p20-dev-trap.ts'
import { p21 } from './p21-meeting-tunnel.ts'
import { p22 } from './p22-router-vpn.ts'
import { p23 } from './p23-cloned-agent.ts'
import { p24 } from './p24-cloud-only.ts'
import { p25 } from './p25-rented-face.ts'
import { p26 } from './p26-approved-tool-abroad.ts'

export const SCENARIOS: readonly Scenario[] = [
  p01,
  p02,
  p03,
  p04,
  p05,
  p06,
  p07,
  p08,
  p09,
  p10,
  p11,
  p12,
  p13,
  p14,
  p15,
  p16,
  p17,
  p18,
  p19,
  p20,
  p21,
  p22,
  p23,
  p24,
  p25,
  p26,
  n01,
  n02,
  n03,
  n04,
  n05,
  n06,
  n07,
  n08,
  n09,
  n10,
  n11,
  n12,
  n13,
  n14,
  n15,
  n16,
  n17,
  n18,
  n19,
  n20,
  n21,
  n22,
  n23,
  n24,
  n25,
  n26,
  n27,
  n28,
  n29,
  n30,
  n31,
  n32,
  n33,
  n34,
  n35,
  n36,
  n37,
  n38,
]
