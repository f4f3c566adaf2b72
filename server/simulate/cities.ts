/**
 * The places of people and networks: cities, and the internet providers of their countries.
 *
 * Units   degrees WGS 84, to a hundredth; IANA zones.
 * Source  general geography; AS numbers of the largest consumer and mobile providers as commonly known. They are
 *         realistic, not authoritative: every recorded session has its address facts with it.
 */
export interface City {
  city: string
  region: string
  country: string
  lat: number
  lon: number
  zone: string
}

type Row = readonly [city: string, region: string, country: string, lat: number, lon: number, zone: string]

const ROWS: readonly Row[] = [
  ['New York', 'New York', 'US', 40.71, -74.01, 'America/New_York'],
  ['Boston', 'Massachusetts', 'US', 42.36, -71.06, 'America/New_York'],
  ['Atlanta', 'Georgia', 'US', 33.75, -84.39, 'America/New_York'],
  ['Miami', 'Florida', 'US', 25.76, -80.19, 'America/New_York'],
  ['Raleigh', 'North Carolina', 'US', 35.78, -78.64, 'America/New_York'],
  ['Nashville', 'Tennessee', 'US', 36.16, -86.78, 'America/Chicago'],
  ['Chicago', 'Illinois', 'US', 41.88, -87.63, 'America/Chicago'],
  ['Minneapolis', 'Minnesota', 'US', 44.98, -93.27, 'America/Chicago'],
  ['Austin', 'Texas', 'US', 30.27, -97.74, 'America/Chicago'],
  ['Dallas', 'Texas', 'US', 32.78, -96.8, 'America/Chicago'],
  ['Denver', 'Colorado', 'US', 39.74, -104.99, 'America/Denver'],
  ['Phoenix', 'Arizona', 'US', 33.45, -112.07, 'America/Phoenix'],
  ['Las Vegas', 'Nevada', 'US', 36.17, -115.14, 'America/Los_Angeles'],
  ['Los Angeles', 'California', 'US', 34.05, -118.24, 'America/Los_Angeles'],
  ['San Francisco', 'California', 'US', 37.77, -122.42, 'America/Los_Angeles'],
  ['Portland', 'Oregon', 'US', 45.52, -122.68, 'America/Los_Angeles'],
  ['Seattle', 'Washington', 'US', 47.61, -122.33, 'America/Los_Angeles'],
  ['Ashburn', 'Virginia', 'US', 39.04, -77.49, 'America/New_York'],
  ['Toronto', 'Ontario', 'CA', 43.65, -79.38, 'America/Toronto'],
  ['Montreal', 'Quebec', 'CA', 45.5, -73.57, 'America/Toronto'],
  ['Vancouver', 'British Columbia', 'CA', 49.28, -123.12, 'America/Vancouver'],
  ['Mexico City', 'Mexico City', 'MX', 19.43, -99.13, 'America/Mexico_City'],
  ['Guadalajara', 'Jalisco', 'MX', 20.66, -103.35, 'America/Mexico_City'],
  ['Sao Paulo', 'Sao Paulo', 'BR', -23.55, -46.63, 'America/Sao_Paulo'],
  ['Florianopolis', 'Santa Catarina', 'BR', -27.6, -48.55, 'America/Sao_Paulo'],
  ['Recife', 'Pernambuco', 'BR', -8.05, -34.9, 'America/Recife'],
  ['Buenos Aires', 'Buenos Aires', 'AR', -34.6, -58.38, 'America/Argentina/Buenos_Aires'],
  ['Cordoba', 'Cordoba', 'AR', -31.42, -64.18, 'America/Argentina/Cordoba'],
  ['London', 'England', 'GB', 51.51, -0.13, 'Europe/London'],
  ['Manchester', 'England', 'GB', 53.48, -2.24, 'Europe/London'],
  ['Edinburgh', 'Scotland', 'GB', 55.95, -3.19, 'Europe/London'],
  ['Dublin', 'Leinster', 'IE', 53.35, -6.26, 'Europe/Dublin'],
  ['Berlin', 'Berlin', 'DE', 52.52, 13.4, 'Europe/Berlin'],
  ['Munich', 'Bavaria', 'DE', 48.14, 11.58, 'Europe/Berlin'],
  ['Hamburg', 'Hamburg', 'DE', 53.55, 9.99, 'Europe/Berlin'],
  ['Paris', 'Ile-de-France', 'FR', 48.86, 2.35, 'Europe/Paris'],
  ['Lyon', 'Auvergne-Rhone-Alpes', 'FR', 45.76, 4.84, 'Europe/Paris'],
  ['Madrid', 'Madrid', 'ES', 40.42, -3.7, 'Europe/Madrid'],
  ['Valencia', 'Valencia', 'ES', 39.47, -0.38, 'Europe/Madrid'],
  ['Lisbon', 'Lisbon', 'PT', 38.72, -9.14, 'Europe/Lisbon'],
  ['Porto', 'Porto', 'PT', 41.15, -8.61, 'Europe/Lisbon'],
  ['Amsterdam', 'North Holland', 'NL', 52.37, 4.9, 'Europe/Amsterdam'],
  ['Warsaw', 'Mazovia', 'PL', 52.23, 21.01, 'Europe/Warsaw'],
  ['Krakow', 'Lesser Poland', 'PL', 50.06, 19.94, 'Europe/Warsaw'],
  ['Wroclaw', 'Lower Silesia', 'PL', 51.11, 17.03, 'Europe/Warsaw'],
  ['Bucharest', 'Bucharest', 'RO', 44.43, 26.1, 'Europe/Bucharest'],
  ['Cluj-Napoca', 'Cluj', 'RO', 46.77, 23.6, 'Europe/Bucharest'],
  ['Bengaluru', 'Karnataka', 'IN', 12.97, 77.59, 'Asia/Kolkata'],
  ['Pune', 'Maharashtra', 'IN', 18.52, 73.86, 'Asia/Kolkata'],
  ['Hyderabad', 'Telangana', 'IN', 17.38, 78.49, 'Asia/Kolkata'],
  ['Manila', 'Metro Manila', 'PH', 14.6, 120.98, 'Asia/Manila'],
  ['Cebu City', 'Central Visayas', 'PH', 10.32, 123.89, 'Asia/Manila'],
  ['Tokyo', 'Tokyo', 'JP', 35.68, 139.69, 'Asia/Tokyo'],
  ['Osaka', 'Osaka', 'JP', 34.69, 135.5, 'Asia/Tokyo'],
  ['Sydney', 'New South Wales', 'AU', -33.87, 151.21, 'Australia/Sydney'],
  ['Melbourne', 'Victoria', 'AU', -37.81, 144.96, 'Australia/Melbourne'],
  ['Seoul', 'Seoul', 'KR', 37.57, 126.98, 'Asia/Seoul'],
  ['Singapore', 'Singapore', 'SG', 1.35, 103.82, 'Asia/Singapore'],
  // Nobody of the fleet lives here: the remote ends of scenes.
  ['Shenyang', 'Liaoning', 'CN', 41.81, 123.43, 'Asia/Shanghai'],
  ['Dandong', 'Liaoning', 'CN', 40.13, 124.39, 'Asia/Shanghai'],
  ['Beijing', 'Beijing', 'CN', 39.9, 116.41, 'Asia/Shanghai'],
  ['Vladivostok', 'Primorye', 'RU', 43.12, 131.89, 'Asia/Vladivostok'],
  ['Moscow', 'Moscow', 'RU', 55.76, 37.62, 'Europe/Moscow'],
  ['Vientiane', 'Vientiane', 'LA', 17.97, 102.6, 'Asia/Vientiane'],
  ['Ho Chi Minh City', 'Ho Chi Minh', 'VN', 10.82, 106.63, 'Asia/Ho_Chi_Minh'],
  ['Dubai', 'Dubai', 'AE', 25.2, 55.27, 'Asia/Dubai'],
  ['Pyongyang', 'Pyongyang', 'KP', 39.03, 125.75, 'Asia/Pyongyang'],
  ['Lagos', 'Lagos', 'NG', 6.52, 3.38, 'Africa/Lagos'],
]

export const CITIES: readonly City[] = ROWS.map(([city, region, country, lat, lon, zone]) => ({
  ...{ city, region, country, lat, lon, zone },
}))

export function cityCalled(name: string): City {
  const found = CITIES.find((it) => it.city === name)
  if (!found) throw new RangeError(`there is no city "${name}" in server/simulate/cities.ts: add a row`)
  return found
}

export type Provider = readonly [asn: number, name: string]

interface Providers {
  home: readonly Provider[]
  mobile: readonly Provider[]
}

const PROVIDERS: Readonly<Record<string, Providers>> = {
  US: {
    home: [
      [7922, 'Comcast'],
      [20115, 'Charter'],
      [7018, 'AT&T'],
      [701, 'Verizon'],
      [22773, 'Cox'],
    ],
    mobile: [
      [21928, 'T-Mobile USA'],
      [6167, 'Verizon Wireless'],
    ],
  },
  CA: {
    home: [
      [812, 'Rogers'],
      [577, 'Bell Canada'],
      [852, 'TELUS'],
    ],
    mobile: [[812, 'Rogers']],
  },
  MX: {
    home: [
      [8151, 'Telmex'],
      [13999, 'Megacable'],
    ],
    mobile: [[28403, 'Telcel']],
  },
  BR: {
    home: [
      [28573, 'Claro'],
      [27699, 'Vivo'],
    ],
    mobile: [[26615, 'TIM']],
  },
  AR: { home: [[7303, 'Telecom Argentina']], mobile: [[22927, 'Telefonica de Argentina']] },
  GB: {
    home: [
      [2856, 'BT'],
      [5089, 'Virgin Media'],
      [5607, 'Sky UK'],
    ],
    mobile: [[12576, 'EE']],
  },
  IE: { home: [[5466, 'Eircom']], mobile: [[15502, 'Vodafone Ireland']] },
  DE: {
    home: [
      [3320, 'Deutsche Telekom'],
      [3209, 'Vodafone'],
      [6805, 'Telefonica Germany'],
    ],
    mobile: [[6805, 'Telefonica Germany']],
  },
  FR: {
    home: [
      [3215, 'Orange'],
      [12322, 'Free'],
      [15557, 'SFR'],
    ],
    mobile: [[5410, 'Bouygues Telecom']],
  },
  ES: {
    home: [
      [3352, 'Telefonica de Espana'],
      [12479, 'Orange Espagne'],
    ],
    mobile: [[12430, 'Vodafone Spain']],
  },
  PT: {
    home: [
      [3243, 'MEO'],
      [2860, 'NOS'],
    ],
    mobile: [[12353, 'Vodafone Portugal']],
  },
  NL: {
    home: [
      [33915, 'VodafoneZiggo'],
      [1136, 'KPN'],
    ],
    mobile: [[1136, 'KPN']],
  },
  PL: {
    home: [
      [5617, 'Orange Polska'],
      [12741, 'Netia'],
    ],
    mobile: [[8374, 'Polkomtel']],
  },
  RO: { home: [[8708, 'Digi']], mobile: [[8953, 'Orange Romania']] },
  IN: {
    home: [
      [24560, 'Airtel Broadband'],
      [17488, 'Hathway'],
      [9829, 'BSNL'],
    ],
    mobile: [[55836, 'Jio']],
  },
  PH: { home: [[9299, 'PLDT']], mobile: [[132199, 'Globe']] },
  JP: {
    home: [
      [4713, 'OCN'],
      [2516, 'KDDI'],
    ],
    mobile: [[9605, 'NTT Docomo']],
  },
  AU: {
    home: [
      [1221, 'Telstra'],
      [7545, 'TPG'],
    ],
    mobile: [[4804, 'Optus']],
  },
  KR: { home: [[4766, 'Korea Telecom']], mobile: [[9644, 'SK Telecom']] },
  SG: { home: [[9506, 'Singtel']], mobile: [[4773, 'MobileOne']] },
  CN: {
    home: [
      [4837, 'China Unicom'],
      [4134, 'China Telecom'],
    ],
    mobile: [[9808, 'China Mobile']],
  },
  RU: { home: [[12389, 'Rostelecom']], mobile: [[8359, 'MTS']] },
  LA: { home: [[9873, 'Lao Telecom']], mobile: [[9873, 'Lao Telecom']] },
  VN: { home: [[45899, 'VNPT']], mobile: [[7552, 'Viettel']] },
  AE: { home: [[5384, 'Etisalat']], mobile: [[15802, 'du']] },
  KP: { home: [[131279, 'Star JV']], mobile: [[131279, 'Star JV']] },
  NG: { home: [[37282, 'MainOne']], mobile: [[29465, 'MTN Nigeria']] },
}

export function providersOf(country: string): Providers {
  const found = PROVIDERS[country]
  if (!found) throw new RangeError(`there are no providers of ${country} in server/simulate/cities.ts: add a row`)
  return found
}
